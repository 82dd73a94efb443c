"""Alerts: what is wrong, and what to do."""

from __future__ import annotations

from core.explanations.cases import new_cases
from core.explanations.failures import explain_failure
from core.explanations.metrics import metric_name, show_metric
from core.explanations.people import actor_at_start
from core.explanations.quality import explain_data_problem
from core.explanations.rows import Row, count, figure, moment, part, text
from core.explanations.words import Words


def alert_label(words: Words, kind: str | None) -> str:
    """An alert's kind for people.

    Examples
    --------
    >>> from core.explanations.words import ENGLISH
    >>> alert_label(ENGLISH, "performance_degradation")
    'Predictions got worse'
    """
    _ = words.gettext
    labels = {
        "performance_degradation": _("Predictions got worse"),
        "training_failure": _("Training failed"),
        "deployment_issue": _("New model not deployed"),
        "data_quality": _("Problem in the data"),
        "artifact_mismatch": _("Stored model does not work as it did"),
        "schedule_missed": _("Schedule missed"),
    }
    return labels.get(kind or "") or (kind or "").replace("_", " ") or _("Alert")


def alert_status_label(words: Words, status: str | None) -> str:
    """Whether somebody looks after an alert.

    Examples
    --------
    >>> from core.explanations.words import ENGLISH
    >>> alert_status_label(ENGLISH, "acknowledged")
    'Being looked after'
    """
    _ = words.gettext
    labels = {
        "open": _("Open"),
        "acknowledged": _("Being looked after"),
        "resolved": _("Resolved"),
    }
    return labels.get(status or "") or status or _("Unknown")


def severity_label(words: Words, severity: str | None) -> str:
    """How bad it is.

    Examples
    --------
    >>> from core.explanations.words import ENGLISH
    >>> severity_label(ENGLISH, "critical")
    'Urgent'
    """
    _ = words.gettext
    labels = {"info": _("For your information"), "warning": _("Warning"), "critical": _("Urgent")}
    return labels.get(severity or "") or severity or _("Unknown")


def explain_alert(words: Words, alert: Row) -> str:
    """What is wrong, how often it was seen, and who looks after it.

    Parameters
    ----------
    words : Words
    alert : mapping
        A row of ``alerts``, or an open alert of ``status``.

    Examples
    --------
    >>> from core.explanations.words import ENGLISH
    >>> explain_alert(ENGLISH, {"kind": "performance_degradation", "occurrences": 1,
    ...     "details": {"metric": "accuracy", "baseline": 0.87, "current": 0.81,
    ...                 "samples": 1240}})
    'The model is right in 81% of 1,240 new cases, compared with 87%.'
    """
    explain = {
        "performance_degradation": _degradation,
        "training_failure": _training_failure,
        "deployment_issue": _deployment_issue,
        "data_quality": _data_problem,
        "artifact_mismatch": _mismatch,
    }.get(text(alert, "kind"))
    message = text(alert, "message")
    what = explain(words, alert) if explain else message or alert_label(words, text(alert, "kind"))
    return " ".join(one for one in (what, _seen(words, alert), _looked_after(words, alert)) if one)


def _degradation(words: Words, alert: Row) -> str:
    _ = words.gettext
    details = part(alert, "details")
    metric, rows = text(details, "metric"), count(details, "samples")
    current, baseline = figure(details, "current"), figure(details, "baseline")
    if current is None or baseline is None or rows is None or not metric:
        return _("The model's predictions are clearly worse than they should be.")
    sentence = (
        _("The model is right in {value} of {cases}, compared with {baseline}.")
        if metric == "accuracy"
        else _("{metric}: {value} on {cases}, compared with {baseline}.")
    )
    return sentence.format(
        metric=metric_name(words, metric, label=text(part(details, "figures"), "label")),
        value=show_metric(words, metric, current),
        baseline=show_metric(words, metric, baseline),
        cases=new_cases(words, rows),
    )


def _training_failure(words: Words, alert: Row) -> str:
    message = text(alert, "message")
    # The alert keeps the error's message alone: its words tell which error it was.
    kinds = (
        ("worker_lost", "workers were lost"),
        ("training_failed", "The training"),
        ("artifact", "artifact"),
        ("database_unavailable", "database"),
    )
    kind = next((kind for kind, mark in kinds if mark in message), "")
    return explain_failure(words, {"type": kind, "detail": message})


def _deployment_issue(words: Words, alert: Row) -> str:
    _ = words.gettext
    error = {"type": text(part(alert, "details"), "type"), "detail": text(alert, "message")}
    return _("A new model passed its tests but could not be deployed. {why}").format(
        why=explain_failure(words, error)
    )


def _data_problem(words: Words, alert: Row) -> str:
    message = text(alert, "message")
    return explain_data_problem(words, message) or explain_failure(
        words, {"type": "data", "detail": message}
    )


def _mismatch(words: Words, alert: Row) -> str:
    _ = words.gettext
    if "no longer predicts (" in text(alert, "message"):
        return _("The model in use no longer predicts anything.")
    if "no longer gives the predictions" in text(alert, "message"):
        return _("The model in use no longer predicts what it did when it was stored.")
    return _("The model in use cannot be loaded from where it is stored.")


def _seen(words: Words, alert: Row) -> str:
    times, since = count(alert, "occurrences") or 0, moment(alert, "created_at")
    if times < 2:
        return ""
    number = words.numbers.number(times)
    if since is None:
        return words.gettext("Seen {times} times.").format(times=number)
    date = words.numbers.date(since)
    return words.gettext("Seen {times} times since {date}.").format(times=number, date=date)


def _looked_after(words: Words, alert: Row) -> str:
    _ = words.gettext
    status, resolved = text(alert, "status"), moment(alert, "resolved_at")
    if status == "resolved":
        if resolved is None:
            return _("It is resolved.")
        return _("Resolved on {date}.").format(date=words.numbers.date(resolved))
    who = part(alert, "acknowledged_by")
    if status == "acknowledged" and who:
        return _("{who} is looking after it.").format(who=actor_at_start(words, who))
    return ""


def what_to_do(words: Words, kind: str | None) -> str:
    """The next step towards mending it.

    Examples
    --------
    >>> from core.explanations.words import ENGLISH
    >>> what_to_do(ENGLISH, "training_failure")
    'Open the job to see what went wrong, fix it, and start the training again.'
    """
    _ = words.gettext
    steps = {
        "performance_degradation": _(
            "Refit looks again at its next check, and retrains if it is still so."
        ),
        "training_failure": _(
            "Open the job to see what went wrong, fix it, and start the training again."
        ),
        "deployment_issue": _("Test the new model again, then deploy it by hand."),
        "data_quality": _(
            "Ask whoever looks after the data to fix it. The next training checks it again."
        ),
        "artifact_mismatch": _(
            "Refit starts a retraining by itself. An admin may have to deploy the new model by "
            "hand."
        ),
        "schedule_missed": _("Ask whoever runs Refit whether its scheduler is running."),
    }
    return steps.get(kind or "") or _("Open the model's page to see what happened.")
