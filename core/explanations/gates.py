"""The tests that a new model must pass: their names, why there are, and what they found."""

from __future__ import annotations

from core.explanations.gate_findings import (
    explain_agreement,
    explain_baseline,
    explain_comparison,
    explain_data,
    explain_outcome,
    explain_reproduction,
    explain_rows,
)
from core.explanations.gate_safeguards import (
    explain_calibration,
    explain_latency,
    explain_size,
    explain_slices,
)
from core.explanations.rows import Row, part, text
from core.explanations.words import Words


def gate_label(words: Words, name: str | None) -> str:
    """A gate's name for people.

    Examples
    --------
    >>> from core.explanations.words import ENGLISH
    >>> gate_label(ENGLISH, "better_than_champion")
    'Compared with the model in use'
    """
    _ = words.gettext
    labels = {
        "enough_rows": _("Enough cases"),
        "data_quality": _("Sound data"),
        "beats_baseline": _("Better than guessing"),
        "artifact_reproduces": _("Saved correctly"),
        "better_than_champion": _("Compared with the model in use"),
        "calibration": _("As honest about its certainty"),
        "slices": _("No group left behind"),
        "latency": _("Fast enough"),
        "size": _("Small enough"),
        "final_fit_agreement": _("Same after training on all data"),
    }
    return labels.get(name or "") or (name or "").replace("_", " ") or _("Test")


def gate_meaning(words: Words, name: str | None) -> str:
    """Why there is this gate.

    Examples
    --------
    >>> from core.explanations.words import ENGLISH
    >>> gate_meaning(ENGLISH, "artifact_reproduces")
    'A model that was saved badly would predict something else later than it did in the test.'
    """
    _ = words.gettext
    meanings = {
        "enough_rows": _("With too few cases, a good result may be luck."),
        "data_quality": _("A model that learns from broken data repeats its mistakes."),
        "beats_baseline": _(
            "A model must do better than somebody who always gives the same answer; else it has "
            "learnt nothing."
        ),
        "artifact_reproduces": _(
            "A model that was saved badly would predict something else later than it did in the "
            "test."
        ),
        "better_than_champion": _(
            "A new model should not make things worse. Both are tested on cases that neither has "
            "learnt from."
        ),
        "calibration": _(
            "People act on how sure a model is. So it should be as sure as it is right."
        ),
        "slices": _("A model that is better on the whole may be worse for some of the cases."),
        "latency": _("A prediction that comes too late is of no use."),
        "size": _("A large model takes memory and time wherever it is used."),
        "final_fit_agreement": _(
            "Before use, the model learns once more from all cases. It must still be the model "
            "that was tested."
        ),
    }
    return meanings.get(name or "") or _("A test that a new model must pass.")


def explain_gate(words: Words, gate: Row, *, metric: str | None = None) -> str:
    """What a gate found.

    Parameters
    ----------
    words : Words
    gate : mapping
        ``{name, passed, value, threshold, detail}``, of a validation's ``gates``.
    metric : str, optional
        What the model type is measured by; else its figures say it.

    Examples
    --------
    >>> from core.explanations.words import ENGLISH
    >>> explain_gate(ENGLISH, {"name": "beats_baseline", "passed": True, "value": 0.21,
    ...                        "threshold": 0.0, "detail": ""}, metric="accuracy")
    'It is 21 points better than always giving the same answer.'
    """
    explain = {
        "enough_rows": explain_rows,
        "data_quality": explain_data,
        "beats_baseline": explain_baseline,
        "artifact_reproduces": explain_reproduction,
        "better_than_champion": explain_comparison,
        "calibration": explain_calibration,
        "slices": explain_slices,
        "latency": explain_latency,
        "size": explain_size,
        "final_fit_agreement": explain_agreement,
    }.get(text(gate, "name"))
    detail = text(gate, "detail")
    if explain is not None:
        measured_by = metric or text(part(gate, "figures"), "metric")
        found = explain(words, gate, measured_by or None)
    else:
        found = detail or explain_outcome(words, gate)
    if gate.get("dry_run") is not True:
        return found
    trial = words.gettext("This test is on trial: it holds no model back.")
    return f"{found} {trial}"
