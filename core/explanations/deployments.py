"""Deployments: how a model came to be used."""

from __future__ import annotations

from core.explanations.cases import quoted
from core.explanations.changes import change_of_validation
from core.explanations.people import actor_at_start
from core.explanations.rows import Row, count, moment, part, text
from core.explanations.words import Words


def deployment_label(words: Words, status: str | None) -> str:
    """A deployment's status in a word or two.

    Examples
    --------
    >>> from core.explanations.words import ENGLISH
    >>> deployment_label(ENGLISH, "active")
    'In use'
    """
    _ = words.gettext
    labels = {
        "active": _("In use"),
        "retired": _("Replaced"),
        "rolled_back": _("Rolled back"),
    }
    return labels.get(status or "") or status or _("Unknown")


def explain_deployment(words: Words, deployment: Row, *, validation: Row | None = None) -> str:
    """How a model came to be used, why, and what became of it.

    Parameters
    ----------
    words : Words
    deployment : mapping
        A row of ``deployments``.
    validation : mapping, optional
        The validation that let it, which knows how much better it was.

    Examples
    --------
    >>> from core.explanations.words import ENGLISH
    >>> explain_deployment(ENGLISH, {
    ...     "model_version": 4, "reference": {"metric": "accuracy"}, "reason": "…",
    ...     "deployed_by": {"kind": "system", "name": "scheduler"}},
    ...     validation={"reason": "…", "training_job_id": "…", "improvement": 0.021})
    'Version 4 was deployed automatically: it was 2.1 points better than the model before it.'
    >>> explain_deployment(ENGLISH, {
    ...     "model_version": 3, "rolled_back_from": "…", "reason": "Wrong prices",
    ...     "deployed_by": {"kind": "user", "name": "anna@example.org"}})
    'anna@example.org went back to version 3: “Wrong prices”'
    """
    how = _how(words, deployment, validation or {})
    return f"{how} {_end(words, deployment)}".strip()


def _how(words: Words, deployment: Row, validation: Row) -> str:
    _ = words.gettext
    version, reason = count(deployment, "model_version"), text(deployment, "reason")
    if deployment.get("rolled_back_from"):
        what = _("{who} went back to version {version}")
    elif deployment.get("forced") is True:
        what = _("{who} deployed version {version} although it had not passed the tests")
    elif _is_automatic(deployment, validation):
        return _by_itself(words, deployment, validation)
    else:
        what = _("{who} deployed version {version}")
        reason = "" if reason == text(validation, "reason") else reason
    said = what.format(
        who=actor_at_start(words, part(deployment, "deployed_by")),
        version="?" if version is None else words.numbers.number(version),
    )
    return f"{said}: {quoted(words, reason)}" if reason else f"{said}."


def _is_automatic(deployment: Row, validation: Row) -> bool:
    """Whether the job that trained it deployed it: then the reason is its validation's."""
    reason = text(deployment, "reason")
    trained = bool(validation.get("training_job_id"))
    if validation:
        return trained and bool(reason) and reason == text(validation, "reason")
    return text(part(deployment, "deployed_by"), "kind") == "system"


def _by_itself(words: Words, deployment: Row, validation: Row) -> str:
    _ = words.gettext
    metric = text(part(deployment, "reference"), "metric") or None
    change = change_of_validation(validation, metric)
    version, gain = count(deployment, "model_version"), change.value
    number = "?" if version is None else words.numbers.number(version)
    if gain is None:
        return _("Version {version} was deployed automatically, having passed every test.").format(
            version=number
        )
    if gain <= 0:
        return _(
            "Version {version} was deployed automatically: it was as good as the model before it, "
            "which got worse."
        ).format(version=number)
    return _(
        "Version {version} was deployed automatically: it was {amount} better than the model "
        "before it."
    ).format(version=number, amount=change.show(words))


def _end(words: Words, deployment: Row) -> str:
    _ = words.gettext
    ended, status = moment(deployment, "ended_at"), text(deployment, "status")
    if ended is None or status not in {"retired", "rolled_back"}:
        return ""
    message = (
        _("It was replaced on {date}.")
        if status == "retired"
        else _("It was rolled back on {date}.")
    )
    return message.format(date=words.numbers.date(ended))
