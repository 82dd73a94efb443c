"""From a classifier's probabilities to calibrated ones: the curves."""

from __future__ import annotations

from enum import StrEnum

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
# An isotonic curve has as many steps as the rows allow; with fewer it learns them by heart.
LEAST_ROWS_FOR_ISOTONIC = 500


class CalibrationMethod(StrEnum):
    """How probabilities are calibrated."""

    NONE = "none"
    SIGMOID = "sigmoid"
    ISOTONIC = "isotonic"


def log_odds(proba: Floats) -> Floats:
    """log(p / (1 − p)), finite also for probabilities of 0 and 1; any shape.

    Parameters
    ----------
    proba : ndarray of any shape
        In [0, 1].

    Returns
    -------
    ndarray of the same shape
        Natural logarithms, within ±13.8.

    Examples
    --------
    >>> log_odds(np.array([0.5, 1.0])).round(1).tolist()
    [0.0, 13.8]
    """
    return np.asarray(logit(np.clip(proba, SMALLEST_PROBABILITY, 1 - SMALLEST_PROBABILITY)))


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

    Parameters
    ----------
    is_class : ndarray of bool, shape (n,)
        Whether each row is of the class.

    Returns
    -------
    ndarray of shape (n,)
        (n₊ + 1) / (n₊ + 2) for the n₊ rows of the class, 1 / (n₋ + 2) for the n₋ others (Platt
        1999, "Probabilistic outputs for support vector machines").

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
