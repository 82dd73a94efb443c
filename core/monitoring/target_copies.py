"""Is a feature the target itself, under its own or other names?"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import gammaln

from core.monitoring.quality_sample import Integers, Outcomes

# Copies of the target may have holes, but not many.
LEAST_PRESENT = 0.9
# That values and classes match by chance has to be less likely than one in so many.
CHANCE = 1e6


def is_target(values: pd.Series, target: pd.Series, outcomes: Outcomes, sample: Integers) -> bool:
    """Whether a feature is the target.

    A quantity has to be equal in every row. Of classes each has to have a value of its own, in
    such numbers that chance is out of the question; which value does not matter.

    Parameters
    ----------
    values, target : Series of n values
        The feature and the target, as the frame has them.
    outcomes : Outcomes
        The targets, coded.
    sample : ndarray of shape (m,)
        Indices into the arrays of ``outcomes``: these rows rule most features out soon.

    Returns
    -------
    bool

    Examples
    --------
    >>> classes = np.tile([0, 1, 1], 50)
    >>> rows = Outcomes(positions=np.arange(150), classes=classes, count=2, ranks=None)
    >>> stayed = pd.Series(np.where(classes == 1, "yes", "no"))
    >>> is_target(stayed, pd.Series(classes), rows, np.arange(150))
    True
    """
    if outcomes.ranks is not None:
        return _is_equal(values, target)
    drawn = values.iloc[outcomes.positions[sample]]
    if not _is_one_to_one(drawn, outcomes.classes[sample], outcomes.count):
        return False
    return _is_one_to_one(values.iloc[outcomes.positions], outcomes.classes, outcomes.count)


def _is_equal(values: pd.Series, target: pd.Series) -> bool:
    if not pd.api.types.is_numeric_dtype(values.dtype):
        return False
    left, right = (
        pd.to_numeric(part, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
        for part in (values, target)
    )
    there = np.isfinite(left) & np.isfinite(right)
    if there.mean() < LEAST_PRESENT:
        return False
    return bool(np.allclose(left[there], right[there], rtol=1e-9, atol=0))


def _is_one_to_one(values: pd.Series, classes: Integers, count: int) -> bool:
    """Whether each value stands for one class and each class for one value, and not by chance."""
    present = values.notna().to_numpy()
    if present.mean() < LEAST_PRESENT:
        return False
    codes, levels = pd.factorize(values[present].map(_hashable))
    if len(levels) != count:
        return False
    pairs = np.unique(codes.astype(np.int64) * count + classes[present])
    sizes = np.bincount(classes[present], minlength=count)
    # Of all orders of the values, one in so many fits the classes.
    orders = gammaln(sizes.sum() + 1) - gammaln(sizes + 1).sum()
    return len(pairs) == count and bool((sizes > 0).all()) and bool(orders > np.log(CHANCE))


def _hashable(value: object) -> object:
    return str(value) if isinstance(value, list | dict | set | np.ndarray) else value
