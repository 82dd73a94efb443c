"""Which rows a check of the champion needs, so that it reads these and no others."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pandas as pd

from core.domain import ModelType
from core.engines.label_free import least_rows
from core.engines.time_split import utc
from core.monitoring.sequential import EDetector
from core.monitoring.watched import DETECTOR, Watched

# A span leaves its start out, and a bucket begins with the very moment that it starts at.
_AN_INSTANT = timedelta(microseconds=1)
# Rows of a longer time say little about today.
LONGEST_WAIT = timedelta(weeks=8)
# How many rows are read for one that an estimate needs: of the older ones most have their label.
_READ_FOR_ONE = 2


@dataclass(frozen=True, kw_only=True)
class Span:
    """A span of time, ``(start, end]``.

    Attributes
    ----------
    start : datetime
        Left out.
    end : datetime
        The last moment of it.
    """

    start: datetime
    end: datetime


@dataclass(frozen=True, kw_only=True)
class RowsNeeded:
    """What a check asks for.

    Attributes
    ----------
    delay : timedelta
        How long after its time a row's label is usually known.
    counting : Span
        Labelled rows that begin to count in it (:func:`core.monitoring.maturity.countable_at`,
        with this delay): those of the check's window, and all that the sequential test may still
        count. That is what came in the last seven days, or since the last check and the seven days
        before it.
    recent : Span or None
        All rows whose own time is in it, whatever their target, for drift and the estimate: the
        check's window. None without a profile, since then there is neither.
    waiting : Span or None
        All rows whose own time is in it and whose label is not known, for the estimate alone: of
        before the window, where that holds too few of them.
    due : Span
        All rows whose own time is in it, with :func:`coverage_columns` alone: as long as the
        window, and just old enough to have their label.
    due_before : Span or None
        The same of the time before the champion was trained, where the profile does not say which
        share of its rows had a label.
    """

    delay: timedelta
    counting: Span
    recent: Span | None
    waiting: Span | None
    due: Span
    due_before: Span | None


@dataclass(frozen=True, kw_only=True)
class CheckRows:
    """The rows of each span of :class:`RowsNeeded`; a frame without rows where there are none.

    Attributes
    ----------
    labelled : DataFrame
        Of the span ``counting``.
    recent, waiting, due, due_before : DataFrame
        Of the spans of these names.
    """

    labelled: pd.DataFrame = field(default_factory=pd.DataFrame)
    recent: pd.DataFrame = field(default_factory=pd.DataFrame)
    waiting: pd.DataFrame = field(default_factory=pd.DataFrame)
    due: pd.DataFrame = field(default_factory=pd.DataFrame)
    due_before: pd.DataFrame = field(default_factory=pd.DataFrame)


def rows_needed(
    watched: Watched, model_type: ModelType, *, as_of: datetime, window: timedelta
) -> RowsNeeded:
    """What a check of the champion needs.

    Parameters
    ----------
    watched : Watched
    model_type : ModelType
    as_of : datetime
    window : timedelta
        Of the single look, of drift and of the estimate.

    Returns
    -------
    RowsNeeded

    Examples
    --------
    >>> from core.engines.example_rows import example_type
    >>> watched = Watched(model=None, reference=None, profile=None, since=datetime(2026, 1, 1),
    ...     monitor=None)
    >>> kind, week = example_type(label_delay=timedelta(days=30)), timedelta(days=7)
    >>> needed = rows_needed(watched, kind, as_of=datetime(2026, 3, 10), window=week)
    >>> str(needed.counting.start), needed.recent
    ('2026-01-01 00:00:00', None)
    >>> str(needed.due.start), str(needed.due.end)
    ('2026-02-01 00:00:00', '2026-02-08 00:00:00')
    """
    delay = watched.usual_delay(model_type)
    start = as_of - window
    return RowsNeeded(
        delay=delay,
        counting=Span(start=min(_uncounted_from(watched, model_type, start), start), end=as_of),
        recent=None if watched.profile is None else Span(start=start, end=as_of),
        waiting=_waiting(watched, start, delay=delay, as_of=as_of),
        due=Span(start=start - delay, end=as_of - delay),
        due_before=(
            Span(start=watched.since - window - delay, end=watched.since - delay)
            if watched.usual_coverage is None
            else None
        ),
    )


def _waiting(
    watched: Watched, window_start: datetime, *, delay: timedelta, as_of: datetime
) -> Span | None:
    """When rows of before the window happened that an estimate may need.

    Not before the training or the last attempt, and no longer ago than labels usually take: older
    rows without one never get it, and may be of another kind.
    """
    least = None if watched.profile is None else least_rows(watched.profile.estimate)
    if least is None:
        return None
    attempt = watched.state.get("attempt_at")
    begun = watched.since if attempt is None else datetime.fromisoformat(attempt)
    enough = _READ_FOR_ONE * least * timedelta(seconds=watched.reference.label_spacing_seconds or 0)
    start = max(utc(as_of) - min(delay, enough, LONGEST_WAIT), utc(watched.since), utc(begun))
    if start >= utc(window_start):
        return None
    return Span(start=start.to_pydatetime(), end=window_start)


def coverage_columns(model_type: ModelType) -> tuple[str, ...]:
    """The columns that tell which rows have their label.

    Parameters
    ----------
    model_type : ModelType

    Returns
    -------
    tuple of str
        The time, the target, and the label's time where the model type has one.

    Examples
    --------
    >>> from core.engines.example_rows import example_type
    >>> coverage_columns(example_type())
    ('at', 'y')
    """
    label_time = (model_type.label_time_column,) if model_type.label_time_column else ()
    return (model_type.time_column, model_type.target_column, *label_time)


def _uncounted_from(watched: Watched, model_type: ModelType, start: datetime) -> datetime:
    """From when on rows may be new to the sequential test; ``start`` where there is none."""
    if watched.monitor is None:
        return watched.since
    # A reference of another metric than the model type's of today has no test that could count.
    if DETECTOR not in watched.state or watched.reference.metric != model_type.metric:
        return start
    closed = EDetector.from_state(watched.state[DETECTOR]).closed_until
    return watched.since if closed is None else closed - _AN_INSTANT
