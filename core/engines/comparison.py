"""Two models on the same rows: how much better is one, and how sure is that?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from core.engines.metrics import Metric, Scored, degradation, score, weighted_scores
from core.engines.paired_tests import paired_proportions, resampled_bounds, rows_to_tell

RESAMPLES = 2000
ALPHA = 0.05
# Weights held at once: resamples are drawn in blocks of about this many numbers (16 MB).
BLOCK = 2_000_000


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """The improvement of a challenger over a champion, positive when it is better.

    In points, or as a share of the champion's value, as :func:`degradation` has it. ``lower`` and
    ``upper`` each bound it at the one-sided level ``alpha``. ``p_value`` is one-sided: an
    improvement at least this large between equal models. ``entities`` says how many independent
    units the rows come from, None where each row is one.

    Examples
    --------
    >>> equal = Comparison(challenger=0.8, champion=0.8, improvement=0.0, lower=-0.02, upper=0.02,
    ...                    p_value=0.5, samples=700)
    >>> equal.is_defined, equal.rows_that_decide(0.02)
    (True, 1598)
    """

    challenger: float
    champion: float
    improvement: float
    lower: float
    upper: float
    p_value: float
    samples: int
    alpha: float = ALPHA
    entities: int | None = None

    @property
    def is_defined(self) -> bool:
        """Whether the metric could be computed for both."""
        return bool(np.isfinite([self.improvement, self.lower, self.upper]).all())

    @property
    def units(self) -> int:
        """How many independent observations there are."""
        return self.samples if self.entities is None else self.entities

    @property
    def error(self) -> float:
        """The standard error of the improvement."""
        return (self.upper - self.lower) / (2 * float(norm.ppf(1 - self.alpha)))

    @property
    def disagreement(self) -> float:
        """Mean square of what a row adds: for accuracy, the share of rows that differ."""
        return self.error**2 * self.samples + self.improvement**2

    def rows_that_decide(self, difference: float) -> int:
        """How many rows like these tell ``difference`` from none, at ``alpha``, power 80 %.

        Parameters
        ----------
        difference : float, not 0
            In points, or as a share of the champion's value.

        Returns
        -------
        int
            Rows in all, by the formula of :func:`core.engines.paired_tests.rows_to_tell`.
        """
        return rows_to_tell(self.disagreement, difference, alpha=self.alpha)

    def p_of_margin(self, margin: float) -> float:
        """The one-sided p-value of not being worse by ``margin`` or more.

        Parameters
        ----------
        margin : float ≥ 0
            In points, or as a share of the champion's value.

        Returns
        -------
        float in [0, 1]
            Of the normal curve around the middle of the bounds; 0 or 1 where they coincide.
        """
        distance = (self.upper + self.lower) / 2 + margin
        return float(norm.sf(distance / self.error)) if self.error > 0 else float(distance <= 0)

    def bounds(self, alpha: float) -> tuple[float, float]:
        """Lower and upper bound at another one-sided level.

        Parameters
        ----------
        alpha : float in (0, 0.5)

        Returns
        -------
        lower, upper : float
            In the unit of ``improvement``, of the normal curve around the middle of the bounds.
        """
        middle, half = (self.upper + self.lower) / 2, float(norm.ppf(1 - alpha)) * self.error
        return middle - half, middle + half


def compare(
    metric: Metric,
    challenger: Scored,
    champion: Scored,
    *,
    seed: int,
    alpha: float = ALPHA,
    entities: NDArray[np.intp] | None = None,
) -> Comparison:
    """Compare two models' predictions of the same n rows.

    Accuracy: McNemar's mid-p test and the adjusted Wald interval (:func:`paired_proportions`).
    Others: the paired bootstrap (Efron and Tibshirani 1993, "An Introduction to the Bootstrap",
    chapter 13). Rows of one entity are no independent evidence: then entities are resampled with
    all of their rows (Davison and Hinkley 1997, "Bootstrap Methods and their Application", section
    3.8), for accuracy too, of which the more cautious of both answers counts.

    Parameters
    ----------
    metric : Metric
    challenger, champion : Scored
        Same rows in the same order.
    seed : int
        Of the resamples.
    alpha : float in (0, 0.5)
        One-sided level of each bound.
    entities : array (n,) of int, optional
        Which entity each row belongs to, numbered from 0.

    Returns
    -------
    Comparison

    Raises
    ------
    InvalidRequest
        When the metric needs probabilities that a model does not give, or one of the user's own
        fails.

    Examples
    --------
    >>> from core.engines.metrics import get_metric
    >>> truth = np.ones(400, dtype=int)
    >>> better, worse = truth.copy(), truth.copy()
    >>> better[:40], worse[:80] = 0, 0
    >>> compared = compare(get_metric("accuracy"), Scored(truth=truth, predicted=better),
    ...                    Scored(truth=truth, predicted=worse), seed=0)
    >>> round(compared.improvement, 3), compared.lower > 0
    (0.1, True)
    """
    ours, theirs = score(metric, challenger), score(metric, champion)
    improvement = 0.0 - float(degradation(metric, theirs, ours))
    exact = metric.name == "accuracy"
    answers: list[tuple[float, float, float]] = []
    if exact:
        answers.append(_of_right_answers(challenger, champion, alpha))
    if not exact or entities is not None:
        values = _resampled(metric, challenger, champion, seed=seed, entities=entities)
        units = len(challenger.truth) if entities is None else _count(entities)
        answers.append(resampled_bounds(values, improvement, units=units, alpha=alpha))
    lowers, uppers, p_values = zip(*answers, strict=True)
    return Comparison(
        challenger=ours,
        champion=theirs,
        improvement=improvement,
        # Of several answers the most cautious one; NaN, where one is not defined, wins.
        lower=float(np.min(lowers)),
        upper=float(np.max(uppers)),
        p_value=float(np.max(p_values)),
        samples=len(challenger.truth),
        alpha=alpha,
        entities=None if entities is None else _count(entities),
    )


def _count(entities: NDArray[np.intp]) -> int:
    return len(np.unique(entities))


def _of_right_answers(
    challenger: Scored, champion: Scored, alpha: float
) -> tuple[float, float, float]:
    ours = challenger.truth == challenger.predicted
    theirs = champion.truth == champion.predicted
    wins, defeats = int((ours & ~theirs).sum()), int((~ours & theirs).sum())
    lower, upper, p_value = paired_proportions(wins, defeats, len(ours), alpha=alpha)
    return float(lower), float(upper), float(p_value)


def _resampled(
    metric: Metric,
    challenger: Scored,
    champion: Scored,
    *,
    seed: int,
    entities: NDArray[np.intp] | None,
) -> NDArray[np.float64]:
    """The improvement in each resample, shape (RESAMPLES,)."""
    return np.concatenate(
        [
            -degradation(
                metric,
                weighted_scores(metric, champion, weights),
                weighted_scores(metric, challenger, weights),
            )
            for weights in resamples(len(challenger.truth), seed, entities=entities)
        ]
    )


def resamples(
    rows: int, seed: int, *, entities: NDArray[np.intp] | None = None
) -> Iterator[NDArray[np.float64]]:
    """Bootstrap weights: blocks (b, rows) of how often each row was drawn, RESAMPLES in all.

    Parameters
    ----------
    rows : int
    seed : int
    entities : array (rows,) of int, optional
        Then entities are drawn, each with all of its rows.

    Yields
    ------
    ndarray of shape (b, rows)
        Whole numbers, at most about 2,000,000 in a block.

    Examples
    --------
    >>> blocks = list(resamples(4, 0, entities=np.array([0, 0, 1, 2])))
    >>> sum(len(block) for block in blocks)
    2000
    >>> bool((blocks[0][:, 0] == blocks[0][:, 1]).all())
    True
    """
    codes = np.arange(rows) if entities is None else np.unique(entities, return_inverse=True)[1]
    units = int(codes.max()) + 1 if rows else 0
    random = np.random.default_rng(seed)
    block = int(np.clip(BLOCK // max(rows, 1), 1, RESAMPLES))
    for start in range(0, RESAMPLES, block):
        size = min(block, RESAMPLES - start)
        drawn = random.integers(0, units, (size, units)) + units * np.arange(size)[:, np.newaxis]
        counts = np.bincount(drawn.ravel(), minlength=size * units).reshape(size, units)
        weights = counts if entities is None else counts[:, codes]
        yield weights.astype(np.float64)
