"""The judgement of a new model: the verdict of all its tests, and why."""

from __future__ import annotations

from core.explanations.changes import change_of_validation
from core.explanations.gates import explain_gate
from core.explanations.rows import Row, part, parts, text
from core.explanations.words import Words


def validation_label(words: Words, verdict: str | None) -> str:
    """A validation's verdict in a word or two.

    Examples
    --------
    >>> from core.explanations.words import ENGLISH
    >>> validation_label(ENGLISH, "inconclusive")
    'Undecided'
    """
    _ = words.gettext
    labels = {
        "approved": _("Approved"),
        "rejected": _("Rejected"),
        "inconclusive": _("Undecided"),
    }
    return labels.get(verdict or "") or verdict or _("Not tested yet")


def explain_validation(words: Words, validation: Row, *, metric: str | None = None) -> str:
    """What a validation concluded, and why.

    Parameters
    ----------
    words : Words
    validation : mapping
        A validation's row, or the ``result`` of the job that made it, which holds the deciding
        gate alone.
    metric : str, optional
        What the model type is measured by; else the gates' figures say it.

    Examples
    --------
    >>> from core.explanations.words import ENGLISH
    >>> explain_validation(ENGLISH, {
    ...     "verdict": "approved", "auto_deployable": True, "improvement": 0.021, "gates": [],
    ...     "reason": "…"}, metric="accuracy")
    'It passed every test and is 2.1 points better than the model in use.'
    """
    _ = words.gettext
    verdict = text(validation, "verdict")
    if verdict == "approved":
        return _why_approved(words, validation, metric)
    why = _deciding_gate(words, validation, metric)
    if verdict == "rejected":
        return _("It did not pass. {why}").format(why=why) if why else _("It did not pass.")
    if verdict == "inconclusive":
        message = _("It has not been proven good enough. {why}")
        return message.format(why=why) if why else _("It has not been proven good enough.")
    return _("It has not been tested.")


def _why_approved(words: Words, validation: Row, metric: str | None) -> str:
    _ = words.gettext
    change = change_of_validation(validation, metric)
    gain = change.value
    if text(part(deciding_gate(validation) or {}, "figures"), "outcome") == "champion_itself":
        return _("It passed every test and is in use already.")
    if gain is None:
        return _(
            "It passed every test. It is the first model, so there is none to compare it with."
        )
    if validation.get("auto_deployable") is not True:
        return _(
            "It passed every test. It is as good as the model in use but not surely better, so a "
            "person decides whether to deploy it."
        )
    if gain <= 0:
        return _("It passed every test and is as good as the model in use, which got worse.")
    if change.metric is None:
        return _("It passed every test and is better than the model in use.")
    return _("It passed every test and is {amount} better than the model in use.").format(
        amount=change.show(words)
    )


def deciding_gate(validation: Row) -> Row | None:
    """The gate that the verdict comes from; of an approved model its comparison.

    A dry run decides nothing.

    Examples
    --------
    >>> deciding_gate({"verdict": "rejected", "gates": [
    ...     {"name": "size", "passed": False, "dry_run": True}, {"name": "latency"}]})
    {'name': 'latency'}
    """
    gates = parts(validation, "gates")
    if not gates:
        return part(validation, "deciding_gate") or None
    if text(validation, "verdict") == "approved":
        return next((one for one in gates if text(one, "name") == "better_than_champion"), None)
    failed = [
        gate for gate in gates if gate.get("passed") is not True and gate.get("dry_run") is not True
    ]
    reason = text(validation, "reason")
    stated = [gate for gate in failed if text(gate, "detail") == reason]
    return next(iter(stated or failed), None)


def _deciding_gate(words: Words, validation: Row, metric: str | None) -> str:
    """What the gate found that the verdict comes from; of one that was not kept, its sentence."""
    deciding = deciding_gate(validation)
    return explain_gate(words, deciding, metric=metric) if deciding else text(validation, "reason")
