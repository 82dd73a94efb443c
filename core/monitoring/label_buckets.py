"""The arithmetic of the sequential test: rows in buckets of time, and what each does to a level.

Why it is so, and the paper, are in :mod:`core.monitoring.sequential`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from core.engines.time_split import utc

Floats = NDArray[np.float64]

# Smaller ones pay only for losses hardly above the limit, and those of 1 or more could lose all.
BETS = (0.2, 0.4, 0.6, 0.8)
# Rows that a bucket should have: their mean varies little enough for such bets, and losses that
# depend on the ones just before do so mostly within a bucket.
BLOCK = 8
USUAL_WIDTH = timedelta(hours=4)
NARROWEST = timedelta(minutes=30)  # so that a week has few enough buckets to store
WIDEST = timedelta(days=1)
# No level goes above this, twenty times the alarm's. It only lowers the level, so that the test
# stays valid; and an alarm about a bad stretch that is over ends some hundred good labels later.
HIGHEST_LEVEL = 100_000.0


def bucket_width(label_spacing_seconds: float | None) -> timedelta:
    """The span of time in which about eight labels come.

    Parameters
    ----------
    label_spacing_seconds : float or None
        Mean time between two labels of the reference; None where it is not known.

    Returns
    -------
    timedelta
        Whole minutes, between half an hour and a day; four hours where nothing is known.

    Examples
    --------
    >>> [str(bucket_width(seconds)) for seconds in (1920.0, 1.0, None)]
    ['4:16:00', '0:30:00', '4:00:00']
    """
    if label_spacing_seconds is None:
        return USUAL_WIDTH
    minutes = round(BLOCK * label_spacing_seconds / 60)
    return min(max(timedelta(minutes=minutes), NARROWEST), WIDEST)


def factors(total: Any, rows: Any, limit: Any) -> Floats:
    """What a bucket does to each bet: 1 + λ · Σ(x − m)/(m · max(n, 8)).

    Parameters
    ----------
    total, rows : float or ndarray of shape (...)
        Σ x, the sum of the bucket's losses, each in [0, 1], and n, their number.
    limit : float or ndarray of shape (...)
        m > 0.

    Returns
    -------
    ndarray of shape (..., 4)
        One for each bet, positive, with a mean of at most 1 while the losses' mean is at most m.

    Examples
    --------
    >>> factors(4.0, 8, 0.25).round(2).tolist()
    [1.2, 1.4, 1.6, 1.8]
    """
    excess = (total - np.multiply(rows, limit)) / (np.multiply(limit, np.maximum(rows, BLOCK)))
    return np.asarray(1 + np.multiply.outer(excess, np.array(BETS)))


def next_levels(levels: Floats, rows: Any, factor: Floats) -> Floats:
    """The levels after one more bucket, each bet by itself: (M + n) · factor.

    Parameters
    ----------
    levels : ndarray of shape (..., 4)
        M of each bet before the bucket.
    rows : int or ndarray of shape (..., 1)
        n, the rows of the bucket.
    factor : ndarray of shape (..., 4)
        :func:`factors` of the bucket.

    Examples
    --------
    >>> next_levels(np.zeros(4), 3, np.ones(4)).tolist()
    [3.0, 3.0, 3.0, 3.0]
    """
    return np.asarray(np.minimum((levels + rows) * factor, HIGHEST_LEVEL))


@dataclass(frozen=True, kw_only=True)
class Bucket:
    """The rows that became countable in one span of time.

    Examples
    --------
    >>> bucket = Bucket(index=3, rows=2, fingerprint=12, total=1.0)
    >>> Bucket.from_state(bucket.as_state()) == bucket
    True
    """

    index: int  # start of the span, in widths since 1970-01-01 UTC
    rows: int
    fingerprint: int  # sum of the rows' key hashes, modulo 2**64
    total: float  # sum of the losses

    def as_state(self) -> list[Any]:
        """As a JSON array; the fingerprint as hexadecimal, since JSON's numbers are too small."""
        return [self.index, self.rows, f"{self.fingerprint:x}", self.total]

    @classmethod
    def from_state(cls, state: list[Any]) -> Self:
        """From :meth:`as_state`."""
        index, rows, fingerprint, total = state
        return cls(index=index, rows=rows, fingerprint=int(fingerprint, 16), total=float(total))


def bucket_of(moment: datetime, width: timedelta) -> int:
    """The bucket that a moment falls in.

    Examples
    --------
    >>> bucket_of(datetime(1970, 1, 1, 9), timedelta(hours=4))
    2
    """
    return int(utc(moment).timestamp() // width.total_seconds())


def seen_buckets(
    losses: Floats,
    countable_at: NDArray[np.datetime64],
    keys: NDArray[np.uint64],
    *,
    until: datetime,
    width: timedelta,
) -> dict[int, Bucket]:
    """The rows shown, by bucket: the same whatever the order in which they come.

    Parameters
    ----------
    losses : ndarray of shape (n,)
        In [0, 1].
    countable_at : ndarray of shape (n,), datetime64 in UTC
    keys : ndarray of shape (n,), uint64
        Hashes; of rows with the same one a bucket holds one.
    until : datetime
        Rows after it are left out.
    width : timedelta

    Returns
    -------
    dict of int to Bucket

    Examples
    --------
    >>> times = np.datetime64("1970-01-01") + np.arange(3) * np.timedelta64(3, "h")
    >>> keys = np.array([7, 5, 9], dtype=np.uint64)
    >>> seen = seen_buckets(
    ...     np.array([0.0, 1.0, 1.0]), times, keys, until=datetime(1970, 1, 2),
    ...     width=timedelta(hours=4),
    ... )
    >>> [bucket.as_state() for bucket in seen.values()]
    [[0, 2, 'c', 1.0], [1, 1, '9', 1.0]]
    """
    due = countable_at <= np.datetime64(utc(until).tz_localize(None), "us")
    losses, keys = losses[due], keys[due]
    microseconds = countable_at[due].astype("datetime64[us]").astype(np.int64)
    index = microseconds // int(width.total_seconds() * 1_000_000)
    # Sums of floats depend on the order, so that the rows get one of their own.
    order = np.lexsort((losses, keys, index))
    losses, keys, index = losses[order], keys[order], index[order]
    first = np.ones(len(keys), dtype=bool)
    first[1:] = (keys[1:] != keys[:-1]) | (index[1:] != index[:-1])
    losses, keys, index = losses[first], keys[first], index[first]
    found, starts = np.unique(index, return_index=True)
    if not len(found):
        return {}
    ends = np.append(starts[1:], len(index))
    prints = np.add.reduceat(keys, starts)
    return {
        int(bucket): Bucket(
            index=int(bucket),
            rows=int(end - start),
            fingerprint=int(fingerprint),
            total=float(losses[start:end].sum()),
        )
        for bucket, start, end, fingerprint in zip(found, starts, ends, prints, strict=True)
    }
