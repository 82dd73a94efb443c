"""What an audit row about a change says: which settings, and what they mean."""

from __future__ import annotations

from core.explanations.people import is_session
from core.explanations.rows import Row, part, text
from core.explanations.words import Words


def explain_update(words: Words, entity: str, row: Row) -> str | None:
    """The sentence for a change, its fields not filled in yet; None where there is none.

    Parameters
    ----------
    words : Words
    entity : str
    row : mapping
        An audit row: ``after`` holds the columns that changed.

    Examples
    --------
    >>> from core.explanations.words import ENGLISH
    >>> explain_update(ENGLISH, "schedule", {"after": {"enabled": False}})
    '{who} paused a schedule of {what}.'
    """
    if entity == "api_key":
        return _key(words, row)
    explain = {
        "model_type": _model_type,
        "training_job": _training_job,
        "operation": _operation,
        "model": _model,
        "deployment": _deployment,
        "alert": _alert,
        "schedule": _schedule,
        "sign_in_link": _sign_in_link,
    }.get(entity)
    return None if explain is None else explain(words, part(row, "after"))


def _model_type(words: Words, after: Row) -> str:
    _ = words.gettext
    if after.get("enabled") is True:
        return _("{who} switched {what} on.")
    if after.get("enabled") is False:
        return _("{who} switched {what} off.")
    return _("{who} changed the settings of {what}.")


def _training_job(words: Words, after: Row) -> str:
    _ = words.gettext
    if after.get("cancel_requested_at"):
        return _("{who} asked a retraining of {what} to stop.")
    if after.get("follow_up"):
        return _("{who} asked for another retraining of {what} after the one that is running.")
    return _("{who} joined a retraining of {what} that was waiting.")


def _operation(words: Words, after: Row) -> str:
    _ = words.gettext
    if after.get("cancel_requested_at"):
        return _("{who} asked a check, test or deployment to stop.")
    return _("{who} changed a check, test or deployment.")


def _model(words: Words, after: Row) -> str:
    _ = words.gettext
    if after.get("quarantined_at"):
        return _("{who} blocked a model of {what}: {reason}")
    if after.get("final_artifact_hash"):
        return _("{who} trained a model of {what} once more on all cases.")
    return _("{who} changed a model of {what}.")


def _deployment(words: Words, _after: Row) -> str:
    return words.gettext("{who} changed a deployment of {what}.")


def _alert(words: Words, after: Row) -> str:
    _ = words.gettext
    if after.get("acknowledged_by"):
        return _("{who} took on an alert about {what}.")
    if after.get("snoozed_until"):
        return _("{who} silenced an alert about {what} for a while.")
    if "snoozed_until" in after:
        return _("{who} ended the silence of an alert about {what}.")
    return _("{who} updated an alert about {what}.")


def _schedule(words: Words, after: Row) -> str:
    _ = words.gettext
    if after.get("enabled") is True:
        return _("{who} resumed a schedule of {what}.")
    if after.get("enabled") is False:
        return _("{who} paused a schedule of {what}.")
    return _("{who} changed a schedule of {what}.")


def _key(words: Words, row: Row) -> str:
    _ = words.gettext
    if part(row, "after").get("revoked_at"):
        actor = part(row, "actor")
        # A session's key that revokes itself.
        if is_session(text(actor, "name")) and text(actor, "id") == text(row, "entity_id"):
            return _("{who} signed out.")
        return _("{who} revoked a key.")
    return _("{who} changed a key.")


def _sign_in_link(words: Words, after: Row) -> str:
    _ = words.gettext
    if after.get("used_at"):
        return _("{who} signed in.")
    return _("{who} changed a sign-in link.")
