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
# Rows that share a bet: their mean varies little enough for such bets, and losses that depend on
# the ones just before do so mostly within a block.
BLOCK = 8
# A bucket adds a block's worth to the level, however many rows it has: so the level of a busy
# stream counts time, a block every four hours.
USUAL_WIDTH = timedelta(hours=4)
WIDEST = timedelta(days=1)
# No level goes above this, twenty times the alarm's. It only lowers the level, so that the test
# stays valid; and an alarm about a bad stretch that is over ends some hundred good labels later.
HIGHEST_LEVEL = 100_000.0


def bucket_width(label_spacing_seconds: float | None) -> timedelta:
    """The span of time in which at least about eight labels come.

    Parameters
    ----------
    label_spacing_seconds : float or None
        Mean time between two labels of the reference; None where it is not known.

    Returns
    -------
    timedelta
        Whole minutes, between four hours and a day; four hours where nothing is known.

    Examples
    --------
    >>> [str(bucket_width(seconds)) for seconds in (1920.0, 1.0, None)]
    ['4:16:00', '4:00:00', '4:00:00']
    """
    if label_spacing_seconds is None:
        return USUAL_WIDTH
    minutes = round(BLOCK * label_spacing_seconds / 60)
    return min(max(timedelta(minutes=minutes), USUAL_WIDTH), WIDEST)


