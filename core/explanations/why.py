"""Why a decision was taken: its story in the order in which it came about."""

from __future__ import annotations

from core.explanations.causes import explain_causes
from core.explanations.deployments import explain_deployment
from core.explanations.evidence import explain_evidence, explain_signs
from core.explanations.gates import explain_gate, gate_label
from core.explanations.jobs import explain_job, explain_trigger, what_became
from core.explanations.rows import Row, count, part, parts, text
from core.explanations.rules import explain_rule
from core.explanations.skips import explain_skip, is_postponed
from core.explanations.validations import deciding_gate, explain_validation
from core.explanations.windows import explain_planned_window, explain_window
from core.explanations.words import Words

_NOTHING_TO_COMPARE = {
    "champion_itself",
    "first_model",
    "no_champion",
    "no_probabilities",
    "regression",
}


def explain_decision(words: Words, decision: Row) -> list[str]:
    """The story of a decision, a sentence or two a line.

    Parameters
    ----------
    words : Words
    decision : mapping
        As ``explain_decision`` of the database gives it: ``job``, ``model``, ``validation``,
        ``deployments`` and ``metric``; or an ``operation``.

    Examples
    --------
    >>> from core.explanations.words import ENGLISH
    >>> explain_decision(ENGLISH, {"kind": "job", "job": {
    ...     "status": "skipped", "trigger": "schedule",
    ...     "skip_figures": {"kind": "not_needed"},
    ...     "check_result": {"verdict": "healthy", "metric": "accuracy",
    ...     "current": 0.87, "baseline": 0.87, "samples": 900, "degradation": 0.0}}})
    ['A schedule started it.', 'No training was needed. Right in 87% of 900 new cases, compared \
with 87%. It is at least as good as before.']
    """
    operation = part(decision, "operation")
    if operation:
        return explain_operation(words, operation)
    job, validation = part(decision, "job"), part(decision, "validation")
    told = explain_job_story(
        words, {**job, "validation": validation}, metric=text(decision, "metric") or None
    )
    deployments = parts(decision, "deployments")
    if deployments:
        told = [one for one in told if one != what_became(words, part(job, "result"))]
    for deployment in deployments:
        told += _deployed(words, deployment, validation)
    return told + _quarantined(words, part(decision, "model"))


def explain_job_story(words: Words, job: Row, *, metric: str | None = None) -> list[str]:
    """Why a job ended as it did.

    Parameters
    ----------
    words : Words
    job : mapping
        A job's row with its ``validation``.
    metric : str, optional
        What the model type is measured by; else its check says it.
    """
    check = part(job, "check_result")
    metric = metric or text(check, "metric") or None
    status = text(job, "status")
    told = [explain_trigger(words, text(job, "trigger"), text(job, "reason"))]
    if status == "skipped" and not is_postponed(job):
        told += [explain_skip(words, job), *explain_signs(words, check)]
        return _said(told)
    if text(check, "verdict"):
        told += explain_evidence(words, check)
    if status == "skipped":
        return _said([*told, explain_skip(words, job)])
    if part(job, "plan") or status == "failed":
        told.append(_why_trained(words, job, check))
    if status != "succeeded":
        told += explain_planned_window(words, part(job, "plan"))
        return _said([*told, explain_job(words, job)])
    told += explain_window(words, part(job, "plan"))
    result = part(job, "result")
    version = count(result, "model_version")
    if version is not None:
        trained = words.gettext("Version {version} was trained.")
        told.append(trained.format(version=words.numbers.number(version)))
    validation = part(job, "validation") or (result if text(result, "verdict") else {})
    told += explain_judgement(words, validation, metric=metric)
    return _said([*told, what_became(words, result)])


