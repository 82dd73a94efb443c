"""The sequential test: an e-detector that stays valid however often one looks.

It watches the losses of labelled rows, each in [0, 1], for a mean above a limit m. Shin, Ramdas
and Rinaldo 2022, "E-detectors: a nonparametric framework for sequential change detection",
section 2 (Shiryaev–Roberts e-detector): M ← (M + 1) · (1 + λ(x − m)/m) for each observation x,
averaged over several bets λ. Whatever the time of looking, the mean number of observations to a
false alarm at level c is at least c, as long as their mean, given what came before, is at most m.

**Buckets.** Labels come late, twice, in any order and after a restart, and no ledger of keys is
kept. So time is cut into buckets of four hours, or as much longer as it takes for about eight
labels to come; a row belongs to the one in which it became countable, and is ordered there by when
it did and then by its own time. Eight rows in a row are a block, which shares a bet on its mean;
a block of fewer bets less. A bucket multiplies its blocks' bets, and min(n, 8) bets begin at its
start, as if as many labels had come: M ← (M + min(n, 8)) · ∏ (1 + λ Σ(x − m)/(8m)). What a
bucket keeps is its number of rows, the sum of their keys' hashes and the product for each λ: none
of these depends on the order in which rows are shown. A check counts a bucket anew when it sees
other rows there, at least as many as before; a bucket older than the lookback is folded into the
level and closed. Means vary less than single losses, so that larger bets pay; and losses that
depend on those just before them (a bad hour) do so mostly within a block, where it does no harm.

**Why that is valid.** Let the sizes of the buckets not depend on the losses. A factor is linear in
Σ(x − m), so that the product of the factors since the start of a row's bucket is, in the order of
arrival, a nonnegative supermartingale that starts at 1. Add them up over all rows of the buckets
begun so far, seen or not: the sum is never smaller than M, which lets at most eight begin in each.
By optional stopping M reaches c, on average, not before c labels are due, counting the bucket of
the alarm as a whole, however often one looks. On a stream of more than eight labels in four hours
it is not before c / 8 buckets either: 104 days for the alarm. A row that comes late into a bucket
of several blocks shifts rows between them, one fair bet in place of another; the bound is proven
for looks that see each bucket's rows in order.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from math import isclose
from typing import Any, Self

import numpy as np

from core.monitoring.label_buckets import (
    BETS,
    USUAL_WIDTH,
    Bucket,
    ShownLabels,
    bucket_of,
    next_levels,
)

LOOKBACK = timedelta(days=7)
TRAINING_AT = 1000.0
ALARM_AT = 5000.0
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class EDetector:
    """The test of one deployment: all that its past labels have left behind.

    Two levels share the buckets: one since the deployment, one since the last training attempt,
    which alone an attempt sets back.

    Attributes
    ----------
    limit : float
        m > 0, the mean loss from which on the losses count as worse.
    width : timedelta
        Of a bucket.
    buckets : tuple of Bucket
        The open ones, the oldest first.
    closed_through : int or None
        Index of the newest bucket that can no longer change.
    closed_rows : int
        Rows of all closed ones.
    closed_levels, closed_attempt_levels : tuple of 4 floats
        What they have left of each bet, for either level.
    attempt_bucket : int or None
        The attempt level counts the buckets after this one; None: all.

    Examples
    --------
    A thousand labels, half of them wrong where a fifth was the limit:

    >>> from datetime import UTC
    >>> end = datetime(2026, 1, 8, tzinfo=UTC)
    >>> times = np.datetime64("2026-01-07") + np.arange(1000) * np.timedelta64(60, "s")
    >>> losses = np.arange(1000) % 2 * 1.0
    >>> keys = np.arange(1000, dtype=np.uint64)
    >>> shown = ShownLabels(losses=losses, countable_at=times, happened_at=times, keys=keys)
    >>> detector, new = EDetector.start(0.2).count(shown, until=end)
    >>> new, detector.level >= ALARM_AT
    (1000, True)
    >>> EDetector.from_state(detector.as_state()) == detector
    True
    """

    limit: float
    width: timedelta = USUAL_WIDTH
    buckets: tuple[Bucket, ...] = ()
    closed_through: int | None = None
    closed_rows: int = 0
    closed_levels: tuple[float, ...] = (0.0,) * len(BETS)
    closed_attempt_levels: tuple[float, ...] = (0.0,) * len(BETS)
    attempt_bucket: int | None = None

    @classmethod
    def start(cls, limit: float, width: timedelta = USUAL_WIDTH) -> Self:
        """A test that has seen nothing.

        Parameters
        ----------
        limit : float
            Mean loss from which on the losses count as worse, > 0.
        width : timedelta
            Of a bucket (:func:`core.monitoring.label_buckets.bucket_width`).

        Returns
        -------
        EDetector
        """
        return cls(limit=limit, width=width)

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """From the JSON that :meth:`as_state` gave.

        Parameters
        ----------
        state : mapping
            The JSON object.

        Returns
        -------
        EDetector
        """
        return cls(
            limit=state["limit"],
            width=timedelta(seconds=state["width_seconds"]),
            buckets=tuple(Bucket.from_state(bucket) for bucket in state["buckets"]),
            closed_through=state["closed_through"],
            closed_rows=state["closed_rows"],
            closed_levels=tuple(state["closed_levels"]),
            closed_attempt_levels=tuple(state["closed_attempt_levels"]),
            attempt_bucket=state["attempt_bucket"],
        )

    def as_state(self) -> dict[str, Any]:
        """As a JSON object of some kilobytes.

        Returns
        -------
        dict
            The fields by name, the width in seconds and each bucket as an array.
        """
        return {
            "limit": self.limit,
            "width_seconds": self.width.total_seconds(),
            "buckets": [bucket.as_state() for bucket in self.buckets],
            "closed_through": self.closed_through,
            "closed_rows": self.closed_rows,
            "closed_levels": list(self.closed_levels),
            "closed_attempt_levels": list(self.closed_attempt_levels),
            "attempt_bucket": self.attempt_bucket,
        }

    @property
    def level(self) -> float:
        """The level since the deployment: the mean over the bets."""
        return float(np.mean(self._levels(self.closed_levels, self.buckets)))

    @property
    def attempt_level(self) -> float:
        """The level since the last training attempt."""
        return float(np.mean(self._levels(self.closed_attempt_levels, self._after_attempt())))

    @property
    def labels(self) -> int:
        """Rows counted since the deployment, each once."""
        return self.closed_rows + sum(bucket.rows for bucket in self.buckets)

    def count(self, shown: ShownLabels, *, until: datetime) -> tuple[Self, int]:
        """Count the rows that are new among those shown.

        Parameters
        ----------
        shown : ShownLabels
            All rows of the lookback before ``until``; those after it wait.
        until : datetime
            The time of the check.

        Returns
        -------
        EDetector, int
            The test from now on, and how many rows it counted for the first time.
        """
        known = {bucket.index: bucket for bucket in self.buckets}
        seen = shown.buckets(until=until, width=self.width, limit=self.limit)
        for index, bucket in seen.items():
            if self.closed_through is not None and index <= self.closed_through:
                continue
            before = known.get(index)
            if before is None or (
                bucket.fingerprint != before.fingerprint and bucket.rows >= before.rows
            ):
                known[index] = bucket
        counted = replace(self, buckets=tuple(known[index] for index in sorted(known)))
        return counted.closed(until), counted.labels - self.labels

    def after_attempt(self, at: datetime) -> Self:
        """The test once a training was begun: the attempt level starts again.

        Parameters
        ----------
        at : datetime
            When it was begun: only buckets after the one it falls in count for the attempt level.

        Returns
        -------
        EDetector
        """
        return replace(
            self,
            attempt_bucket=bucket_of(at, self.width),
            closed_attempt_levels=(0.0,) * len(BETS),
        )

    def with_limit(self, limit: float) -> Self:
        """The same test, or a new one where the limit has changed.

        Parameters
        ----------
        limit : float
            A changed threshold asks another question, which the closed labels cannot answer; the
            open ones are counted anew when they are shown.

        Returns
        -------
        EDetector
            Itself where the limit is equal but for rounding.
        """
        if isclose(limit, self.limit, rel_tol=1e-9):
            return self
        return replace(
            self,
            limit=limit,
            buckets=(),
            closed_rows=0,
            closed_levels=(0.0,) * len(BETS),
            closed_attempt_levels=(0.0,) * len(BETS),
        )

    @property
    def closed_until(self) -> datetime | None:
        """Rows that became countable before this can no longer be counted; None: all can."""
        if self.closed_through is None:
            return None
        return EPOCH + (self.closed_through + 1) * self.width

    def _after_attempt(self) -> tuple[Bucket, ...]:
        last = self.attempt_bucket
        return tuple(b for b in self.buckets if last is None or b.index > last)

    def closed(self, until: datetime) -> Self:
        """The test with the buckets that ended before the lookback folded into the levels.

        Parameters
        ----------
        until : datetime
            The time of the check; the lookback is the seven days before it.

        Returns
        -------
        EDetector
            With the same levels.
        """
        through = bucket_of(until - LOOKBACK, self.width) - 1
        if self.closed_through is not None:
            through = max(through, self.closed_through)
        old = tuple(b for b in self.buckets if b.index <= through)
        attempt = tuple(b for b in self._after_attempt() if b.index <= through)
        return replace(
            self,
            buckets=self.buckets[len(old) :],
            closed_through=through,
            closed_rows=self.closed_rows + sum(b.rows for b in old),
            closed_levels=self._levels(self.closed_levels, old),
            closed_attempt_levels=self._levels(self.closed_attempt_levels, attempt),
        )

    def _levels(self, before: tuple[float, ...], buckets: tuple[Bucket, ...]) -> tuple[float, ...]:
        levels = np.array(before)
        for bucket in buckets:
            levels = next_levels(levels, bucket.rows, np.array(bucket.factors))
        return tuple(levels.tolist())
