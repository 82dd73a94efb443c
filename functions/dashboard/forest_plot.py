"""The tests of a version that are estimates, each with its interval: a forest plot in a table.

Drawn by the server as SVG without a style of its own, as sparklines are; the figures stand beside
the drawing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.explanations.changes import Change, change_of_gate, change_of_slice
from core.explanations.gates import gate_label
from core.explanations.metrics import is_known, show_change
from core.explanations.words import Words

Json = dict[str, Any]
Gate = Mapping[str, Any]

# Of the drawing's own coordinates.
WIDTH = 240
HEIGHT = 24
_EDGE = 0.06  # free on both sides, as a share of what is shown
MOST_SLICES = 12
_BADNESS = {"worse": 0, "undecided": 1, "as_good": 2}


@dataclass(frozen=True, kw_only=True)
class Estimated:
    """One line: a difference with its interval, and the margin that it is held against."""

    label: str
    value: float
    low: float
    high: float
    margin: float | None
    tone: str
    verdict: str
    scale: Change  # how differences are written
    rows: int | None = None


def forest_panels(gates: Sequence[Gate], words: Words, metric: str) -> list[Json]:
    """The lines in groups that share a scale; none where no gate has an interval.

    Parameters
    ----------
    gates : sequence
        Of a validation, as stored.
    words : Words
    metric : str
        What the model type is measured by.

    Returns
    -------
    list of dict
        ``title``, ``lines`` (``label``, ``says``, ``interval``, ``verdict``, ``tone``, ``rows``
        and the drawing's ``point``, ``low``, ``high``), ``zero`` and ``margin`` in the drawing's
        coordinates, and ``wanted``, the margin in words.
    """
    _ = words.gettext
    named = {gate["name"]: gate for gate in gates}
    champion = _of_gates(named, ("better_than_champion",), words, metric)
    groups = (
        (_("Gain over the model in use"), [*champion, *_slices(named.get("slices"), words)]),
        (_("Gain in certainty over it"), _of_gates(named, ("calibration",), words, "accuracy")),
        (_("Gain over guessing"), _of_gates(named, ("beats_baseline",), words, metric)),
    )
    return [_panel(title, lines, words) for title, lines in groups if lines]


def left_out(gates: Sequence[Gate]) -> int:
    """How many slices have no line: too few cases, or too many slices."""
    figures = next((_figures(gate) for gate in gates if gate["name"] == "slices"), {})
    judged = [one for one in figures.get("slices", ()) if one["verdict"] in _BADNESS]
    return int(figures.get("unassessed", 0)) + max(len(judged) - MOST_SLICES, 0)


def _of_gates(
    named: Mapping[str, Gate], names: Sequence[str], words: Words, metric: str
) -> list[Estimated]:
    return [
        Estimated(
            label=gate_label(words, name),
            value=gate["value"],
            low=gate["interval"][0],
            high=gate["interval"][1],
            margin=gate["threshold"],
            tone="good" if gate["passed"] else "warn" if gate.get("dry_run") else "bad",
            verdict=_verdict(gate, words),
            scale=change_of_gate(gate, metric),
            rows=_figures(gate).get("samples"),
        )
        for name in names
        if (gate := named.get(name)) and gate.get("interval") and gate["value"] is not None
    ]


def _verdict(gate: Gate, words: Words) -> str:
    _ = words.gettext
    if gate["passed"]:
        return _("Passed")
    return _("Only noted") if gate.get("dry_run") else _("Not passed")


def _slices(gate: Gate | None, words: Words) -> list[Estimated]:
    """The slices that were judged, those that did worst first."""
    _ = words.gettext
    if gate is None:
        return []
    figures = _figures(gate)
    verdicts = {
        "worse": (_("Worse"), "bad"),
        "undecided": (_("Not sure yet"), "warn"),
        "as_good": (_("As good"), "good"),
    }
    judged = [one for one in figures.get("slices", ()) if one["verdict"] in verdicts]
    judged.sort(key=lambda one: (_BADNESS[one["verdict"]], one["improvement"]))
    return [
        Estimated(
            label=f"{one['column']}: {one['value']}",
            value=one["improvement"],
            low=one["lower"],
            high=one["upper"],
            margin=-figures["margin"],
            verdict=verdicts[one["verdict"]][0],
            tone=verdicts[one["verdict"]][1],
            scale=change_of_slice(one, figures, figures["metric"]),
            rows=one["rows"],
        )
        for one in judged[:MOST_SLICES]
    ]


def _figures(gate: Gate) -> Mapping[str, Any]:
    return gate.get("figures") or {}


def _panel(title: str, lines: Sequence[Estimated], words: Words) -> Json:
    edges = [0.0]
    for line in lines:
        edges += [line.low, line.high, line.margin or 0.0]
    low, high = min(edges), max(edges)
    pad = _EDGE * ((high - low) or 1.0)

    def place(value: float) -> int:
        return round(WIDTH * (value - low + pad) / (high - low + 2 * pad))

    return {
        "title": title,
        "zero": place(0.0),
        "lines": [
            {
                "label": line.label,
                "says": _signed(words, line.scale, line.value),
                "interval": _interval(words, line),
                "verdict": line.verdict,
                "tone": line.tone,
                "rows": line.rows,
                "point": place(line.value),
                "low": place(line.low),
                "high": place(line.high),
                "margin": place(line.margin) if line.margin else None,
                "wanted": _signed(words, line.scale, line.margin) if line.margin else None,
            }
            for line in lines
        ],
    }


def _interval(words: Words, line: Estimated) -> str:
    """Both bounds; what is in points says so once."""
    low, high = (_signed(words, line.scale, bound) for bound in (line.low, line.high))
    if line.scale.in_points and is_known(line.scale.metric):
        tenths = round(1000 * line.low)
        number = words.numbers.number(abs(tenths) / 10)
        low = f"{'+' if tenths > 0 else '−' if tenths < 0 else ''}{number}"
    return f"{low} … {high}"


def _signed(words: Words, scale: Change, change: float) -> str:
    return _sign(change) + scale.show_other(words, change)


def signed(words: Words, unit: str, change: float) -> str:
    """A difference with its sign: ``+2.1 points``, ``0 points``."""
    return _sign(change) + show_change(words, unit, change)


def _sign(change: float) -> str:
    return "" if not change else "+" if change > 0 else "−"
