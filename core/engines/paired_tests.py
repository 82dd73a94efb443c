"""The arithmetic of paired comparisons: bounds, p-values, and the rows that would decide."""

from __future__ import annotations

from math import ceil, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom, norm, t

POWER = 0.8
# A bound that fewer resamples than this lie beyond is read off the normal curve instead.
LEAST_IN_TAIL = 10


def paired_proportions(wins: Any, defeats: Any, rows: int, *, alpha: float) -> tuple[Any, Any, Any]:
    """Compare two models' shares of right answers on the same rows.

    McNemar's mid-p test (Fagerland, Lydersen and Laake 2013, "The McNemar test for binary
    matched-pairs data on proportions: mid-p and asymptotic are better than exact conditional",
    BMC Medical Research Methodology 13:91) with the adjusted Wald interval (Bonett and Price 2012,
    "Adjusted Wald confidence interval for a difference of binomial proportions based on paired
    data", Journal of Educational and Behavioral Statistics 37).

    Parameters
    ----------
    wins, defeats : int or array of int
        Rows that the challenger alone, and the champion alone, has right.
    rows : int
        All rows, those where both or neither is right included.
    alpha : float in (0, 0.5)
        One-sided level of each bound.

    Returns
    -------
    lower, upper, p_value : float or array of float
        Bounds of the difference (> 0: the challenger is better), and the one-sided p-value of a
        difference at least this large between equal models.

    Examples
    --------
    >>> lower, upper, p_value = paired_proportions(40, 20, 1000, alpha=0.05)
    >>> round(float(lower), 4), round(float(upper), 4), round(float(p_value), 4)
    (0.0071, 0.0328, 0.0049)
    """
    won, lost = (np.asarray(wins) + 1) / (rows + 2), (np.asarray(defeats) + 1) / (rows + 2)
    half = norm.ppf(1 - alpha) * np.sqrt((won + lost - (won - lost) ** 2) / (rows + 2))
    discordant = binom(np.asarray(wins) + np.asarray(defeats), 0.5)
    p_value = discordant.sf(wins) + 0.5 * discordant.pmf(wins)
    return won - lost - half, won - lost + half, p_value


def resampled_bounds(
    improvements: NDArray[np.float64], improvement: float, *, units: int, alpha: float
) -> tuple[float, float, float]:
    """Bounds and p-value of an improvement from its bootstrap resamples.

    The expanded percentile interval (Hesterberg 2015, "What Teachers Should Know About the
    Bootstrap", The American Statistician 69): the plain one is too narrow with few units. Where a
    level is so small that hardly a resample lies beyond it, the bootstrap's standard error on the
    t curve takes the place of the quantile.

    Parameters
    ----------
    improvements : array (b,)
        The improvement in each resample; NaN where the metric was not defined.
    improvement : float
        As it was measured.
    units : int
        Rows, or entities, that were resampled.
    alpha : float in (0, 0.5)
        One-sided level of each bound.

    Returns
    -------
    lower, upper, p_value : float
        NaN where more than a tenth of the resamples are not defined.

    Examples
    --------
    >>> resamples = np.random.default_rng(0).normal(0.02, 0.01, 2000)
    >>> lower, upper, p_value = resampled_bounds(resamples, 0.02, units=500, alpha=0.05)
    >>> round(lower, 2), round(upper, 2), round(p_value, 2)
    (0.0, 0.04, 0.02)
    """
    defined = improvements[np.isfinite(improvements)]
    if units < 2 or len(defined) < 0.9 * len(improvements):
        return float("nan"), float("nan"), float("nan")
    stretch = sqrt(units / (units - 1))
    distance = stretch * float(t.ppf(1 - alpha, units - 1))
    error = float(defined.std(ddof=1))
    tail = float(norm.sf(distance))
    if tail * len(defined) >= LEAST_IN_TAIL:
        lower, upper = np.quantile(defined, [tail, 1 - tail])
    else:
        lower, upper = improvement - distance * error, improvement + distance * error
    below = int((defined <= 0).sum())
    p_value = (1 + below) / (1 + len(defined))
    if below < LEAST_IN_TAIL and error > 0:
        p_value = float(t.sf(improvement / (stretch * error), units - 1))
    return float(lower), float(upper), float(p_value)


def rows_to_tell(disagreement: float, difference: float, *, alpha: float = 0.05) -> int:
    """How many rows tell a difference of two models from none, with a power of 80 %.

    Connor 1987, "Sample size for testing differences in proportions for the paired-sample design",
    Biometrics 43: n = (z·√ψ + 0.842·√(ψ − δ²))² / δ², z the normal quantile of 1 − alpha.

    Parameters
    ----------
    disagreement : float
        ψ: share of rows that one of the two models alone has right. For other metrics the mean
        square of what a row adds to the improvement.
    difference : float
        δ, not 0.
    alpha : float in (0, 0.5)
        One-sided level.

    Returns
    -------
    int

    Examples
    --------
    >>> [rows_to_tell(psi, 0.02) for psi in (0.05, 0.10, 0.20)]
    [771, 1544, 3090]
    """
    certain, powerful = float(norm.ppf(1 - alpha)), float(norm.ppf(POWER))
    rest = sqrt(max(disagreement - difference**2, 0.0))
    return ceil((certain * sqrt(disagreement) + powerful * rest) ** 2 / difference**2)
