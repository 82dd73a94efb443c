"""How sure a model is: calibrated probabilities, and intervals around a number.

Both are learnt on calibration rows, which are newer than the training rows and older than the
holdout: neither the fit nor the judgement of the model sees them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression

Floats = NDArray[np.float64]
# A sigmoid has two parameters: with fewer rows on either side it follows chance.
LEAST_ROWS_PER_SIDE = 10
# A conformal interval at 90 % needs 9 residuals; with fewer than 100 a group's width is erratic.
LEAST_ROWS_PER_GROUP = 100
MOST_GROUPS = 5
# Probabilities are kept off 0 and 1, where the log-odds are infinite (forests give such ones).
SMALLEST_PROBABILITY = 1e-6


@dataclass(frozen=True, kw_only=True)
class SigmoidCalibrator:
    """One sigmoid per class on the log-odds; several classes are scaled to sum to 1.

    ``classes`` are those of the model it was learnt for, ``slopes`` and ``intercepts`` (k,) belong
    to them. Slope 1 and intercept 0 leave a class as it is.
    """

    classes: list[Any]
    slopes: Floats
    intercepts: Floats

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
        """
        known = {name: position for position, name in enumerate(self.classes)}
        odds = logit(np.clip(proba, SMALLEST_PROBABILITY, 1 - SMALLEST_PROBABILITY))
        for column, name in enumerate(classes):
            if (at := known.get(name)) is not None:
                odds[:, column] = self.slopes[at] * odds[:, column] + self.intercepts[at]
        scores = expit(odds)
        return np.asarray(scores / scores.sum(axis=1, keepdims=True))


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
        """
        widths = np.array([_rank_from_below(group, coverage) for group in self.residuals])
        return np.asarray(widths[self._groups(predicted)])

    def confidence(self, predicted: Floats) -> Floats:
        """Share of a row's group (n,) whose prediction was off by no more than the tolerance.

        0.5 is what a constant guess reaches, 1 a model that is always close. One is added to
        the group's size, as for the intervals, so that few residuals never claim certainty.
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
        """Fit one sigmoid per class, one against the rest.

        Source: Platt 1999, "Probabilistic outputs for support vector machines", with its smoothed
        targets, on the log-odds; several classes as Zadrozny and Elkan 2002, "Transforming
        classifier scores into accurate multiclass probability estimates".

        Parameters
        ----------
        proba : ndarray of shape (n, k)
            The model's probabilities of calibration rows.
        truth : ndarray of shape (n,)
        classes : sequence of k class names
        """
        odds = logit(np.clip(proba, SMALLEST_PROBABILITY, 1 - SMALLEST_PROBABILITY))
        fitted = [_sigmoid(odds[:, c], truth == name) for c, name in enumerate(classes)]
        return SigmoidCalibrator(
            classes=list(classes),
            slopes=np.array([slope for slope, _ in fitted]),
            intercepts=np.array([intercept for _, intercept in fitted]),
        )

    def conformalise(self, predicted: Floats, truth: Floats) -> ConformalIntervals | None:
        """Keep the residuals of calibration rows, grouped by quantiles of the prediction.

        Parameters
        ----------
        predicted, truth : ndarray of shape (n,)

        Returns
        -------
        ConformalIntervals or None
            None without calibration rows.
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


def _sigmoid(odds: Floats, is_class: NDArray[np.bool_]) -> tuple[float, float]:
    """Slope and intercept of Platt's sigmoid, or (1, 0) where the rows cannot tell."""
    positives = int(is_class.sum())
    negatives = len(is_class) - positives
    if min(positives, negatives) < LEAST_ROWS_PER_SIDE or np.ptp(odds) == 0:
        return 1.0, 0.0
    target = np.where(is_class, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    # A target between 0 and 1 is one row of each class with that weight.
    fitted = LogisticRegression(C=np.inf).fit(
        np.concatenate([odds, odds])[:, np.newaxis],
        np.repeat([1, 0], len(odds)),
        sample_weight=np.concatenate([target, 1 - target]),
    )
    slope = float(fitted.coef_[0, 0])
    # Rows that contradict the ranking: turning it round is for a retraining, not for a calibrator.
    return (slope, float(fitted.intercept_[0])) if slope > 0 else (1.0, 0.0)
