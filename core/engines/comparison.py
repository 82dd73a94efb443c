"""Two models on the same rows: how much better is one, and how sure is that?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom, norm

from core.engines.metrics import Metric, Scored, degradation, score, weighted_scores

RESAMPLES = 2000
# 90 % two-sided: each bound is a one-sided 95 % bound.
Z_BOUND = float(norm.ppf(0.95))
Z_POWER = float(norm.ppf(0.80))
# Weights held at once: resamples are drawn in blocks of about this many numbers (16 MB).
BLOCK = 2_000_000


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """The improvement of a challenger over a champion, positive when it is better.

    In points, or as a share of the champion's value, as :func:`degradation` has it. ``lower`` and
    ``upper`` bound it at 90 % two-sided. ``p_value`` is one-sided: an improvement at least this
    large between equal models.
    """

    challenger: float
    champion: float
    improvement: float
    lower: float
    upper: float
    p_value: float
    samples: int

    @property
    def is_defined(self) -> bool:
        """Whether the metric could be computed for both."""
        return bool(np.isfinite([self.improvement, self.lower, self.upper]).all())

    def rows_that_decide(self, difference: float) -> int:
        """How many rows tell ``difference`` from none (one-sided 5 %, power 80 %).

        For proportions this is about Connor's 1987 formula for McNemar's test: (1.645·√ψ +
        0.842·√(ψ − δ²))² / δ² with the disagreement rate ψ; here the spread that was seen takes
        the place of ψ, so that it holds for every metric.
        """
        spread = (self.upper - self.lower) / (2 * Z_BOUND) * sqrt(self.samples)
        rest = sqrt(max(spread**2 - difference**2, 0.0))
        return ceil((Z_BOUND * spread + Z_POWER * rest) ** 2 / difference**2)


def compare(metric: Metric, challenger: Scored, champion: Scored, *, seed: int) -> Comparison:
    """Compare two models' predictions of the same n rows.

    Accuracy: McNemar's mid-p test (Fagerland, Lydersen and Laake 2013, "The McNemar test for
    binary matched-pairs data") with the adjusted Wald interval of Bonett and Price 2012. Others:
    the paired bootstrap percentile interval (Efron and Tibshirani 1993, chapter 13).

    Parameters
    ----------
    metric : Metric
    challenger, champion : Scored
        Same rows in the same order.
    seed : int
        Of the resamples.
    """
    ours, theirs = score(metric, challenger), score(metric, champion)
    if metric.name == "accuracy":
        lower, upper, p_value = _paired_proportions(
            challenger.truth == challenger.predicted, champion.truth == champion.predicted
        )
    else:
        lower, upper, p_value = _bootstrap(metric, challenger, champion, seed)
    return Comparison(
        challenger=ours,
        champion=theirs,
        improvement=-float(degradation(metric, theirs, ours)),
        lower=lower,
        upper=upper,
        p_value=p_value,
        samples=len(challenger.truth),
    )


def _paired_proportions(
    ours: NDArray[np.bool_], theirs: NDArray[np.bool_]
) -> tuple[float, float, float]:
    rows, wins, defeats = len(ours), int((ours & ~theirs).sum()), int((~ours & theirs).sum())
    won, lost = (wins + 1) / (rows + 2), (defeats + 1) / (rows + 2)
    half = Z_BOUND * sqrt((won + lost - (won - lost) ** 2) / (rows + 2))
    discordant = binom(wins + defeats, 0.5)
    p_value = float(discordant.sf(wins) + 0.5 * discordant.pmf(wins))
    return won - lost - half, won - lost + half, p_value


def _bootstrap(
    metric: Metric, challenger: Scored, champion: Scored, seed: int
) -> tuple[float, float, float]:
    improvements = np.concatenate(
        [
            -degradation(
                metric,
                weighted_scores(metric, champion, weights),
                weighted_scores(metric, challenger, weights),
            )
            for weights in resamples(len(challenger.truth), seed)
        ]
    )
    defined = improvements[np.isfinite(improvements)]
    if len(defined) < 0.9 * len(improvements):
        return float("nan"), float("nan"), float("nan")
    lower, upper = np.quantile(defined, [0.05, 0.95])
    return float(lower), float(upper), float((1 + (defined <= 0).sum()) / (1 + len(defined)))


def resamples(rows: int, seed: int) -> Iterator[NDArray[np.float64]]:
    """Bootstrap weights: blocks (b, rows) of how often each row was drawn, RESAMPLES in all."""
    random = np.random.default_rng(seed)
    block = int(np.clip(BLOCK // max(rows, 1), 1, RESAMPLES))
    for start in range(0, RESAMPLES, block):
        size = min(block, RESAMPLES - start)
        drawn = random.integers(0, rows, (size, rows)) + rows * np.arange(size)[:, np.newaxis]
        counts = np.bincount(drawn.ravel(), minlength=size * rows)
        yield counts.reshape(size, rows).astype(np.float64)
