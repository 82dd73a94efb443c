"""How sure a model is: calibrated probabilities, and intervals around a number.

Both are learnt on calibration rows, which are newer than the training rows and older than the
holdout: neither the fit nor the judgement of the model sees them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from core.engines.calibration import (
    LEAST_ROWS_FOR_ISOTONIC,
    CalibrationMethod,
    fit_isotonic,
    fit_sigmoid,
    log_odds,
)
from core.engines.calibration_error import expected_calibration_error

Floats = NDArray[np.float64]
# A conformal interval at 90 % needs 9 residuals; with fewer than 100 a group's width is erratic.
LEAST_ROWS_PER_GROUP = 100
MOST_GROUPS = 5
# The methods of calibration are compared on this many parts, each judged by curves of the others.
SPLITS = 3


@dataclass(frozen=True, kw_only=True)
class SigmoidCalibrator:
    """One curve per class on the log-odds; several classes are scaled to sum to 1.

    Attributes
    ----------
    classes : list
        Those of the model it was learnt for; all below belong to them.
    slopes, intercepts : ndarray of shape (k,)
        Slope 1 and intercept 0 leave a class as it is.
    curves : list of [ndarray, ndarray], or None
        Where an isotonic curve was better than the sigmoid: its knots, which are used instead.
    method : str
        The :class:`core.engines.calibration.CalibrationMethod` that was chosen.
    errors : mapping of str to float, or None
        The mean expected calibration error of each method that was tried. The defaults of these
        three are what models stored before they existed have.
    """

    classes: list[Any]
    slopes: Floats
    intercepts: Floats
    curves: list[list[Floats]] | None = None
    method: str = "sigmoid"
    errors: Mapping[str, float] | None = None

    def apply(self, proba: Floats, classes: Sequence[Any]) -> Floats:
        """Calibrate probabilities.

        Parameters
        ----------
        proba : ndarray of shape (n, k)
        classes : sequence of k class names
            What the columns mean; one that the calibrator does not know is left as it is (the
            final fit may have seen a class that the approved fit had not).

        Returns
        -------
        ndarray of shape (n, k), rows sum to 1

        Examples
        --------
        >>> calibrator = SigmoidCalibrator(classes=["no", "yes"], slopes=np.array([2.0, 2.0]),
        ...     intercepts=np.array([0.0, 0.0]))
        >>> calibrator.apply(np.array([[0.25, 0.75]]), ["no", "yes"]).round(2).tolist()
        [[0.1, 0.9]]
        """
        if self.method == CalibrationMethod.NONE:
            return proba
        known = {name: position for position, name in enumerate(self.classes)}
        odds = log_odds(proba)
        scores = expit(odds)
        for column, name in enumerate(classes):
            if (at := known.get(name)) is not None:
                scores[:, column] = self._curve(at, odds[:, column])
        return np.asarray(scores / scores.sum(axis=1, keepdims=True))

    def _curve(self, at: int, odds: Floats) -> Floats:
        if self.curves is not None:
            knots, probabilities = self.curves[at]
            return np.asarray(np.interp(odds, knots, probabilities))
        return np.asarray(expit(self.slopes[at] * odds + self.intercepts[at]))


@dataclass(frozen=True, kw_only=True)
class ConformalIntervals:
    """Sorted absolute residuals of calibration rows, by group of similar predictions.

    ``edges`` (g − 1,) part the predictions into g groups with ``residuals`` each; ``tolerance`` is
    the median distance of the target from its median: a constant guess comes that close in half
    of the rows.
    """

    edges: Floats
    residuals: list[Floats]
    tolerance: float

    def half_widths(self, predicted: Floats, coverage: float) -> Floats:
        """Half the width of each row's interval (n,); infinite when residuals are too few.

        The ⌈(m + 1)·coverage⌉-th smallest of a group's m residuals, which covers at least the
        wished share of exchangeable rows (Lei, G'Sell, Rinaldo, Tibshirani and Wasserman 2018,
        "Distribution-free predictive inference for regression", section 2.2; by group: Vovk,
        Gammerman and Shafer 2005, "Algorithmic learning in a random world", section 4.5).

        Parameters
        ----------
        predicted : ndarray of shape (n,)
            What the model predicts for each row.
        coverage : float in (0, 1)
            Share of rows whose truth should lie inside.

        Returns
        -------
        ndarray of shape (n,)
            In the target's unit.

        Examples
        --------
        >>> found = ConformalIntervals(edges=np.array([]), residuals=[np.arange(9.0)],
        ...     tolerance=2.0)
        >>> found.half_widths(np.array([5.0]), 0.8).tolist()
        [7.0]
        """
        widths = np.array([_rank_from_below(group, coverage) for group in self.residuals])
        return np.asarray(widths[self._groups(predicted)])

    def confidence(self, predicted: Floats) -> Floats:
        """Share of a row's group (n,) whose prediction was off by no more than the tolerance.

        0.5 is what a constant guess reaches, 1 a model that is always close. One is added to
        the group's size, as for the intervals, so that few residuals never claim certainty.

        Parameters
        ----------
        predicted : ndarray of shape (n,)
            What the model predicts for each row.

        Returns
        -------
        ndarray of shape (n,)
            In [0, 1).

        Examples
        --------
        >>> found = ConformalIntervals(edges=np.array([]), residuals=[np.arange(9.0)],
        ...     tolerance=2.0)
        >>> found.confidence(np.array([5.0])).tolist()
        [0.3]
        """
        close = [
            np.searchsorted(group, self.tolerance, side="right") / (len(group) + 1)
            for group in self.residuals
        ]
        return np.asarray(np.array(close)[self._groups(predicted)])

    def _groups(self, predicted: Floats) -> NDArray[np.intp]:
        return np.searchsorted(self.edges, predicted, side="left")


def _rank_from_below(sorted_residuals: Floats, coverage: float) -> float:
    # Rounded first: 0.9 · 10 in floating point may lie a hair above 9.
    rank = ceil(round((len(sorted_residuals) + 1) * coverage, 9))
    return float(sorted_residuals[rank - 1]) if rank <= len(sorted_residuals) else float("inf")


class ConfidenceBasedMLEngine:
    """Learns from calibration rows how sure a fitted model may be."""

    def calibrate(
        self, proba: Floats, truth: NDArray[Any], classes: Sequence[Any]
    ) -> SigmoidCalibrator:
        """Choose and fit curves per class, one class against the rest.

        Several classes as Zadrozny and Elkan 2002, "Transforming classifier scores into accurate
        multiclass probability estimates". The methods are compared by their expected calibration
        error on three parts of the rows, each judged by curves that were fitted to the other two.
        Sigmoids, whose two parameters are cheap, give way only to a method that lowers the mean
        error by more than the standard error of the difference over the parts (the rule of one
        standard error: Breiman, Friedman, Olshen and Stone 1984, "Classification and regression
        trees", section 3.4.3). Isotonic curves are tried from 500 rows on.

        Parameters
        ----------
        proba : ndarray of shape (n, k)
            The model's probabilities of calibration rows, sorted by time.
        truth : ndarray of shape (n,)
        classes : sequence of k class names

        Returns
        -------
        SigmoidCalibrator
            Its ``method`` is the choice, its ``errors`` are what it was chosen by.

        Examples
        --------
        >>> odds = np.random.default_rng(0).normal(size=400)
        >>> truth = np.random.default_rng(1).random(400) < expit(odds)
        >>> sure = expit(np.column_stack([-3 * odds, 3 * odds]))  # three times too sure
        >>> found = ConfidenceBasedMLEngine().calibrate(sure, truth, [False, True])
        >>> found.method, found.errors["sigmoid"] < found.errors["none"]
        ('sigmoid', True)
        """
        errors = _errors(proba, truth, classes)
        fitted = _fitted(_chosen(errors), proba, truth, classes)
        means = {str(method): float(np.mean(of_parts)) for method, of_parts in errors.items()}
        return replace(fitted, errors=means)

    def conformalise(self, predicted: Floats, truth: Floats) -> ConformalIntervals | None:
        """Keep the residuals of calibration rows, grouped by quantiles of the prediction.

        Parameters
        ----------
        predicted, truth : ndarray of shape (n,)

        Returns
        -------
        ConformalIntervals or None
            None without calibration rows.

        Examples
        --------
        >>> truth = np.arange(20.0)
        >>> found = ConfidenceBasedMLEngine().conformalise(truth + 1, truth)
        >>> found.half_widths(np.array([3.0]), 0.9).tolist(), found.tolerance
        ([1.0], 5.0)
        """
        if not len(truth):
            return None
        groups = int(np.clip(len(truth) // LEAST_ROWS_PER_GROUP, 1, MOST_GROUPS))
        # Tied predictions can merge quantiles: each edge once, and no group left empty.
        edges = np.unique(np.quantile(predicted, np.arange(1, groups) / groups))
        edges = edges[edges < predicted.max()]
        errors, at = np.abs(truth - predicted), np.searchsorted(edges, predicted, side="left")
        return ConformalIntervals(
            edges=edges,
            residuals=[np.sort(errors[at == group]) for group in range(len(edges) + 1)],
            tolerance=float(np.median(np.abs(truth - np.median(truth)))),
        )


def _errors(
    proba: Floats, truth: NDArray[Any], classes: Sequence[Any]
) -> dict[CalibrationMethod, Floats]:
    """The expected calibration error of each method on each part."""
    if len(truth) < SPLITS:
        return {}
    tried = [CalibrationMethod.NONE, CalibrationMethod.SIGMOID]
    if len(truth) >= LEAST_ROWS_FOR_ISOTONIC:
        tried.append(CalibrationMethod.ISOTONIC)
    parts = np.arange(len(truth)) * SPLITS // len(truth)  # by time
    errors = {method: np.empty(SPLITS) for method in tried}
    for method in tried:
        for part in range(SPLITS):
            judged = parts == part
            curves = _fitted(method, proba[~judged], truth[~judged], classes)
            calibrated = curves.apply(proba[judged], classes)
            errors[method][part] = expected_calibration_error(calibrated, truth[judged], classes)
    return errors


def _chosen(errors: Mapping[CalibrationMethod, Floats]) -> CalibrationMethod:
    chosen = CalibrationMethod.SIGMOID
    for method, of_parts in errors.items():
        lower = errors[chosen] - of_parts
        if lower.mean() > lower.std(ddof=1) / np.sqrt(SPLITS):
            chosen = method
    return chosen


def _fitted(
    method: CalibrationMethod, proba: Floats, truth: NDArray[Any], classes: Sequence[Any]
) -> SigmoidCalibrator:
    odds = log_odds(proba)
    sigmoids, curves = [(1.0, 0.0)] * len(classes), None
    if method is CalibrationMethod.SIGMOID:
        sigmoids = [fit_sigmoid(odds[:, c], truth == name) for c, name in enumerate(classes)]
    elif method is CalibrationMethod.ISOTONIC:
        curves = [fit_isotonic(odds[:, c], truth == name) for c, name in enumerate(classes)]
    return SigmoidCalibrator(
        classes=list(classes),
        slopes=np.array([slope for slope, _ in sigmoids]),
        intercepts=np.array([intercept for _, intercept in sigmoids]),
        curves=curves,
        method=str(method),
    )
