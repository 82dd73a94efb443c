"""The week in figures: a sentence, the totals, and a row for each model type."""

from __future__ import annotations

from core.explanations.metrics import is_known, metric_name, show_change
from core.explanations.rows import Row, count, figure, moment, part, parts, text
from core.explanations.words import ENGLISH
from core.notifications.message import Table
from core.notifications.notice import Notice
from core.notifications.telling import NOTHING_TO_DO, Told, shown_metric, where

_COLUMNS = ("Model type", "Checks", "Trained", "Deployed", "Gained", "Quality now")


def tell_digest(notice: Notice) -> Told:
    """What was checked, retrained and gained."""
    data = notice.data
    totals, items = part(data, "totals"), parts(data, "items")
    checked, worse = _total(totals, "checked"), _total(totals, "degraded")
    trained, deployed = _total(totals, "retrained"), _total(totals, "deployed")
    return Told(
        subject=f"Refit: your models from {_span(data)}",
        what=f"Refit checked {_counted(len(items), 'model type')} {where(notice)} "
        f"{_counted(checked, 'time')} and found one worse {_counted(worse, 'time')}; it trained "
        f"{_counted(trained, 'new model')} and deployed {deployed}.{_gained(totals)}",
        to_do=_to_do(totals),
        facts=_facts(totals),
        table=Table(columns=_COLUMNS, rows=tuple(_row(item) for item in items)),
    )


def _span(data: Row) -> str:
    first, last = moment(data, "since"), moment(data, "until")
    if first is None or last is None:
        return "this week"
    return f"{ENGLISH.numbers.date(first)} to {ENGLISH.numbers.date(last)}"


def _gained(totals: Row) -> str:
    gained = _total(totals, "gained")
    if not gained:
        return ""
    verb = "predicts" if gained == 1 else "predict"
    return f" {_counted(gained, 'model type')} {verb} better than before."


def _to_do(totals: Row) -> str:
    alerts = _total(totals, "open_alerts")
    if not alerts:
        return NOTHING_TO_DO
    return f"Look at {_counted(alerts, 'alert')} that nobody has closed."


def _facts(totals: Row) -> tuple[tuple[str, str], ...]:
    named = (
        ("Trainings that failed", "failed"),
        ("New models that did not pass", "rejected"),
        ("Rolled back", "rolled_back"),
        ("Open alerts", "open_alerts"),
    )
    shown = ((label, _total(totals, name)) for label, name in named)
    return tuple((label, ENGLISH.numbers.number(value)) for label, value in shown if value)


def _row(item: Row) -> tuple[str, ...]:
    metric = text(item, "metric")
    now = shown_metric(metric, figure(item, "after"))
    return (
        text(item, "title") or text(item, "model_type"),
        _number(item, "checked"),
        _number(item, "retrained"),
        _number(item, "deployed"),
        _gain(metric, figure(item, "mean_improvement")),
        f"{metric_name(ENGLISH, metric)} {now}" if now else "",
    )


def _gain(metric: str, gain: float | None) -> str:
    """The sign tells better from worse, for errors too, which a gain makes smaller."""
    if gain is None or not is_known(metric):  # one of the user's own: on a scale of its own
        return ""
    return f"{'+' if gain >= 0 else '−'}{show_change(ENGLISH, metric, gain)}"


def _number(item: Row, name: str) -> str:
    return ENGLISH.numbers.number(_total(item, name))


def _total(row: Row, name: str) -> int:
    return count(row, name) or 0


def _counted(number: int, thing: str) -> str:
    return f"{ENGLISH.numbers.number(number)} {thing}{'' if number == 1 else 's'}"
