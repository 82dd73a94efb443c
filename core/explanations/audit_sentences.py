"""The sentences of the audit log, by what was done."""

from __future__ import annotations

from core.explanations.people import is_session
from core.explanations.rows import Row, part, text
from core.explanations.words import Words


def plain_sentences(words: Words, row: Row) -> dict[str, str]:
    """Sentences by action, their fields not filled in yet.

    Examples
    --------
    >>> from core.explanations.words import ENGLISH
    >>> plain_sentences(ENGLISH, {})["training_job.succeeded"]
    '{who} finished a retraining of {what}.'
    """
    return (
        _jobs(words)
        | _operations(words, row)
        | _models(words, row)
        | _set_up(words, row)
        | _messages(words)
    )


def _jobs(words: Words) -> dict[str, str]:
    _ = words.gettext
    return {
        "training_job.created": _("{who} asked for a retraining of {what}."),
        "training_job.queued": _("{who} put a retraining of {what} back in the queue."),
        "training_job.running": _("{who} started a retraining of {what}."),
        "training_job.succeeded": _("{who} finished a retraining of {what}."),
        "training_job.failed": _("{who} could not finish a retraining of {what}: it failed."),
        "training_job.cancelled": _("{who} cancelled a retraining of {what}."),
        "training_job.skipped": _("{who} skipped a retraining of {what}."),
    }


def _operations(words: Words, row: Row) -> dict[str, str]:
    _ = words.gettext
    asked = {
        "check": _("{who} asked for a check."),
        "validation": _("{who} asked for a test of models."),
        "deployment": _("{who} asked for models to be deployed."),
    }
    return {
        "operation.created": asked.get(text(part(row, "after"), "kind"))
        or _("{who} asked for a check, a test or a deployment."),
        "operation.queued": _("{who} put a check, test or deployment back in the queue."),
        "operation.running": _("{who} started a check, test or deployment."),
        "operation.succeeded": _("{who} finished a check, test or deployment."),
        "operation.failed": _("{who} could not finish a check, test or deployment: it failed."),
        "operation.cancelled": _("{who} cancelled a check, test or deployment."),
    }


def _models(words: Words, row: Row) -> dict[str, str]:
    _ = words.gettext
    after = part(row, "after")
    verdicts = {
        "approved": _("{who} tested a model of {what}: it passed."),
        "rejected": _("{who} tested a model of {what}: it did not pass."),
        "inconclusive": _("{who} tested a model of {what}: it has not been proven good enough."),
    }
    deployed = _("{who} deployed a model of {what}.")
    if after.get("rolled_back_from"):
        deployed = _("{who} went back to an earlier model of {what}.")
    elif after.get("forced") is True:
        deployed = _("{who} deployed a model of {what} although it had not passed the tests.")
    return {
        "model.created": _("{who} saved version {version} of {what}."),
        "model.candidate": _("{who} left undecided whether a model of {what} is good enough."),
        "model.approved": _("{who} approved a model of {what}."),
        "model.rejected": _("{who} rejected a model of {what}."),
        "validation.created": verdicts.get(text(after, "verdict"))
        or _("{who} tested a model of {what}."),
        "deployment.created": deployed,
        "deployment.retired": _("{who} replaced the model of {what} that was in use."),
        "deployment.rolled_back": _("{who} took back the model of {what} that was in use."),
    }


def _set_up(words: Words, row: Row) -> dict[str, str]:
    _ = words.gettext
    made = _("{who} made the key “{name}”.")
    if is_session(text(part(row, "after"), "name")):
        made = _("{who} opened the dashboard in a browser.")
    return {
        "model_type.created": _("{who} set up {what}."),
        "schedule.created": _("{who} made a schedule for {what}."),
        "api_key.created": made,
        "sign_in_link.created": _("{who} made a sign-in link."),
        "partition.pruned": _("{who} removed old records of {month}: {table}."),
        "request.refused": _("{who} was refused: {request}."),
    }


def _messages(words: Words) -> dict[str, str]:
    _ = words.gettext
    return {
        "alert.created": _("{who} raised an alert about {what}."),
        "alert.open": _("{who} opened an alert about {what} again."),
        "alert.acknowledged": _("{who} took on an alert about {what}."),
        "alert.resolved": _("{who} closed an alert about {what}: it is resolved."),
        "webhook_delivery.created": _("{who} queued a callback."),
        "webhook_delivery.pending": _("{who} will send a callback again."),
        "webhook_delivery.delivered": _("{who} sent a callback."),
        "webhook_delivery.failed": _("{who} could not send a callback."),
        "event": _("{who} reported from “{workflow}”: {step}, {outcome}."),
    }
