"""What stands until it is over: it begins, it still stands, it is over."""

from __future__ import annotations

from core.explanations.changes import change_of_check
from core.explanations.metrics import metric_name
from core.explanations.missing_columns import missing_columns
from core.explanations.rows import count, figure, part, text
from core.explanations.schedules import cron_in_words, schedule_label
from core.explanations.words import ENGLISH
from core.notifications.events import Event
from core.notifications.notice import Notice
from core.notifications.telling import (
    NOTHING_TO_DO,
    Told,
    counted,
    day_name,
    name_of,
    quoted,
    shown_change,
    shown_metric,
    where,
    who_asked,
)
from core.notifications.trouble_phrases import phrases_of

_MANY_TYPES = 5


def tell_trouble(notice: Notice) -> Told:
    """The parts of a message about something that stands, stood, or is over."""
    phrases = phrases_of(notice)
    name = name_of(notice)
    fill = {"name": quoted(name), "where": where(notice)}
    if notice.resolved:
        return Told(
            subject=f"{name}: {phrases.over}",
            what=phrases.what_over.format(**fill),
            why=_how_long(notice),
            to_do=NOTHING_TO_DO,
        )
    what, why = phrases.what.format(**fill), phrases.explain(notice)
    if notice.resolved_at is not None:
        return Told(
            subject=f"{name}: {phrases.began}, and that is over",
            what=f"{what} It is over by now.",
            why=why,
            to_do=NOTHING_TO_DO,
            facts=_facts(notice),
        )
    state = phrases.still if notice.reminder else phrases.began
    times = f" ({counted(notice, phrases.thing)})" if notice.occurrences > 1 else ""
    return Told(
        subject=f"{name}: {state}{times}",
        what=what,
        why=why,
        to_do=phrases.advise(notice),
        facts=_facts(notice),
    )


def _how_long(notice: Notice) -> str:
    day = day_name(notice.first_at, notice.resolved_at or notice.created_at)
    began = "The trouble began today" if day == "today" else f"The trouble began on {day}"
    seen = f", and was seen {notice.occurrences} times" if notice.occurrences > 1 else ""
    return f"{began}{seen}."


def _facts(notice: Notice) -> tuple[tuple[str, str], ...]:
    facts = {
        Event.DEGRADATION: _check_facts,
        Event.SCHEDULE_MISSED: _schedule_facts,
    }.get(notice.event, _work_facts)
    return tuple((label, value) for label, value in facts(notice) if value)


def _check_facts(notice: Notice) -> list[tuple[str, str]]:
    data, numbers = notice.data, ENGLISH.numbers
    metric, samples = text(data, "metric"), count(data, "samples")
    now, then = figure(data, "current"), figure(data, "baseline")
    change, limit = change_of_check(data), figure(data, "threshold")
    name = metric_name(ENGLISH, metric, label=text(part(data, "figures"), "label"))
    return [
        (f"{name} now", shown_metric(metric, now)),
        ("Compared with", shown_metric(metric, then)),
        ("Worse by", shown_change(change)),
        ("A drop above this matters", "" if limit is None else change.show_other(ENGLISH, limit)),
        ("New cases", "" if samples is None else numbers.number(samples)),
    ]


def _work_facts(notice: Notice) -> list[tuple[str, str]]:
    data, numbers = notice.data, ENGLISH.numbers
    gone = missing_columns(text(data, "message"))
    version, attempts = count(data, "model_version"), count(data, "attempts")
    return [
        ("Missing column" if len(gone) == 1 else "Missing columns", ", ".join(gone)),
        ("Version", "" if version is None else str(version)),
        ("Asked for by", who_asked(data)),
        ("Attempts", numbers.number(attempts) if attempts is not None and attempts > 1 else ""),
    ]


def _schedule_facts(notice: Notice) -> list[tuple[str, str]]:
    data = notice.data
    names = data.get("model_types")
    types = [str(name) for name in names] if isinstance(names, list) else []
    shown = ", ".join(types[:_MANY_TYPES])
    more = f" and {len(types) - _MANY_TYPES} more" if len(types) > _MANY_TYPES else ""
    if types:
        return [("Model types", f"{shown}{more}")]
    cron = text(data, "cron")
    return [
        ("Schedule", schedule_label(ENGLISH, text(data, "kind"))),
        ("When", cron_in_words(ENGLISH, cron, text(data, "time_zone")) if cron else ""),
    ]
