"""Is a sample of numbers distributed as the reference was?"""

from __future__ import annotations

import numpy as np
from scipy import stats

from core.monitoring.comparison import (
    CHANCE_OF_EFFECT,
    LEAST_EFFECT,
    SEVERE_FACTOR,
    Comparison,
    joint_variance,
)
from core.monitoring.distributions import Floats, NumberDistribution, round_digits

BINS = 10
# In this share of windows an effect that just matters falls short of its bar by chance.
CHANCE_OF_MISS = 0.05


def compare_numbers(
    reference: NumberDistribution, sample: Floats, *, rows: int | None = None
) -> Comparison:
    """Two-sample Kolmogorov–Smirnov test, and the population stability index.

    The two empirical distribution functions are compared from both sides at the reference's
    stored points, where both are exact. That is at most the largest difference anywhere, so that
    the p-value, by the distribution of the one-sample statistic at n·m / (n + m) rows (Simard and
    L'Ecuyer 2011), can only be too large. Rows that come in clusters count as fewer.

    The index is Σ (q − p)·ln(q / p) over the shares p, q of the cells between ten reference
    quantiles, half a row added to each count. Divided by 1/n + 1/m it is about χ² distributed with
    as many degrees of freedom as cells less one (Yurdakul and Naranjo 2020), noncentral by the true
    index. The bar is set by that: no drift reaches it in more than 1 % of windows, and where these
    leave the choice, a true index of .1 falls short of it in 5 %. In large samples it is .1.

    Parameters
    ----------
    reference : NumberDistribution
        Of m ≥ 1 rows.
    sample : ndarray of shape (n,), n ≥ 1
        Finite numbers.
    rows : int or None
        How many rows ``sample`` was chosen from; None: it is all of them.

    Returns
    -------
    Comparison
        Its effect is the index: a warning from its bar on, severe from twice the bar, at least .2.

    Examples
    --------
    >>> random = np.random.default_rng(0)
    >>> reference = NumberDistribution.of(random.normal(size=4000))
    >>> moved = compare_numbers(reference, random.normal(0.7, size=1000))
    >>> bool(moved.p_value < 1e-9), moved.severity.value
    (True, 'severe')
    >>> compare_numbers(reference, random.normal(size=1000)).severity.value
    'none'
    """
    sample = np.sort(round_digits(sample))
    n, m = len(sample), reference.rows
    upto = np.searchsorted(sample, reference.points, side="right") / n
    below = np.searchsorted(sample, reference.points, side="left") / n
    distance = max(
        np.abs(upto - reference.upto / m).max(),
        np.abs(below - (reference.upto - reference.ties) / m).max(),
    )
    before, now = _cells(reference, upto * n, below * n, n)
    variance = joint_variance(reference, n, rows or n)
    warning_at = _index_needed(len(before), variance)
    return Comparison(
        test="kolmogorov_smirnov",
        p_value=float(stats.kstwo.sf(distance, max(round(1 / variance), 1))),
        effect=_stability_index(before, now),
        effect_name="psi",
        warning_at=warning_at,
        severe_at=SEVERE_FACTOR * max(warning_at, LEAST_EFFECT),
    )


def _index_needed(cells: int, variance: float) -> float:
    degrees = max(cells - 1, 1)
    by_chance = stats.chi2.ppf(1 - CHANCE_OF_EFFECT, degrees)
    missed = stats.ncx2.ppf(CHANCE_OF_MISS, degrees, LEAST_EFFECT / variance)
    return float(variance * max(by_chance, missed))


def _cells(
    reference: NumberDistribution, upto: Floats, below: Floats, rows: int
) -> tuple[Floats, Floats]:
    """Rows of reference and sample between the reference's deciles.

    A number that is as frequent as a whole cell is a cell of its own.
    """
    m = reference.rows
    wanted = np.arange(1, BINS) / BINS * m
    cuts = np.unique(np.searchsorted(reference.upto, wanted))
    atoms = reference.ties >= m / BINS
    ends = [(int(cut), True) for cut in cuts]
    for atom in np.flatnonzero(atoms):
        ends += [(int(atom), False), (int(atom), True)]
    before, now = [0.0], [0.0]
    for position, included in sorted(set(ends)):
        less = 0 if included else reference.ties[position]
        before.append(float(reference.upto[position] - less))
        now.append(float(upto[position] if included else below[position]))
    return np.diff([*before, float(m)]), np.diff([*now, float(rows)])


def _stability_index(before: Floats, now: Floats) -> float:
    used = (before + now) > 0
    p, q = ((counts[used] + 0.5) / (counts[used] + 0.5).sum() for counts in (before, now))
    return float(((q - p) * np.log(q / p)).sum())
