"""How far label-free estimates were off, once the labels were there; when to stop believing them.

The error of one chunk is what the estimator is off by plus the chance in the chunk's labels.
Chance alone must not switch a good estimator off: 200 rows of an accuracy of 0.85 are off by 0.02
on average. Under the hypothesis that the estimator is off by no more than δ in each of K chunks,
Σ (dₖ² / vₖ) is at most a noncentral χ² with K degrees of freedom and noncentrality Σ δ² / vₖ, where
dₖ is the error of chunk k and vₖ the variance of its realised metric (Johnson, Kotz and
Balakrishnan 1995, "Continuous univariate distributions", volume 2, chapter 29). An error that
changes its sign counts as much as one that keeps it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any, Self

import numpy as np
from scipy.stats import ncx2

# Half of the difference that a chunk is large enough to show (points, or a share of the metric).
TOLERATED_POINTS = 0.015
TOLERATED_SHARE = 0.05
# Errors this large have this probability, at most, while the estimator is within what is tolerated.
SIGNIFICANCE = 0.001
# Older chunks say little about the estimator as it is now, and would hide a sudden change.
KEPT_CHUNKS = 20


@dataclass(frozen=True, kw_only=True)
class ScoredChunk:
    """Rows whose labels have come, scored once.

    ``estimated`` and ``realised`` are in the metric's unit, ``variance`` is that of ``realised``
    over the chance in the labels. ``scale`` is 1 for metrics in points, otherwise the metric's
    value at the reference: errors are judged as a share of it.
    """

    until: datetime  # label time of the newest row
    rows: int
    estimated: float
    realised: float
    variance: float
    scale: float = 1.0

    @property
    def error(self) -> float:
        """Estimated less realised, in points or as a share."""
        return (self.estimated - self.realised) / self.scale


@dataclass(frozen=True, kw_only=True)
class EstimateScore:
    """What is known about the estimates of one deployment; never counts a row twice.

    Attributes
    ----------
    chunks : tuple of ScoredChunk
        The newest ones, oldest first.
    scored_chunks : int
        How many there have been.
    scored_until : datetime or None
        Rows whose label was known by then have been dealt with.
    off : bool
        Once wrong, the estimates stay off until another model is deployed.

    Examples
    --------
    >>> from datetime import UTC
    >>> score = EstimateScore.from_state(None)
    >>> chunk = ScoredChunk(until=datetime(2026, 1, 1, tzinfo=UTC), rows=2000, estimated=0.85,
    ...     realised=0.84, variance=0.008**2)
    >>> score = score.add(chunk, tolerated=0.015)
    >>> score.off, round(score.mean_error, 3)
    (False, 0.01)
    >>> later = datetime(2026, 1, 8, tzinfo=UTC)
    >>> score = score.add(replace(chunk, until=later, realised=0.78), tolerated=0.015)
    >>> score.off, EstimateScore.from_state(score.as_state()) == score
    (True, True)
    """

    chunks: tuple[ScoredChunk, ...] = ()
    scored_chunks: int = 0
    scored_until: datetime | None = None
    off: bool = False

    @classmethod
    def from_state(cls, state: Mapping[str, Any] | None) -> Self:
        """From what :meth:`as_state` gave; None or an empty mapping is a fresh one.

        Parameters
        ----------
        state : mapping or None

        Returns
        -------
        EstimateScore
        """
        if not state:
            return cls()
        until = state["scored_until"]
        return cls(
            chunks=tuple(
                ScoredChunk(**(chunk | {"until": datetime.fromisoformat(chunk["until"])}))
                for chunk in state["chunks"]
            ),
            scored_chunks=state["scored_chunks"],
            scored_until=None if until is None else datetime.fromisoformat(until),
            off=state["off"],
        )

    def as_state(self) -> dict[str, Any]:
        """As a small JSON object.

        Returns
        -------
        dict
            The attributes by name, times in ISO 8601.
        """
        return {
            "chunks": [asdict(chunk) | {"until": chunk.until.isoformat()} for chunk in self.chunks],
            "scored_chunks": self.scored_chunks,
            "scored_until": None if self.scored_until is None else self.scored_until.isoformat(),
            "off": self.off,
        }

    @property
    def mean_error(self) -> float | None:
        """Mean absolute error of the kept chunks, chance in the labels included; None without."""
        if not self.chunks:
            return None
        return float(np.mean([abs(chunk.error) for chunk in self.chunks]))

    def add(self, chunk: ScoredChunk, *, tolerated: float) -> EstimateScore:
        """The score after one more chunk.

        Parameters
        ----------
        chunk : ScoredChunk
            Later than all before it; an earlier one has been counted and changes nothing.
        tolerated : float
            Error that is tolerated, in points or as a share of the reference's metric.

        Returns
        -------
        EstimateScore
        """
        if self.scored_until is not None and chunk.until <= self.scored_until:
            return self
        chunks = (*self.chunks, chunk)[-KEPT_CHUNKS:]
        return replace(
            self,
            chunks=chunks,
            scored_chunks=self.scored_chunks + 1,
            scored_until=chunk.until,
            off=self.off or error_p_value(chunks, tolerated) < SIGNIFICANCE,
        )

    def passed_over(self, until: datetime) -> EstimateScore:
        """The score after rows that could not be scored (too different from the reference).

        Parameters
        ----------
        until : datetime
            Label time of the newest of them; one that was dealt with already changes nothing.

        Returns
        -------
        EstimateScore
            With the same chunks.
        """
        if self.scored_until is not None and until <= self.scored_until:
            return self
        return replace(self, scored_until=until)


def error_p_value(chunks: tuple[ScoredChunk, ...], tolerated: float) -> float:
    """Chance of errors this large (one-sided) if each chunk's true error were just tolerated.

    By the noncentral χ² distribution; the source is in this module's docstring.

    Parameters
    ----------
    chunks : tuple of K ScoredChunk
    tolerated : float

    Returns
    -------
    float in [0, 1]

    Examples
    --------
    >>> chunk = ScoredChunk(until=datetime(2026, 1, 1), rows=2000, estimated=0.85, realised=0.78,
    ...     variance=0.008**2)
    >>> error_p_value((chunk,), 0.015) < 0.001
    True
    """
    errors = np.array([chunk.error for chunk in chunks])
    # A chunk without any wrong row has no variance; one wrong row in it is the least chance.
    variances = np.array(
        [max(c.variance / c.scale**2, 1.0 / c.rows**2) for c in chunks], dtype=np.float64
    )
    statistic, noncentrality = (errors**2 / variances).sum(), (tolerated**2 / variances).sum()
    return float(ncx2.sf(statistic, len(chunks), noncentrality))
