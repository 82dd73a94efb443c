"""How much of a metric's value is chance, and what chunks of the holdout say it usually is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from math import cbrt, ceil, sqrt
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t

from core.engines.metrics import Metric, Scored, losses, score, weighted_scores

Floats = NDArray[np.float64]

RESAMPLES = 200
# What three standard deviations of a chunk's metric may span: points, or a share of the metric.
SPAN_POINTS = 0.03
SPAN_SHARE = 0.1
# The one-sided probability of three standard deviations.
PROBABILITY = 0.99865
LEAST_CHUNKS, MOST_CHUNKS = 10, 30
ROWS_PER_CHUNK = 100  # where the holdout is too small for chunks of the size that is estimated
LEAST_ROWS_PER_CHUNK = 50


def row_variance(metric: Metric, scored: Scored, *, seed: int) -> float:
    """The variance that chance gives the metric's value on n rows, times n; NaN if undefined.

    The larger of what independent rows give (for a mean of losses their variance; p(1 − p) for
    accuracy) and what a bootstrap of blocks of n^(1/3) consecutive rows gives (Künsch 1989, "The
    jackknife and the bootstrap for general stationary observations"; the length: Hall, Horowitz
    and Jing 1995, "On blocking rules for the bootstrap with dependent data"), which is larger
    when neighbouring rows are wrong together.

    Parameters
    ----------
    metric : Metric
    scored : Scored
        n ≥ 2 rows, sorted by time.
    seed : int
        Of the resamples.

    Returns
    -------
    float
        In the metric's unit, squared.

    Examples
    --------
    >>> from core.engines.metrics import get_metric
    >>> right = np.random.default_rng(0).random(2000) < 0.8
    >>> found = row_variance(get_metric("accuracy"),
    ...     Scored(truth=np.ones(2000, int), predicted=right.astype(int)), seed=0)
    >>> 0.15 < found < 0.20
    True
    """
    in_blocks = _bootstrap_variance(metric, scored, ceil(cbrt(len(scored.truth))), seed)
    return float(np.maximum(in_blocks, _independent_variance(metric, scored, seed)))


def _independent_variance(metric: Metric, scored: Scored, seed: int) -> float:
    per_row = losses(metric, scored)
    if per_row is None:
        return _bootstrap_variance(metric, scored, 1, seed)
    variance = float(per_row.var())
    if metric.name == "rmse":  # the variance of a root, to first order
        return variance / (4 * max(float(per_row.mean()), np.finfo(np.float64).tiny))
    return variance


def _bootstrap_variance(metric: Metric, scored: Scored, block: int, seed: int) -> float:
    rows = len(scored.truth)
    random = np.random.default_rng(seed)
    # Blocks may start at any row and run on from the end to the beginning (Politis and Romano
    # 1992, "A circular block-resampling procedure"), so that every row is drawn as often.
    starts = random.integers(0, rows, (RESAMPLES, ceil(rows / block)))
    weights = np.empty((RESAMPLES, rows))
    for resample, chosen in enumerate(starts):
        drawn = (chosen[:, np.newaxis] + np.arange(block)) % rows
        weights[resample] = np.bincount(drawn.ravel()[:rows], minlength=rows)
    return float(rows * weighted_scores(metric, scored, weights).var(ddof=1))


@dataclass(frozen=True, kw_only=True)
class ReferenceChunks:
    """The metric on K chunks of the holdout, as far as a band around later values needs it.

    ``mean`` (standard error squared ``mean_variance``) over ``chunks`` chunks; ``between`` is the
    variance between chunks beyond chance, ``row_variance`` n times the variance by chance.
    ``least_rows`` is how many rows an estimate has to be made on.

    Examples
    --------
    >>> from core.engines.metrics import get_metric
    >>> truth = np.ones(600, dtype=int)
    >>> rows = Scored(truth=truth, predicted=np.resize([1, 1, 1, 1, 0], 600))
    >>> chunks = ReferenceChunks.learn(get_metric("accuracy"), rows, seed=0)
    >>> round(chunks.mean, 2), ReferenceChunks.from_json(chunks.as_json()) == chunks
    (0.8, True)
    """

    mean: float
    mean_variance: float
    between: float
    row_variance: float
    chunks: int
    least_rows: int

    @classmethod
    def learn(cls, metric: Metric, holdout: Scored, *, seed: int) -> ReferenceChunks | None:
        """Cut the holdout into chunks of consecutive rows and score each.

        A chunk whose accuracy is p needs n ≥ 9p(1 − p)/0.03² rows for three standard deviations
        of it to stay within three points; other metrics likewise (a tenth of their value where
        they are not in points). A holdout that has ten such chunks is cut into them. A smaller one
        is cut into more and smaller chunks (at least ten, of at least 50 rows); the variance
        between these is parted into chance, which is scaled to the size of the chunk that is
        judged, and the rest, which is not (the method of moments of a random effect: DerSimonian
        and Laird 1986, "Meta-analysis in clinical trials"). Resampled chunks would not do: they
        share rows, so that their spread says nothing about new ones.

        Parameters
        ----------
        metric : Metric
        holdout : Scored
            n rows, sorted by time.
        seed : int

        Returns
        -------
        ReferenceChunks or None
            None where the holdout is too small, or the metric is not defined in its chunks.
        """
        rows = len(holdout.truth)
        if rows < LEAST_CHUNKS * LEAST_ROWS_PER_CHUNK:
            return None
        by_row = row_variance(metric, holdout, seed=seed)
        span = SPAN_POINTS if metric.in_points else SPAN_SHARE * abs(score(metric, holdout))
        if not np.isfinite(by_row) or span <= 0:
            return None
        least_rows = ceil(9 * _independent_variance(metric, holdout, seed) / span**2)
        size = least_rows if rows >= LEAST_CHUNKS * least_rows else ROWS_PER_CHUNK
        chunks = int(np.clip(rows // max(size, 1), LEAST_CHUNKS, MOST_CHUNKS))
        values = np.array(
            [score(metric, holdout.rows(part)) for part in np.array_split(np.arange(rows), chunks)]
        )
        if not np.isfinite(values).all():
            return None
        variance = float(values.var(ddof=1))
        return cls(
            mean=float(values.mean()),
            mean_variance=variance / chunks,
            between=max(variance - by_row * chunks / rows, 0.0),
            row_variance=by_row,
            chunks=chunks,
            least_rows=max(least_rows, ROWS_PER_CHUNK),
        )

    def band(self, rows: int) -> tuple[float, float]:
        """Where the metric of ``rows`` rows lies while nothing has changed.

        mean ± t(0.99865, K − 1)·√(s² + s_K²/K), s the standard deviation of a chunk of that many
        rows and s_K of the reference chunks: for chunks of their size it is the prediction
        interval mean ± t·s·√(1 + 1/K) of one more value (Hahn and Meeker 1991, "Statistical
        intervals", section 4.2).

        Parameters
        ----------
        rows : int ≥ 1

        Returns
        -------
        lower, upper : float
            In the metric's unit.

        Examples
        --------
        >>> chunks = ReferenceChunks(mean=0.85, mean_variance=0.01**2 / 10, between=0.0,
        ...     row_variance=0.1275, chunks=10, least_rows=1275)
        >>> [round(bound, 2) for bound in chunks.band(1275)]
        [0.81, 0.89]
        """
        deviation = sqrt(self.between + self.row_variance / rows + self.mean_variance)
        half = float(t.ppf(PROBABILITY, self.chunks - 1)) * deviation
        return self.mean - half, self.mean + half

    @classmethod
    def from_json(cls, written: Mapping[str, Any]) -> Self:
        """From what :meth:`as_json` gave.

        Parameters
        ----------
        written : mapping

        Returns
        -------
        ReferenceChunks
        """
        return cls(**written)

    def as_json(self) -> dict[str, Any]:
        """As a JSON object.

        Returns
        -------
        dict
            The fields by name.
        """
        return asdict(self)
