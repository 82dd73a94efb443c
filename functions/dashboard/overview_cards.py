"""From the rows of the overview to what its template shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.explanations.alerts import (
    alert_label,
    alert_status_label,
    explain_alert,
    severity_label,
    what_to_do,
)
from core.explanations.checks import explain_check, verdict_label
from core.explanations.jobs import asked_by, explain_job, job_label, stage_label
from core.explanations.metrics import (
    metric_meaning,
    metric_name,
    show_change,
    show_metric,
)
from core.explanations.words import Words
from functions.dashboard.model_comparison import signed_change
from functions.dashboard.performance_table import limit_of
from functions.dashboard.sparkline import divide, draw_sparkline

Row = Mapping[str, Any]
Shown = dict[str, Any]

VERDICT_TONES = {"healthy": "good", "degraded": "bad", "inconclusive": "warn"}
JOB_TONES = {"succeeded": "good", "failed": "bad", "running": "busy", "queued": "busy"}
SEVERITY_TONES = {"critical": "bad", "warning": "warn"}


def make_card(words: Words, row: Row) -> Shown:
    """A model type's card.

    Parameters
    ----------
    words : Words
    row : mapping
        One of ``model_types`` of ``get_overview``.
    """
    latest: Row = row["latest_check"] or {}
    metric = latest.get("metric") or row["metric"]
    champion = row["champion"]
    verdict = latest.get("verdict")
    # A champion that came after the last check has not been checked.
    is_current = bool(champion) and latest.get("deployment_id") == champion["deployment_id"]
    if not is_current:
        verdict = None
    return {
        **row,
        "title": row["title"] or row["name"],
        "metric_name": metric_name(words, metric),
        "metric_meaning": metric_meaning(words, metric),
        "value": show_metric(words, metric, _value(row["checks"], champion)),
        "verdict": verdict_label(words, verdict) if champion else None,
        "verdict_tone": VERDICT_TONES.get(verdict or "", "none"),
        "reason": explain_check(words, latest) if is_current else None,
        "checked_at": latest.get("recorded_at"),
        "spark": _draw(words, row["checks"], metric),
        "job": _job(words, row["job"]),
    }


def _value(checks: list[Row], champion: Row | None) -> float | None:
    """What was measured last of the model in use; until then, what its checks are compared with."""
    if champion is None:
        return None
    values = [
        check["value"]
        for check in checks
        if check["deployment_id"] == champion["deployment_id"] and check["value"] is not None
    ]
    value: float = values[-1] if values else champion["reference"]
    return value


def _draw(words: Words, checks: list[Row], metric: str) -> Shown | None:
    alike = [check for check in checks if check["metric"] == metric]
    values = [check["value"] for check in alike]
    limits = [limit_of(check) for check in alike]
    drawn = draw_sparkline(values, limits)
    if drawn is None:
        return None
    measured = [value for value in values if value is not None]
    edge = next((limit for limit in reversed(limits) if limit is not None), None)
    # An en dash stands where there is no limit.
    message = words.ngettext(
        "{metric} in the last {count} check: {first} at first, {last} last, between {lowest} and "
        "{highest}; beyond {limit} it counts as worse.",
        "{metric} in the last {count} checks: {first} at first, {last} last, between {lowest} and "
        "{highest}; beyond {limit} it counts as worse.",
        len(measured),
    )
    figures = {
        "first": measured[0], "last": measured[-1], "lowest": min(measured),
        "highest": max(measured), "limit": edge,
    }  # fmt: skip
    text = message.format(
        metric=metric_name(words, metric),
        count=words.numbers.number(len(measured)),
        **{name: show_metric(words, metric, value) for name, value in figures.items()},
    )
    return {"drawn": drawn, "text": text, "limit": show_metric(words, metric, edge)}


def _job(words: Words, job: Row | None) -> Shown | None:
    if job is None:
        return None
    return {
        **job,
        "stage": stage_label(words, job["stage"] if job["status"] == "running" else "queued"),
        "percent": round(100 * job["progress"]),
    }


def make_alert(words: Words, row: Row) -> Shown:
    """An alert that stands."""
    return {
        **row,
        "title": row["title"] or row["model_type"],
        "label": alert_label(words, row["kind"]),
        "severity": severity_label(words, row["severity"]),
        "tone": SEVERITY_TONES.get(row["severity"], "none"),
        "status_label": alert_status_label(words, row["status"]),
        "what": explain_alert(words, row),
        "to_do": what_to_do(words, row["kind"]),
    }


def make_job(words: Words, row: Row) -> Shown:
    """A line of the newest jobs."""
    return {
        "id": row["id"],
        "title": row["title"] or row["model_type"],
        "label": job_label(words, row["status"]),
        "tone": JOB_TONES.get(row["status"], "none"),
        "what": explain_job(words, row),
        "asked_by": asked_by(words, row),
        "at": row["finished_at"] or row["started_at"] or row["created_at"],
    }


def describe_improvement(words: Words, improvement: Row) -> str | None:
    """How much better new models were than those that they replaced; None where none was.

    Parameters
    ----------
    words : Words
    improvement : mapping
        ``points``, the average of metrics that are points of one, and ``errors``, the average share
        by which errors fell; either may be None.

    Examples
    --------
    >>> from core.explanations.words import ENGLISH
    >>> describe_improvement(ENGLISH, {"points": 0.068, "errors": 0.255})
    '+6.8 points; errors 25.5% lower'
    >>> describe_improvement(ENGLISH, {"points": None, "errors": -0.02})
    'errors 2% higher'
    """
    _ = words.gettext
    points, errors = improvement["points"], improvement["errors"]
    parts = []
    if points is not None:
        shown = signed_change if points else show_change
        parts.append(shown(words, "accuracy", points))
    if errors is not None:
        message = _("errors {percent} lower") if errors >= 0 else _("errors {percent} higher")
        parts.append(message.format(percent=words.numbers.percent(abs(errors))))
    return "; ".join(parts) or None


def make_distribution(words: Words, models: Row) -> Shown:
    """How many models there are of each standing: a bar, and the same in words."""
    _ = words.gettext
    labels = {
        "approved": _("Approved"),
        "candidate": _("Undecided"),
        "rejected": _("Rejected"),
        "quarantined": _("Quarantined"),
    }
    counts = {name: int(models[name]) for name in labels}
    number = words.numbers.number
    return {
        "shares": divide(counts),
        "legend": [(name, label, number(counts[name])) for name, label in labels.items()],
        "text": ", ".join(f"{label}: {number(counts[name])}" for name, label in labels.items()),
    }