def explain_judgement(words: Words, validation: Row, *, metric: str | None = None) -> list[str]:
    """What a validation concluded, gate by gate, and by which rule the model may serve.

    Parameters
    ----------
    words : Words
    validation : mapping
        A validation's row; may be empty.
    metric : str, optional
    """
    if not validation:
        return []
    told = [explain_validation(words, validation, metric=metric)]
    gates = parts(validation, "gates")
    deciding = deciding_gate(validation)
    is_said = text(validation, "verdict") in {"rejected", "inconclusive"}  # by the conclusion
    for gate in sorted(gates, key=lambda gate: gate is not deciding):
        if _tests_nothing(gate) or (gate is deciding and is_said):
            continue
        told.append(
            words.gettext("{thing}: {what}").format(
                thing=gate_label(words, text(gate, "name")),
                what=explain_gate(words, gate, metric=metric),
            )
        )
    return _said([*told, *explain_rule(words, validation, metric=metric)])


def _tests_nothing(gate: Row) -> bool:
    """Whether it passes whatever the model is: nothing to compare with, or no limit."""
    if gate.get("passed") is not True:
        return False
    if text(gate, "name") in {"latency", "size"}:
        return gate.get("threshold") is None
    return text(part(gate, "figures"), "outcome") in _NOTHING_TO_COMPARE


def explain_operation(words: Words, operation: Row) -> list[str]:
    """Why a check, validation or deployment ended as it did.

    Parameters
    ----------
    words : Words
    operation : mapping
        An operation's row.
    """
    result = part(operation, "result")
    if text(operation, "status") != "succeeded":
        return [explain_job(words, operation)]
    told: list[str] = []
    for one in parts(result, "results"):
        metric = text(one, "metric") or None
        is_check = text(operation, "kind") == "check"
        story = (
            explain_evidence(words, one)
            if is_check
            else explain_judgement(words, one, metric=metric)
        )
        told += _of(words, text(one, "model_type"), story)
    for one in parts(result, "deployments"):
        told += _of(words, text(one, "model_type"), [explain_deployment(words, one)])
    for one in parts(result, "errors"):
        told += _of(words, text(one, "model_type"), [text(one, "detail")])
    return told or [explain_job(words, operation)]


def _of(words: Words, name: str, story: list[str]) -> list[str]:
    """The story with the model type's name before its first sentence."""
    if not name or not story:
        return story
    first = words.gettext("{thing}: {what}").format(thing=name, what=story[0])
    return [first, *story[1:]]


def _said(sentences: list[str]) -> list[str]:
    return [sentence for sentence in sentences if sentence]


def _why_trained(words: Words, job: Row, check: Row) -> str:
    """What a training was begun for."""
    _ = words.gettext
    if not check.get("model_id"):
        if job.get("force") is True:
            return _("So a model was trained, as was asked for.")
        return _("There was no model in use that could be checked, so one was trained.")
    if check.get("needs_retraining") is not True:
        if job.get("force") is True:
            return _("A model was trained because that was asked for, whatever the check says.")
        return _("A model was trained because the one in use no longer predicts what it did.")
    why = explain_causes(words, check)
    if job.get("force") is True:
        if not why:
            return _("A model was trained because that was asked for; the check asks for it, too.")
        return _(
            "A model was trained because that was asked for; the check asks for it, too: {why}."
        ).format(why=why)
    return (
        _("So a training was tried: {why}.").format(why=why)
        if why
        else _("So a training was tried.")
    )


def _deployed(words: Words, deployment: Row, validation: Row) -> list[str]:
    own = text(deployment, "validation_id") == text(validation, "id")
    told = [explain_deployment(words, deployment, validation=validation if own else None)]
    replaced = count(deployment, "replaced_version")
    if replaced is not None and not deployment.get("rolled_back_from"):
        told.append(
            words.gettext("Before it, version {version} was in use.").format(
                version=words.numbers.number(replaced)
            )
        )
    return told


def _quarantined(words: Words, model: Row) -> list[str]:
    if not model.get("quarantined_at"):
        return []
    reason = text(model, "quarantine_reason")
    said = words.gettext("It will never be deployed again: {reason}") if reason else ""
    return [said.format(reason=reason)] if said else []
