"""Are categories as frequent as they were in the reference?"""

from __future__ import annotations

from collections.abc import Mapping
from math import sqrt

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from core.monitoring.comparison import (
    CHANCE_OF_EFFECT,
    LEAST_EFFECT,
    SEVERE_FACTOR,
    Comparison,
    joint_variance,
)
from core.monitoring.distributions import LevelDistribution

PERMUTATIONS = 200
# Pearson's χ² is close to its distribution when each expected count is at least this.
LEAST_EXPECTED = 5.0


def compare_levels(
    reference: LevelDistribution, sample: pd.Series, *, seed: int, rows: int | None = None
) -> Comparison:
    """Pearson's χ² test of two samples of categories, and the Jensen–Shannon distance.

    Levels of which either sample would hold fewer than 5 rows, were both alike, are pooled. Which
    these are depends on both samples together alone, so that pooling favours no difference. Rows
    that come in clusters vary more: χ² is divided by their design effect (Rao and Scott 1981). The
    distance (Endres and Schindelin 2003; base 2, in [0, 1]) has to reach .1 and the 99th percentile
    of what permutations of the rows between the two samples give.

    Parameters
    ----------
    reference : LevelDistribution
        Of m ≥ 1 rows.
    sample : Series of n ≥ 1 strings
        None missing.
    seed : int
        Of the permutations.
    rows : int or None
        How many rows ``sample`` was chosen from; None: it is all of them.

    Returns
    -------
    Comparison
        Its effect is the distance: a warning from its bar on, severe from twice the bar.

    Examples
    --------
    >>> reference = LevelDistribution.of(pd.Series(["a", "b"] * 500))
    >>> moved = compare_levels(reference, pd.Series(["a"] * 400 + ["b"] * 100), seed=0)
    >>> moved.effect_name, moved.severity.value, bool(moved.p_value < 1e-9)
    ('jensen_shannon', 'severe', True)
    """
    table = _pooled(reference, sample)
    n = len(sample)
    # How much more variance there is than independent rows would have (Rao and Scott 1981).
    inflation = joint_variance(reference, n, rows or n) / (1 / n + 1 / reference.rows)
    p_value, effect = 1.0, 0.0
    if table.shape[1] > 1:
        found = stats.chi2_contingency(table, correction=False)
        p_value = float(stats.chi2.sf(found.statistic / inflation, found.dof))
        effect = float(_jensen_shannon(table[0], table[1]))
    warning_at = LEAST_EFFECT
    if effect >= LEAST_EFFECT and p_value <= 0.05:  # else it is no drift whatever the bar
        warning_at = max(LEAST_EFFECT, sqrt(inflation) * _effect_by_chance(table, seed))
    return Comparison(
        test="chi_squared",
        p_value=p_value,
        effect=effect,
        effect_name="jensen_shannon",
        warning_at=warning_at,
        severe_at=SEVERE_FACTOR * warning_at,
    )


def _pooled(reference: LevelDistribution, sample: pd.Series) -> NDArray[np.int64]:
    """Counts of shape (2, k): the reference's and the sample's rows of each cell."""
    counts: Mapping[object, int] = sample.value_counts().to_dict()
    levels = list(reference.levels)
    if reference.keeps_all:
        levels += [str(level) for level in counts if level not in reference.levels]
    before = [reference.levels.get(level, 0) for level in levels]
    now = [counts.get(level, 0) for level in levels]
    table = np.array([before, now], dtype=np.int64).reshape(2, -1)
    smaller = min(reference.rows, len(sample)) / (reference.rows + len(sample))
    frequent = table.sum(axis=0) * smaller >= LEAST_EXPECTED
    rest = np.array([[reference.rows], [len(sample)]]) - table[:, frequent].sum(
        axis=1, keepdims=True
    )
    kept = table[:, frequent]
    if rest.sum() * smaller >= LEAST_EXPECTED or not kept.shape[1]:
        return np.hstack([kept, rest])
    # What is left is too little for a cell of its own: it joins the rarest one.
    rarest = kept.sum(axis=0).argmin()
    kept[:, [rarest]] += rest
    return kept


def _jensen_shannon(before: NDArray[np.int64], now: NDArray[np.int64]) -> NDArray[np.float64]:
    """Distance between counts of shape (…, k) along the last axis."""
    p, q = (counts / counts.sum(axis=-1, keepdims=True) for counts in (before, now))
    middle = (p + q) / 2
    bits = stats.entropy(p, middle, base=2, axis=-1) + stats.entropy(q, middle, base=2, axis=-1)
    return np.asarray(np.sqrt(np.maximum(bits / 2, 0.0)))


def _effect_by_chance(table: NDArray[np.int64], seed: int) -> float:
    """99th percentile of the distance when the rows are dealt out anew to the two samples."""
    both = table.sum(axis=0)
    now = np.random.default_rng(seed).multivariate_hypergeometric(
        both, int(table[1].sum()), size=PERMUTATIONS, method="marginals"
    )
    return float(np.quantile(_jensen_shannon(both - now, now), 1 - CHANCE_OF_EFFECT))
