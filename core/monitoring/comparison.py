"""A test of whether something has changed beside the size of the change."""

from __future__ import annotations

from dataclasses import dataclass
from math import asin, sqrt

from scipy import stats

from core.domain import DriftSeverity
from core.monitoring.distributions import Distribution

# Population stability index: from .1 on worth a look, from .2 on a shift (Siddiqi 2006, ch. 5).
# A Jensen–Shannon distance of .1 and .2 is about as much.
LEAST_EFFECT = 0.1
SEVERE_FACTOR = 2.0
# In no more than this share of windows without drift does an effect reach its bar by chance.
CHANCE_OF_EFFECT = 0.01
# Cohen's h (Cohen 1988, chapter 6): .2 is a small, .5 a medium difference of two shares.
RATE_WARNING = 0.2
RATE_SEVERE = 0.5


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A test of whether something has changed, and how much it has.

    Attributes
    ----------
    test : str
    p_value : float
        Of a difference at least as large when nothing has changed.
    effect : float
        ≥ 0, whatever the number of rows.
    effect_name : str
        ``psi``, ``jensen_shannon`` or ``cohens_h``.
    warning_at, severe_at : float
        The bars of ``effect``.
    """

    test: str
    p_value: float
    effect: float
    effect_name: str
    warning_at: float
    severe_at: float

    @property
    def severity(self) -> DriftSeverity:
        """How large the effect is, whatever the test says."""
        if self.effect >= self.severe_at:
            return DriftSeverity.SEVERE
        return DriftSeverity.WARNING if self.effect >= self.warning_at else DriftSeverity.NONE


def joint_variance(reference: Distribution, n: int, rows: int) -> float:
    """1/n + 1/m of as many independent rows as tell as much as these.

    m rows that come in clusters tell as much as m / clustering independent ones (the design effect,
    Kish 1965). A sample of n out of N rows loses by clustering what the N rows lose:
    (clustering − 1) / N.

    Parameters
    ----------
    reference : Distribution
        Of m ≥ 1 rows.
    n, rows : int
        The sample's rows, and those that it was chosen from.

    Returns
    -------
    float
        1/n + (c − 1)/N + c/m, where c is the reference's clustering; > 0.

    Examples
    --------
    >>> from core.monitoring.distributions import LevelDistribution
    >>> independent = LevelDistribution(rows=100, levels={"a": 100}, others=0)
    >>> joint_variance(independent, 100, 100)
    0.02
    """
    extra = reference.clustering - 1
    return 1 / n + extra / max(rows, n) + reference.clustering / reference.rows


def compare_shares(hits: int, rows: int, hits_before: int, rows_before: int) -> Comparison:
    """Compare two shares by a conditional binomial test and Cohen's h.

    Given how many hits (or misses, if they are rarer) there are in all, those among the new rows
    are binomial when nothing has changed (Przyborowski and Wilenski 1940). Valid at any size. The
    effect is the difference of the shares' angles 2·arcsin(√p) (Cohen 1988, chapter 6).

    Parameters
    ----------
    hits, rows : int
        Now, rows ≥ 1.
    hits_before, rows_before : int
        In the reference, rows_before ≥ 1.

    Returns
    -------
    Comparison
        Two-sided; the effect in [0, π], a warning from .2, severe from .5.

    Examples
    --------
    >>> now = compare_shares(120, 1000, 20, 1000)
    >>> now.severity.value, bool(now.p_value < 1e-9)
    ('warning', True)
    """
    if 2 * (hits + hits_before) > rows + rows_before:
        counted, in_all = rows - hits, rows + rows_before - hits - hits_before
    else:
        counted, in_all = hits, hits + hits_before
    share = rows / (rows + rows_before)
    tails = (
        stats.binom.cdf(counted, in_all, share),
        stats.binom.sf(counted - 1, in_all, share),
    )
    angles = (
        2 * asin(sqrt(part / whole)) for part, whole in ((hits, rows), (hits_before, rows_before))
    )
    return Comparison(
        test="binomial",
        p_value=min(1.0, 2 * float(min(tails))),
        effect=abs(next(angles) - next(angles)),
        effect_name="cohens_h",
        warning_at=RATE_WARNING,
        severe_at=RATE_SEVERE,
    )
