"""How much of a guess's error one feature alone leaves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import beta

from core.engines.columns import ColumnKind
from core.monitoring.quality_sample import Floats, Integers, Outcomes

# A number is cut into so many bins of as many rows each: enough for a class to be alone in most,
# enough rows for a few wrong ones to be outvoted; a mean needs fewer rows than a vote.
CLASS_BINS = 64
QUANTITY_BINS = 256
# Of the guess's error a feature that gives the answer away leaves at most …
LEFT_OF_ERROR = 0.05  # in classes, errors of each class weighing the same
LEFT_OF_VARIANCE = 0.01  # in a quantity, of its ranks
# … and with 95 % confidence no more than twice as much.
BOUND_FACTOR = 2.0
CONFIDENCE = 0.95


@dataclass(frozen=True, kw_only=True)
class ErrorLeft:
    """Error that predicting by one feature leaves, as a share of the guess's.

    Parameters
    ----------
    share : float
    bound : float
        Upper bound of the share, one-sided 95 % (Clopper–Pearson, by class); of a quantity the
        share itself.
    allowed : float
        Share from which down the feature gives the answer away.
    """

    share: float
    bound: float
    allowed: float

    @property
    def is_telling(self) -> bool:
        """Whether the feature alone predicts the target almost perfectly."""
        return self.share <= self.allowed and self.bound <= BOUND_FACTOR * self.allowed


def error_left(
    values: pd.Series, kind: str, outcomes: Outcomes, sample: Integers, *, guess: float
) -> ErrorLeft:
    """Predict each half of a sample by one feature, by what the other half shows.

    A number's or a time's bins of equal size (64, of a quantity 256), or a category's levels,
    predict the class that is most frequent there, each class weighing the same; of a quantity the
    mean rank. So no shape of the relation is assumed, and a category that never comes again
    predicts nothing. The bound of a class's errors is that of Clopper and Pearson 1934.

    Parameters
    ----------
    values : Series of m values, as :func:`core.engines.columns.normalise` gives them
    kind : str
        A value of :class:`ColumnKind`.
    outcomes : Outcomes
    sample : ndarray of shape (m,)
        Indices into the arrays of ``outcomes``, in a random order.
    guess : float
        As :func:`guess_error` gives it; 0 where the guess is always right.

    Returns
    -------
    ErrorLeft

    Examples
    --------
    >>> classes = np.tile([0, 1, 1, 0, 1, 0, 0, 1], 50)
    >>> rows = Outcomes(positions=np.arange(400), classes=classes, count=2, ranks=None)
    >>> drawn = np.random.default_rng(0).permutation(400)
    >>> left = error_left(pd.Series(classes[drawn] + 0.5), "numeric", rows, drawn, guess=0.5)
    >>> left.share, left.is_telling
    (0.0, True)
    """
    allowed = LEFT_OF_ERROR if outcomes.ranks is None else LEFT_OF_VARIANCE
    if guess == 0:
        return ErrorLeft(share=1.0, bound=1.0, allowed=allowed)
    bins = CLASS_BINS if outcomes.ranks is None else QUANTITY_BINS
    left, bound = _left_of_error(_codes(values, kind, bins), outcomes, sample)
    return ErrorLeft(share=left / guess, bound=bound / guess, allowed=allowed)


def guess_error(outcomes: Outcomes) -> float:
    """Error of the better of two guesses without features: always the same, or the row before's.

    Parameters
    ----------
    outcomes : Outcomes of n rows, by time

    Returns
    -------
    float
        Mean error over the classes, or the share of the ranks' variance that is left.

    Examples
    --------
    >>> slow = np.repeat([0, 1], 50)
    >>> guess_error(Outcomes(positions=np.arange(100), classes=slow, count=2, ranks=None))
    0.01
    """
    if outcomes.ranks is not None:
        steps, spread = np.diff(outcomes.ranks), outcomes.ranks - outcomes.ranks.mean()
        return min(1.0, float((steps**2).sum() / (spread**2).sum()))
    changed = outcomes.classes[1:] != outcomes.classes[:-1]
    rows = np.bincount(outcomes.classes[1:], minlength=outcomes.count)
    wrong = np.bincount(outcomes.classes[1:], weights=changed, minlength=outcomes.count)
    before = float((wrong / np.maximum(rows, 1)).mean())
    return min(1 - 1 / outcomes.count, before)


def _codes(values: pd.Series, kind: str, bins: int) -> Integers:
    """A code for each value: of numbers and times by bins, a missing one having its own."""
    if kind in {ColumnKind.CATEGORICAL, ColumnKind.TEXT}:
        return pd.factorize(values, use_na_sentinel=False)[0].astype(np.int64)
    if kind == ColumnKind.DATETIME:
        values = values.astype("int64").where(values.notna())
    few = values.nunique() <= bins
    ranks = values.rank(method="dense" if few else "average").to_numpy()
    scale = 1.0 if few else bins / (len(values) + 1)
    return np.where(np.isnan(ranks), -1, np.nan_to_num(ranks) * scale).astype(np.int64) + 1


def _left_of_error(codes: Integers, outcomes: Outcomes, sample: Integers) -> tuple[float, float]:
    """What predicting by the codes gets wrong in rows that it was not learnt from, and a bound."""
    half = len(sample) // 2
    parts = (np.arange(half), np.arange(half, len(sample)))
    if outcomes.ranks is not None:
        ranks = outcomes.ranks[sample]
        pairs = zip(parts, parts[::-1], strict=True)
        wrong = sum(_squared_error(codes, ranks, learn, test) for learn, test in pairs)
        left = wrong / float(((ranks - ranks.mean()) ** 2).sum())
        return left, left
    classes = outcomes.classes[sample]
    wrong_rows = np.zeros(len(sample), dtype=bool)
    for learn, test in (parts, parts[::-1]):
        wrong_rows[test] = _predicted(codes, classes, learn, outcomes.count)[test] != classes[test]
    rows = np.bincount(classes, minlength=outcomes.count)
    wrong_of = np.bincount(classes, weights=wrong_rows, minlength=outcomes.count)
    bounds = beta.ppf(CONFIDENCE, wrong_of + 1, np.maximum(rows - wrong_of, 0))
    bounds = np.where(wrong_of >= rows, 1.0, bounds)
    return float((wrong_of / np.maximum(rows, 1)).mean()), float(bounds.mean())


def _squared_error(codes: Integers, ranks: Floats, learn: Integers, test: Integers) -> float:
    size = int(codes.max()) + 1
    rows = np.bincount(codes[learn], minlength=size)
    total = np.bincount(codes[learn], weights=ranks[learn], minlength=size)
    means = np.where(rows > 0, total / np.maximum(rows, 1), ranks[learn].mean())
    return float(((ranks[test] - means[codes[test]]) ** 2).sum())


def _predicted(codes: Integers, classes: Integers, learn: Integers, count: int) -> Integers:
    """The class of each code, each class weighing the same; one that was not seen has none, −1."""
    size = int(codes.max()) + 1
    cells = np.bincount(codes[learn] * count + classes[learn], minlength=size * count)
    votes = cells.reshape(size, count) / np.maximum(np.bincount(classes[learn], minlength=count), 1)
    return np.where(votes.any(axis=1), votes.argmax(axis=1), -1)[codes]
