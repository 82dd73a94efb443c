"""A version beside the champion that it was compared with: test by test, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.explanations.changes import Change, change_of_gate
from core.explanations.gates import explain_gate, gate_label, gate_meaning
from core.explanations.metrics import metric_name, show_change, show_metric
from core.explanations.validations import explain_validation, validation_label
from core.explanations.words import Words
from functions.dashboard.forest_plot import forest_panels, left_out

Json = dict[str, Any]
VERDICT_TONES = {"approved": "good", "rejected": "bad", "inconclusive": "warn"}
_DIFFERENCES = {"beats_baseline", "better_than_champion", "slices"}
# A smaller loss counts as equally good; core.engines.gates says it, which a page must not load.
NON_INFERIORITY = 0.015
_POINTS = {"accuracy", "f1", "roc_auc", "r2"}
_SHARES = {"artifact_reproduces", "data_quality", "final_fit_agreement"}


def show_comparison(comparison: Mapping[str, Any], words: Words, metric: str) -> Json:
    """What the page shows of a model's newest validation.

    Parameters
    ----------
    comparison : mapping
        ``{model, validation, champion}``; the last two may be None.
    words : Words
    metric : str
        What the model type is measured by.

    Returns
    -------
    dict
        ``model``, ``champion``, ``validation``, the verdict's ``label`` and ``tone``, what it
        ``says``, the ``gates``, those of them that are estimates as a ``forest`` and how many
        slices that leaves out, and the version's ``metrics``.
    """
    model, validation = comparison["model"], comparison["validation"]
    gates = [] if validation is None else list(validation["gates"])
    final_gate = (model["final_fit"] or {}).get("gate")
    if final_gate and all(gate["name"] != final_gate["name"] for gate in gates):
        gates.append(final_gate)
    return {
        **comparison,
        "label": validation_label(words, validation and validation["verdict"]),
        "tone": VERDICT_TONES.get(validation["verdict"], "none") if validation else "none",
        "says": explain_validation(words, validation or {}, metric=metric),
        "gates": [show_gate(gate, words, metric) for gate in gates],
        "forest": forest_panels(gates, words, metric),
        "left_out": left_out(gates),
        "interval": _interval(validation, words, metric),
        "why_enough": _why_enough(validation, words, metric),
        "metrics": _own_metrics(model, words),
    }


def show_gate(gate: Mapping[str, Any], words: Words, metric: str) -> Json:
    """A gate in words, its figures as people read them."""
    return {
        "name": gate["name"],
        "label": gate_label(words, gate["name"]),
        "meaning": gate_meaning(words, gate["name"]),
        "says": explain_gate(words, gate, metric=metric),
        "passed": gate["passed"],
        "dry_run": gate.get("dry_run", False),
        "deployed_from": _deployed_from(gate, words, metric),
        "value": _figure(gate, gate.get("value"), words, metric),
        "threshold": _figure(gate, gate.get("threshold"), words, metric),
    }


def signed_change(
    words: Words, metric: str, change: float | None, *, scale: Change | None = None
) -> str:
    """A difference with its sign: ``+2.1 points``; an en dash where there is none.

    Parameters
    ----------
    words : Words
    metric : str
    change : float or None
    scale : Change, optional
        How it is written; of a metric of the user's own its stored figures say it.
    """
    if not change:
        return "–" if change is None else words.numbers.number(0)
    sign = "+" if change > 0 else "−"
    shown = show_change(words, metric, change) if scale is None else scale.show_other(words, change)
    return sign + shown


def _figure(gate: Mapping[str, Any], value: float | None, words: Words, metric: str) -> str:
    if value is None:
        return "–"
    if gate["name"] in _DIFFERENCES:
        return signed_change(words, metric, value, scale=change_of_gate(gate, metric))
    if gate["name"] == "calibration":
        return signed_change(words, "accuracy", value)
    if gate["name"] in _SHARES:
        return words.numbers.percent(value)
    shown = words.numbers.number(value)
    unit = _figures(gate).get("unit")  # of a budget
    return f"{shown} {unit}" if unit else shown


def _deployed_from(gate: Mapping[str, Any], words: Words, metric: str) -> str | None:
    """From which gain on a version is deployed by itself; None where the gate is of another kind.

    Earlier judgements have it as their threshold, which is the margin of "not worse" now.
    """
    if gate["name"] != "better_than_champion":
        return None
    threshold = gate.get("threshold")
    given = _figures(gate).get("auto_deployment_threshold", threshold)
    if given is None or (given == threshold and given < 0):
        return None
    return signed_change(words, metric, given, scale=change_of_gate(gate, metric))


def _figures(gate: Mapping[str, Any]) -> Mapping[str, Any]:
    return gate.get("figures") or {}


def _interval(validation: Mapping[str, Any] | None, words: Words, metric: str) -> str | None:
    bounds = validation and validation["confidence_interval"]
    if not bounds:
        return None
    _ = words.gettext
    message = (
        _("between {low} and {high} points") if metric in _POINTS else _("between {low} and {high}")
    )
    low, high = (_signed(words, metric, bound) for bound in bounds)
    return message.format(low=low, high=high)


def _signed(words: Words, metric: str, change: float) -> str:
    """A difference to a tenth, with its sign and without a unit that is said elsewhere."""
    tenths = round(1000 * abs(change))
    numbers = words.numbers
    shown = numbers.number(tenths / 10) if metric in _POINTS else numbers.percent(tenths / 1000)
    return ("+" if change > 0 else "−") + shown if tenths else shown


def _why_enough(validation: Mapping[str, Any] | None, words: Words, metric: str) -> str | None:
    """Why a version passed that may be a little worse; None where there is no such doubt."""
    _ = words.gettext
    if validation is None or validation["verdict"] != "approved":
        return None
    bounds = validation["confidence_interval"]
    if not bounds or bounds[0] > 0:
        return None
    message = (
        _(
            "It may be worse by less than {margin}: that counts as equally good. The model in use "
            "got worse; as long as that is so, a version that did better in the test and is surely "
            "not worse by more is enough."
        )
        if validation["auto_deployable"]
        else _(
            "It may be worse by less than {margin}: that counts as equally good, so it passed. "
            "It is not surely better, so a person decides."
        )
    )
    return str(message.format(margin=show_change(words, metric, NON_INFERIORITY)))


def _own_metrics(model: Mapping[str, Any], words: Words) -> list[Json]:
    """Each metric of the version on the cases that were set aside for its test."""
    return [
        {"label": metric_name(words, name), "value": show_metric(words, name, value)}
        for name, value in (model["metrics"] or {}).items()
        if value is None or isinstance(value, int | float)
    ]
