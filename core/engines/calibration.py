"""From a classifier's probabilities to calibrated ones: the curves, and how good they are."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

Floats = NDArray[np.float64]
# A sigmoid has two parameters: with fewer rows on either side it follows chance.
LEAST_ROWS_PER_SIDE = 10
# Probabilities are kept off 0 and 1, where the log-odds are infinite (forests give such ones).
SMALLEST_PROBABILITY = 1e-6
# Bins of an ECE: as many as there are rows for, since what a bin is off by chance counts too.
ROWS_PER_BIN = 20
MOST_BINS = 10
# An isotonic curve has as many steps as the rows allow; with fewer it learns them by heart.
LEAST_ROWS_FOR_ISOTONIC = 500


class CalibrationMethod(StrEnum):
    """How probabilities are calibrated."""

    NONE = "none"
    SIGMOID = "sigmoid"
    ISOTONIC = "isotonic"


def log_odds(proba: Floats) -> Floats:
    """log(p / (1 − p)), finite also for probabilities of 0 and 1; any shape.

    Examples
    --------
    >>> log_odds(np.array([0.5, 1.0])).round(1).tolist()
    [0.0, 13.8]
    """
    return np.asarray(logit(np.clip(proba, SMALLEST_PROBABILITY, 1 - SMALLEST_PROBABILITY)))


def expected_calibration_error(proba: Floats, truth: NDArray[Any], classes: Sequence[Any]) -> float:
    """How far probabilities are from shares, on average: 0 is calibrated.

    Rows are binned by their probability, into bins of equal size (Naeini, Cooper and Hauskrecht
    2015, "Obtaining well calibrated probabilities using Bayesian binning", section 4, for the
    error; Nguyen and O'Connor 2015, "Posterior calibration and exploratory analysis", section 3,
    for the bins). Two classes have one error, more have the mean of each against the rest (Kull
    et al. 2019, "Beyond temperature scaling", section 3).

    Parameters
    ----------
    proba : ndarray of shape (n, k), n ≥ 1
    truth : ndarray of shape (n,)
    classes : sequence of k class names

    Returns
    -------
    float in [0, 1]

    Examples
    --------
    >>> proba = np.tile([[0.2, 0.8]], (100, 1))
    >>> round(expected_calibration_error(proba, np.repeat([1, 0], [70, 30]), [0, 1]), 3)
    0.1
    """
    columns = [1] if len(classes) == 2 else range(len(classes))
    errors = [_binary_error(proba[:, c], truth == classes[c]) for c in columns]
    return float(np.mean(errors))


def _binary_error(chance: Floats, is_class: NDArray[np.bool_]) -> float:
    bins = int(np.clip(len(chance) // ROWS_PER_BIN, 1, MOST_BINS))
    # Equal probabilities belong together: a bin's edge moves to the end of such a run.
    edges = np.unique(np.quantile(chance, np.arange(1, bins) / bins, method="inverted_cdf"))
    at = np.searchsorted(edges, chance, side="left")
    off = np.bincount(at, weights=chance - is_class)
    return float(np.abs(off).sum() / len(chance))


def fit_sigmoid(
    odds: Floats, is_class: NDArray[np.bool_], weights: Floats | None = None
) -> tuple[float, float]:
    """Slope and intercept of a sigmoid on log-odds; (1, 0) where the rows cannot tell.

    Source: Platt 1999, "Probabilistic outputs for support vector machines", with its smoothed
    targets.

    Parameters
    ----------
    odds : ndarray of shape (n,)
        Log-odds of the class.
    is_class : ndarray of bool, shape (n,)
    weights : ndarray of shape (n,), optional
        What each row weighs; all the same without.

    Returns
    -------
    tuple of float

    Examples
    --------
    >>> odds = np.repeat([-1.0, 1.0], 200)
    >>> slope, intercept = fit_sigmoid(odds, np.tile([True, False, False, False], 100))
    >>> (slope, intercept)  # the log-odds say nothing here: left as they are
    (1.0, 0.0)
    """
    if min(is_class.sum(), (~is_class).sum()) < LEAST_ROWS_PER_SIDE or np.ptp(odds) == 0:
        return 1.0, 0.0
    weights = np.ones(len(odds)) if weights is None else weights
    target = smoothed_targets(is_class)
    # A target between 0 and 1 is one row of each class with that weight.
    fitted = LogisticRegression(C=np.inf).fit(
        np.concatenate([odds, odds])[:, np.newaxis],
        np.repeat([1, 0], len(odds)),
        sample_weight=np.concatenate([weights * target, weights * (1 - target)]),
    )
    slope = float(fitted.coef_[0, 0])
    # Rows that contradict the ranking: turning it round is for a retraining, not for a calibrator.
    return (slope, float(fitted.intercept_[0])) if slope > 1e-9 else (1.0, 0.0)


def smoothed_targets(is_class: NDArray[np.bool_]) -> Floats:
    """Platt's targets (n,): a little off 0 and 1, the less the more rows there are.

    Examples
    --------
    >>> smoothed_targets(np.array([True, True, False])).round(2).tolist()
    [0.75, 0.75, 0.33]
    """
    positives = int(is_class.sum())
    negatives = len(is_class) - positives
    return np.where(is_class, (positives + 1) / (positives + 2), 1 / (negatives + 2))


def fit_isotonic(odds: Floats, is_class: NDArray[np.bool_]) -> list[Floats]:
    """The knots of a rising curve from log-odds to probability: [log-odds, probabilities].

    Source: Zadrozny and Elkan 2002, "Transforming classifier scores into accurate multiclass
    probability estimates", section 3, on Platt's smoothed targets, so that no probability is 0 or
    1. Between knots the curve is linear, outside it is constant.

    Parameters
    ----------
    odds : ndarray of shape (n,)
    is_class : ndarray of bool, shape (n,)

    Returns
    -------
    list of two ndarrays of shape (s,)

    Examples
    --------
    >>> knots = fit_isotonic(np.array([-2.0, -1.0, 1.0, 2.0]), np.array([False, True, False, True]))
    >>> [knot.round(2).tolist() for knot in knots]
    [[-2.0, -1.0, 1.0, 2.0], [0.25, 0.5, 0.5, 0.75]]
    """
    fitted = IsotonicRegression(out_of_bounds="clip").fit(odds, smoothed_targets(is_class))
    return [np.asarray(fitted.X_thresholds_), np.asarray(fitted.y_thresholds_)]
