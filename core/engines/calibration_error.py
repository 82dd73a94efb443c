"""How far a classifier's probabilities are from how often things happen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

Floats = NDArray[np.float64]
# As many bins as there are rows for, since what a bin is off by chance counts too.
ROWS_PER_BIN = 20
MOST_BINS = 10


class BinnedProbabilities:
    """A model's probabilities of each class, cut into bins of equal size.

    Parameters
    ----------
    proba : ndarray of shape (n, k), n ≥ 1
    truth : ndarray of shape (n,)
    classes : sequence of k class names

    Examples
    --------
    >>> proba = np.tile([[0.2, 0.8]], (100, 1))
    >>> binned = BinnedProbabilities(proba, np.repeat([1, 0], [70, 30]), [0, 1])
    >>> binned.error(np.ones((1, 100))).round(3).tolist()
    [0.1]
    """

    def __init__(self, proba: Floats, truth: NDArray[Any], classes: Sequence[Any]) -> None:
        rows = len(proba)
        bins = int(np.clip(rows // ROWS_PER_BIN, 1, MOST_BINS))
        # Two classes mirror each other: one of them is binned, and counts for both.
        columns, each = ([1], 2.0) if len(classes) == 2 else (list(range(len(classes))), 1.0)
        at = [bins * i + _bins(proba[:, c], bins) for i, c in enumerate(columns)]
        off = [each * ((truth == classes[c]) - proba[:, c]) for c in columns]
        # Each row lies in one bin of each column.
        self._off = csr_array(
            (np.concatenate(off), (np.tile(np.arange(rows), len(columns)), np.concatenate(at))),
            shape=(rows, bins * len(columns)),
        )

    def distances(self, weights: Floats) -> Floats:
        """What each bin adds, with its sign, under each weighting: (b, n) → (b, d).

        Parameters
        ----------
        weights : ndarray of shape (b, n)
            What each row weighs, ≥ 0; a resample's are how often it drew the row.

        Returns
        -------
        ndarray of shape (b, d)
            Of each bin of each class: how often the class is the true one less its probability,
            summed with the weights over the bin's rows, as a share of the weight of all rows. Of
            two classes one is binned, and counts twice.
        """
        return np.asarray((weights @ self._off) / weights.sum(axis=1, keepdims=True))

    def error(self, weights: Floats) -> Floats:
        """The expected calibration error under each weighting: (b, n) → (b,).

        Parameters
        ----------
        weights : ndarray of shape (b, n)
            As :meth:`distances` takes them.

        Returns
        -------
        ndarray of shape (b,)
            In [0, 1], as :func:`expected_calibration_error`.
        """
        return total_distance(self.distances(weights))


def total_distance(distances: Floats) -> Floats:
    """Half the sum of distances of either sign, over the last axis: (b, d) → (b,).

    Parameters
    ----------
    distances : ndarray of shape (b, d)
        As :meth:`BinnedProbabilities.distances` gives them.

    Returns
    -------
    ndarray of shape (b,)
        The total variation distance (source: :func:`expected_calibration_error`).

    Examples
    --------
    >>> total_distance(np.array([[0.1, -0.1]])).tolist()
    [0.1]
    """
    return np.asarray(np.abs(distances).sum(axis=-1) / 2)


def expected_calibration_error(proba: Floats, truth: NDArray[Any], classes: Sequence[Any]) -> float:
    """How far probabilities are from shares, on average: 0 is calibrated.

    The rows are binned by the probability of a class, into bins of equal size (Naeini, Cooper and
    Hauskrecht 2015, "Obtaining well calibrated probabilities using Bayesian binning", section 4,
    for the error; Nguyen and O'Connor 2015, "Posterior calibration and exploratory analysis for
    natural language processing models", section 3, for the bins). The errors of the classes add up
    to the total variation distance, which is half their sum (Widmann, Lindsten and Zachariah 2019,
    "Calibration tests in multi-class classification", section 3): for two classes it is the error
    of either, and with more it does not shrink as their mean would. The confidence in the answer
    alone would not do: chances that are all too high by a tenth leave it, on the whole, right.

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
    return float(BinnedProbabilities(proba, truth, classes).error(np.ones((1, len(proba))))[0])


def _bins(chance: Floats, bins: int) -> NDArray[np.intp]:
    # Equal probabilities belong together: a bin's edge moves to the end of such a run.
    edges = np.unique(np.quantile(chance, np.arange(1, bins) / bins, method="inverted_cdf"))
    return np.searchsorted(edges, chance, side="left")
