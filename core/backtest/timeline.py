"""Where a walk begins and where it stops."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from core.backtest.records import Timeline
from core.errors import InvalidRequest


def first_training(known: NDArray[np.datetime64], share: float) -> datetime:
    """When the label of the last row of the first training is known.

    Parameters
    ----------
    known : ndarray of shape (n,)
        When the labels became known, in order, UTC: with those that take long, nothing can be
        learnt from the first rows yet when the next ones happen.
    share : float in (0, 1)
        Which share of the rows the first training may use.

    Returns
    -------
    datetime
        UTC.

    Raises
    ------
    InvalidRequest
        The share is none, or leaves no row on one of its sides.

    Examples
    --------
    >>> known = np.array(["2026-01-01", "2026-01-02", "2026-01-03"], dtype="datetime64[us]")
    >>> first_training(known, 0.5).isoformat()
    '2026-01-01T00:00:00+00:00'
    """
    if not 0 < share < 1:
        raise InvalidRequest(
            f"--start {share:g} is out of range.",
            hint="It is the share of the rows for the first training, between 0 and 1.",
        )
    rows = int(share * len(known))
    if rows < 1 or known[-1] <= known[rows - 1]:
        raise InvalidRequest(
            f"--start {share:g} leaves {rows:,} of {len(known):,} rows for the first training, "
            "and none on one of its sides.",
            hint="Name another share of the rows, e.g. --start 0.1.",
        )
    return _moment(known[rows - 1])


def make_timeline(start: datetime, last: np.datetime64, step: timedelta) -> Timeline:
    """Steps from ``start`` on, as long as there are rows to predict.

    Parameters
    ----------
    start : datetime
        With a time zone.
    last : datetime64, UTC
        The time of the last row.
    step : timedelta
        > 0, from look to look.

    Returns
    -------
    Timeline
        The last moment is the last one before ``last``.

    Raises
    ------
    InvalidRequest
        The data ends within the first step.

    Examples
    --------
    >>> start = datetime(2026, 1, 1, tzinfo=UTC)
    >>> len(make_timeline(start, np.datetime64("2026-01-10", "us"), timedelta(days=2)).moments)
    5
    """
    rest = _moment(last) - start
    if step > rest:
        raise InvalidRequest(
            f"A step of {_words(step)} is longer than the data after the first training "
            f"({_words(max(rest, timedelta(0)))}).",
            hint="Name a shorter --step or a smaller --start.",
        )
    steps = -(-rest // step)
    return Timeline(step=step, moments=tuple(start + step * number for number in range(steps)))


def span_until(happened: NDArray[np.datetime64], start: datetime) -> timedelta:
    """The time from before the very first row to ``start``: a training window that holds them all.

    Whole seconds, as the database keeps them.

    Parameters
    ----------
    happened : ndarray of shape (n,)
        Times of all rows, in order, UTC.
    start : datetime
        With a time zone.

    Returns
    -------
    timedelta

    Examples
    --------
    >>> happened = np.array(["2026-01-01", "2026-01-03"], dtype="datetime64[us]")
    >>> span_until(happened, datetime(2026, 1, 3, tzinfo=UTC)).total_seconds()
    172801.0
    """
    return timedelta(seconds=math.floor((start - _moment(happened[0])).total_seconds()) + 1)


def _moment(time: np.datetime64) -> datetime:
    found: datetime = time.astype("datetime64[us]").item()
    return found.replace(tzinfo=UTC)


def _words(length: timedelta) -> str:
    """The two largest units.

    >>> _words(timedelta(days=7)), _words(timedelta(hours=3, minutes=30, seconds=2))
    ('7 d', '3 h 30 min')
    """
    hours, seconds = divmod(length.seconds, 3600)
    parts = [(length.days, "d"), (hours, "h"), (seconds // 60, "min"), (seconds % 60, "s")]
    shown = [f"{number} {unit}" for number, unit in parts if number]
    return " ".join(shown[:2]) or "no time"
