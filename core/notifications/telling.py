"""What every message is made of: names, times, counts, and the parts that an event tells."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from core.explanations.changes import Change, change_of_validation
from core.explanations.jobs import asked_by
from core.explanations.metrics import show_metric
from core.explanations.people import environment_label, stored_name
from core.explanations.rows import Row, text
from core.explanations.words import ENGLISH
from core.notifications.message import Table, one_line
from core.notifications.notice import Notice

NOTHING_TO_DO = "There is nothing to do."

_MOST_NAME = 80
_THIS_WEEK = timedelta(days=6)
# strftime's names follow the locale of the machine.
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@dataclass(frozen=True, kw_only=True)
class Told:
    """The parts of a message that its event decides."""

    subject: str
    what: str
    why: str = ""
    to_do: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    table: Table | None = None


def name_of(notice: Notice) -> str:
    """The model type as people call it, short enough for a subject."""
    return one_line(notice.title or notice.model_type or "Several model types", _MOST_NAME)


def quoted(words: str) -> str:
    """Somebody's own words in a sentence; empty for none."""
    return f"“{words}”" if words else ""


def where(notice: Notice) -> str:
    """The environment, as in "in production"; the usual one too: there may be several."""
    label = environment_label(ENGLISH, notice.environment and notice.environment.value)
    return f"in {label.lower()}"


def day_name(moment: datetime, now: datetime) -> str:
    """A day by the name that it has this week, else by its date.

    >>> monday = datetime(2026, 11, 23, 9, tzinfo=UTC)
    >>> day_name(monday, monday + timedelta(days=1)), day_name(monday, monday + timedelta(days=9))
    ('Monday', '23 Nov 2026')
    >>> day_name(monday, monday)
    'today'
    """
    day, today = moment.astimezone(UTC).date(), now.astimezone(UTC).date()
    if day == today:
        return "today"
    return _DAYS[day.weekday()] if today - day <= _THIS_WEEK else ENGLISH.numbers.date(moment)


def ordinal(number: int) -> str:
    """A place in a row.

    >>> [ordinal(number) for number in (1, 2, 3, 4, 11, 12, 13, 21, 112)]
    ['1st', '2nd', '3rd', '4th', '11th', '12th', '13th', '21st', '112th']
    """
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{'th' if number % 100 in {11, 12, 13} else ending}"


def counted(notice: Notice, thing: str) -> str:
    """How often it was seen and since when, as in "3rd check since Monday"."""
    day = day_name(notice.first_at, notice.created_at)
    return f"{ordinal(notice.occurrences)} {thing} {day if day == 'today' else f'since {day}'}"


def who_asked(data: Row) -> str:
    """Who or what asked for a training; empty where nobody is known."""
    if text(data, "trigger") == "schedule":
        return asked_by(ENGLISH, {"trigger": "schedule", "reason": text(data, "asked_because")})
    return stored_name(ENGLISH, text(data, "requested_by"))


def shown_metric(metric: str, value: float | None) -> str:
    """A metric's value for people; empty for none, which leaves its fact out."""
    return "" if value is None else show_metric(ENGLISH, metric or None, value)


def shown_change(change: Change) -> str:
    """The size of a difference; empty for none."""
    return "" if change.value is None else change.show(ENGLISH)


def gain_of(data: Row) -> Change:
    """How much better a new model is, by what is kept of its validation."""
    return change_of_validation(data, text(data, "metric") or None)
