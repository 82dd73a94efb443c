"""The judgement of a new model: the verdict of all its tests, and why."""

from __future__ import annotations

from core.explanations.gates import explain_gate
from core.explanations.metrics import metric_of_sentence, show_change
from core.explanations.quality import explain_data_problem
from core.explanations.rows import Row, figure, parts, text
from core.explanations.words import Words

# What the engines' sentences say of a gate, where only its sentence was kept.
_MARKS = {
    "of a constant guess": "beats_baseline",
    "Loaded afresh from the store": "artifact_reproduces",
    "rows in the training window": "enough_rows",
    "of the champion on": "better_than_champion",
    "newer than what both models learnt": "better_than_champion",
    "The champion cannot be scored": "better_than_champion",
    "is not defined on these rows": "beats_baseline",
    "One row is predicted in": "latency",
    "The stored model has": "size",
    "Its confidence is off by": "calibration",
    "cannot be found in the rows": "slices",
    "Worse where ": "slices",
    "Not shown to lose less than": "slices",
    "Where ": "slices",
}


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
        A validation's row, or the ``result`` of the job that made it, which lacks the gates.
    metric : str, optional
        What the model type is measured by; else the stored sentences say it.

    Examples
    --------
    >>> from core.explanations.words import ENGLISH
    >>> explain_validation(ENGLISH, {
    ...     "verdict": "approved", "auto_deployable": True, "improvement": 0.021, "gates": [],
    ...     "reason": "accuracy 0.81 against 0.79 of the champion on 300 rows: 0.021 better"})
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
    reason, gain = text(validation, "reason"), figure(validation, "improvement")
    if reason.startswith("The champion itself"):
        return _("It passed every test and is in use already.")
    if gain is None:
        return _(
            "It passed every test. It is the first model, so there is none to compare it with."
        )
    amount = show_change(words, metric or metric_of_sentence(reason), gain)
    if validation.get("auto_deployable") is not True:
        return _(
            "It passed every test. It is as good as the model in use but not surely better, so a "
            "person decides whether to deploy it."
        )
    if gain <= 0:
        return _("It passed every test and is as good as the model in use, which got worse.")
    return _("It passed every test and is {amount} better than the model in use.").format(
        amount=amount
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
    if text(validation, "verdict") == "approved":
        return next((one for one in gates if text(one, "name") == "better_than_champion"), None)
    failed = [
        gate for gate in gates if gate.get("passed") is not True and gate.get("dry_run") is not True
    ]
    reason = text(validation, "reason")
    stated = [gate for gate in failed if text(gate, "detail") == reason]
    return next(iter(stated or failed), None)


def _deciding_gate(words: Words, validation: Row, metric: str | None) -> str:
    """What the gate found that the verdict comes from."""
    reason = text(validation, "reason")
    if deciding := deciding_gate(validation):
        return explain_gate(words, deciding, metric=metric)
    name = next((name for mark, name in _MARKS.items() if mark in reason), "")
    if not name:
        return explain_data_problem(words, reason)
    gate = {"name": name, "passed": False, "detail": reason}
    if name == "better_than_champion":
        gate["value"] = figure(validation, "improvement")
    return explain_gate(words, gate, metric=metric)