def factors(total: Any, rows: Any, limit: Any) -> Floats:
    """What a block does to each bet: 1 + λ · Σ(x − m)/(8m).

    Shin, Ramdas and Rinaldo 2022, section 2, with a bet shared by the rows of a block.

    Parameters
    ----------
    total, rows : float or ndarray of shape (...)
        Σ x, the sum of the block's losses, each in [0, 1], and their number, 1 to 8.
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
    excess = (total - np.multiply(rows, limit)) / np.multiply(limit, BLOCK)
    return np.asarray(1 + np.multiply.outer(excess, np.array(BETS)))


def bucket_factors(losses: Floats, limit: float) -> Floats:
    """What a bucket does to each bet: the product over its blocks of eight.

    Parameters
    ----------
    losses : ndarray of shape (n,), n ≥ 1
        In [0, 1], in the order in which they came.
    limit : float
        m > 0.

    Returns
    -------
    ndarray of shape (4,)
        Positive; more than :data:`HIGHEST_LEVEL` would raise no level further.

    Examples
    --------
    >>> bucket_factors(np.repeat([0.0, 1.0], 8), 0.5).round(2).tolist()
    [0.96, 0.84, 0.64, 0.36]
    """
    starts = np.arange(0, len(losses), BLOCK)
    totals = np.add.reduceat(losses, starts)
    rows = np.diff(np.append(starts, len(losses)))
    logs = np.log(factors(totals, rows, limit)).sum(axis=0)
    return np.asarray(np.exp(np.minimum(logs, np.log(HIGHEST_LEVEL))))


def next_levels(levels: Floats, rows: Any, factor: Floats) -> Floats:
    """The levels after one more bucket, each bet by itself: (M + min(n, 8)) · factor.

    The Shiryaev–Roberts e-detector (Shin, Ramdas and Rinaldo 2022, section 2), a bucket at a time.

    Parameters
    ----------
    levels : ndarray of shape (..., 4)
        M of each bet before the bucket.
    rows : int or ndarray of shape (..., 1)
        n, the rows of the bucket.
    factor : ndarray of shape (..., 4)
        :func:`bucket_factors` of the bucket.

    Returns
    -------
    ndarray of shape (..., 4)
        At most :data:`HIGHEST_LEVEL`.

    Examples
    --------
    >>> next_levels(np.zeros(4), 3, np.ones(4)).tolist()
    [3.0, 3.0, 3.0, 3.0]
    """
    begun = np.minimum(rows, BLOCK)
    return np.asarray(np.minimum((levels + begun) * factor, HIGHEST_LEVEL))


@dataclass(frozen=True, kw_only=True)
class Bucket:
    """The rows that became countable in one span of time.

    Attributes
    ----------
    index : int
        Start of the span, in widths since 1970-01-01 UTC.
    rows : int
        ≥ 1.
    fingerprint : int
        Sum of the rows' key hashes, modulo 2**64.
    factors : tuple of 4 floats
        What it does to each bet (:func:`bucket_factors`).

    Examples
    --------
    >>> bucket = Bucket(index=3, rows=2, fingerprint=12, factors=(1.1, 1.2, 1.3, 1.4))
    >>> Bucket.from_state(bucket.as_state()) == bucket
    True
    """

    index: int
    rows: int
    fingerprint: int
    factors: tuple[float, ...]

    def as_state(self) -> list[Any]:
        """As a JSON array; the fingerprint as hexadecimal, since JSON's numbers are too small.

        Returns
        -------
        list
            Index, rows, fingerprint and the list of factors.
        """
        return [self.index, self.rows, f"{self.fingerprint:x}", list(self.factors)]

    @classmethod
    def from_state(cls, state: list[Any]) -> Self:
        """From :meth:`as_state`.

        Parameters
        ----------
        state : list
            The JSON array.

        Returns
        -------
        Bucket
        """
        index, rows, fingerprint, factor = state
        return cls(index=index, rows=rows, fingerprint=int(fingerprint, 16), factors=tuple(factor))


def bucket_of(moment: datetime, width: timedelta) -> int:
    """The bucket that a moment falls in.

    Parameters
    ----------
    moment : datetime
        One without a time zone is taken as UTC.
    width : timedelta
        Of a bucket.

    Returns
    -------
    int
        Whole widths since 1970-01-01 UTC.

    Examples
    --------
    >>> bucket_of(datetime(1970, 1, 1, 9), timedelta(hours=4))
    2
    """
    return int(utc(moment).timestamp() // width.total_seconds())


@dataclass(frozen=True, kw_only=True)
class ShownLabels:
    """The labelled rows that a check shows to the test, in any order.

    Attributes
    ----------
    losses : ndarray of shape (n,)
        In [0, 1].
    countable_at : ndarray of shape (n,), datetime64 in UTC
        Must be the same at every check.
    happened_at : ndarray of shape (n,), datetime64 in UTC
        The rows' own time: the order of those that became countable together.
    keys : ndarray of shape (n,), uint64
        Hashes of the rows' keys; of rows with the same one a bucket counts one.
    """

    losses: Floats
    countable_at: NDArray[np.datetime64]
    happened_at: NDArray[np.datetime64]
    keys: NDArray[np.uint64]

    def buckets(self, *, until: datetime, width: timedelta, limit: float) -> dict[int, Bucket]:
        """Sort the rows into buckets: the same ones whatever the order in which they are shown.

        Parameters
        ----------
        until : datetime
            Rows that became countable after it are left out.
        width : timedelta
            Of a bucket.
        limit : float
            m > 0, the mean loss from which on the losses count as worse.

        Returns
        -------
        dict of int to Bucket
            Those that have rows, by index, the oldest first.

        Examples
        --------
        >>> times = np.datetime64("1970-01-01") + np.arange(3) * np.timedelta64(3, "h")
        >>> shown = ShownLabels(losses=np.array([0.0, 1.0, 1.0]), countable_at=times,
        ...     happened_at=times, keys=np.array([7, 5, 9], dtype=np.uint64))
        >>> found = shown.buckets(
        ...     until=datetime(1970, 1, 2), width=timedelta(hours=4), limit=0.5)
        >>> [bucket.as_state()[:3] for bucket in found.values()]
        [[0, 2, 'c'], [1, 1, '9']]
        """
        due = self.countable_at <= np.datetime64(utc(until).tz_localize(None), "us")
        losses, keys, came = self.losses[due], self.keys[due], self.countable_at[due]
        microseconds = came.astype("datetime64[us]").astype(np.int64)
        index = microseconds // int(width.total_seconds() * 1_000_000)
        order = np.lexsort((losses, keys, self.happened_at[due], came, index))
        losses, keys, index = losses[order], keys[order], index[order]
        first = _first_of_each(keys, index)
        losses, keys, index = losses[first], keys[first], index[first]
        found, starts = np.unique(index, return_index=True)
        if not len(found):
            return {}
        prints = np.add.reduceat(keys, starts)
        return {
            int(bucket): Bucket(
                index=int(bucket),
                rows=len(inside),
                fingerprint=int(fingerprint),
                factors=tuple(bucket_factors(inside, limit).tolist()),
            )
            for bucket, inside, fingerprint in zip(
                found, np.split(losses, starts[1:]), prints, strict=True
            )
        }


def _first_of_each(keys: NDArray[np.uint64], index: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which rows are the first of their key in their bucket."""
    by_key = np.lexsort((np.arange(len(keys)), keys, index))
    again = np.zeros(len(keys), dtype=bool)
    again[by_key[1:]] = (keys[by_key][1:] == keys[by_key][:-1]) & (
        index[by_key][1:] == index[by_key][:-1]
    )
    return ~again
