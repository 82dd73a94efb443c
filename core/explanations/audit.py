"""The audit log: who did what."""

from __future__ import annotations

from core.explanations.audit_changes import explain_update
from core.explanations.audit_requests import request_label
from core.explanations.audit_sentences import plain_sentences
from core.explanations.people import actor_at_start
from core.explanations.rows import Row, count, part, text
from core.explanations.words import Words


def entity_label(words: Words, entity: str | None) -> str:
    """What something was done to.

    Examples
    --------
    >>> from core.explanations.words import ENGLISH
    >>> entity_label(ENGLISH, "training_job"), entity_label(ENGLISH, "ml_other")
    ('Training', 'ml other')
    """
    _ = words.gettext
    labels = {
        "model_type": _("Model type"),
        "training_job": _("Training"),
        "operation": _("Check, test or deployment"),
        "model": _("Model"),
        "validation": _("Test of a model"),
        "deployment": _("Deployment"),
        "alert": _("Alert"),
        "schedule": _("Schedule"),
        "webhook_delivery": _("Callback"),
        "notification": _("Notification"),
        "api_key": _("Key"),
        "sign_in_link": _("Sign-in link"),
        "action": _("Request"),
        "workflow_audit_logs": _("Audit log"),
        "ml_performance_metrics": _("Performance figures"),
    }
    return labels.get(entity or "") or (entity or "").replace("_", " ") or _("Unknown")


def action_label(words: Words, action: str | None) -> str:
    """What was done, in a few words.

    Examples
    --------
    >>> from core.explanations.words import ENGLISH
    >>> action_label(ENGLISH, "training_job.created"), action_label(ENGLISH, "request.refused")
    ('Training: created', 'Request refused')
    """
    _ = words.gettext
    entity, _dot, verb = (action or "").partition(".")
    whole = {
        "request.refused": _("Request refused"),
        "partition.pruned": _("Old records removed"),
    }
    if action in whole:
        return whole[action]
    if entity == "event":
        return _("Event: {step}").format(step=verb or _("Unknown"))
    what = _verbs(words).get(verb) or verb.replace("_", " ")
    name = entity_label(words, entity)
    return _("{thing}: {what}").format(thing=name, what=what) if what else name


def _verbs(words: Words) -> dict[str, str]:
    _ = words.gettext
    return {
        "created": _("created"),
        "updated": _("changed"),
        "queued": _("waiting again"),
        "running": _("started"),
        "succeeded": _("done"),
        "failed": _("failed"),
        "cancelled": _("cancelled"),
        "skipped": _("skipped"),
        "candidate": _("undecided"),
        "approved": _("approved"),
        "rejected": _("rejected"),
        "active": _("in use"),
        "retired": _("replaced"),
        "rolled_back": _("rolled back"),
        "open": _("open"),
        "acknowledged": _("taken on"),
        "resolved": _("resolved"),
        "pending": _("waiting"),
        "delivered": _("delivered"),
    }


def explain_audit(words: Words, row: Row, *, title: str | None = None) -> str:
    """Who did what.

    Parameters
    ----------
    words : Words
    row : mapping
        A row of ``audit``.
    title : str, optional
        The model type's title; else its name is said.

    Examples
    --------
    >>> from core.explanations.words import ENGLISH
    >>> explain_audit(ENGLISH, {
    ...     "action": "training_job.created", "entity": "training_job", "model_type": "churn",
    ...     "actor": {"kind": "user", "name": "Anna"}}, title="Churn")
    'Anna asked for a retraining of Churn.'
    """
    action = text(row, "action")
    entity, _dot, verb = action.partition(".")
    what = title or text(row, "model_type") or words.gettext("a model type")
    sentence = (
        explain_update(words, entity, row)
        if verb == "updated"
        else plain_sentences(words, row).get("event" if entity == "event" else action)
    )
    if sentence is None:
        sentence = words.gettext("{who} did this: {action}.")
    return sentence.format(
        who=actor_at_start(words, part(row, "actor")),
        what=what,
        action=action_label(words, action),
        **_fields(words, row),
    )


def _fields(words: Words, row: Row) -> dict[str, str]:
    """What sentences name beside who and which model type."""
    after, detail = part(row, "after"), part(row, "detail")
    unknown, version = words.gettext("unknown"), count(after, "version")
    names = {
        "name": text(after, "name") or text(row, "entity_id"),
        "version": "" if version is None else words.numbers.number(version),
        "step": text(row, "action").partition(".")[2],
        "workflow": text(row, "entity"),
        "outcome": text(detail, "outcome"),
        "request": request_label(words, text(row, "entity_id")),
        "month": text(row, "entity_id"),
        "table": entity_label(words, text(row, "entity")),
        "reason": text(after, "skip_reason") or text(after, "quarantine_reason"),
    }
    return {name: value or unknown for name, value in names.items()}
