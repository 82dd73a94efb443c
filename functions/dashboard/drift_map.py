"""The drift heat map: how far each column has moved from what the model learnt from, by window."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from core.explanations.words import Words

Json = dict[str, Any]
Report = Mapping[str, Any]
Column = Mapping[str, Any]

MOST_FEATURES = 20
MOST_WINDOWS = 14
# As in core.monitoring.drift_windows, which a page must not load; a test compares them.
WANTED_ROWS = 500
WINDOWS_KEPT = 3
WINDOWS_NEEDED = 2
# From which share of the effect that counts a cell is tinted.
_HALFWAY = 0.5


def show_drift(watching: Mapping[str, Any], words: Words) -> Json:
    """What the page shows of drift.

    Parameters
    ----------
    watching : mapping
        As :meth:`core.store.Store.get_monitoring` gives it.
    words : Words

    Returns
    -------
    dict
        What it ``says``, its ``label`` and ``tone`` (None where there is no window), the
        ``windows`` (oldest first), the ``rows`` of the map (most important first, then what was
        predicted and what came of it), how many features are ``left_out``, and the ``figures`` of
        the newest window's columns.
    """
    reports = watching["drift"][-MOST_WINDOWS:]
    if not reports:
        return {"says": _why_none(watching, words), "label": None, "rows": []}
    label, tone = _standing(reports[-1], words)
    looked = [report for report in reports if report["features"]]
    features = looked[-1]["features"] if looked else []
    return {
        "says": _sentence(reports[-1], words),
        "label": label,
        "tone": tone,
        "windows": [_window(report, words) for report in reports],
        "rows": [
            *(_feature(column, reports, words) for column in features[:MOST_FEATURES]),
            *_others(reports, words),
        ],
        "left_out": max(len(features) - MOST_FEATURES, 0),
        "figures": _figures(looked[-1], words) if looked else [],
        "looked_at": looked[-1]["window_end"] if looked else None,
    }


def _window(report: Report, words: Words) -> Json:
    return {
        "end": report["window_end"],
        "rows": words.numbers.number(report["rows"]),
        "alarm": report["alarm"],
    }


def _feature(column: Column, reports: Sequence[Report], words: Words) -> Json:
    cells = []
    for report in reports:
        found = [one for one in report["features"] if one["column"] == column["column"]]
        cells.append(_cell(found[0] if found else None, words))
    importance = column["importance"]
    return {
        "name": column["column"],
        "is_feature": True,
        "importance": "–" if importance is None else words.numbers.percent(importance),
        "width": 0 if importance is None else round(100 * importance),
        "cells": cells,
    }


def _others(reports: Sequence[Report], words: Words) -> list[Json]:
    """What the model predicted, and what came of it: no feature, so without an importance."""
    _ = words.gettext
    names = {"prediction": _("Its predictions"), "target": _("The outcomes")}
    return [
        {
            "name": name,
            "is_feature": False,
            "importance": None,
            "width": 0,
            "cells": [_cell(report[key], words) for report in reports],
        }
        for key, name in names.items()
        if any(report[key] for report in reports)
    ]


def _cell(column: Column | None, words: Words) -> Json:
    """Colour, sign and word: none of them alone."""
    _ = words.gettext
    if column is None or (column["effect"] is None and column["severity"] == "none"):
        return {"tone": "unknown", "sign": "", "says": _("Not looked at")}
    if column["severity"] == "severe":
        return {"tone": "severe", "sign": "▲▲", "says": _("Moved far")}
    if column["severity"] == "warning":
        return {"tone": "moved", "sign": "▲", "says": _("Moved")}
    needed = column.get("effect_needed")
    if needed and (column["effect"] or 0.0) >= _HALFWAY * needed:
        return {"tone": "near", "sign": "·", "says": _("Moved a little")}
    return {"tone": "calm", "sign": "", "says": _("As it was")}


def _standing(report: Report, words: Words) -> tuple[str, str]:
    _ = words.gettext
    if report["starts_training"]:
        return _("A training may start"), "bad"
    if report["alarm"]:
        return _("Moved far"), "warn"
    if not report["features"]:
        return _("Too few cases"), "none"
    return _("Calm"), "good"


def _sentence(report: Report, words: Words) -> str:
    _ = words.gettext
    features = report["features"]
    moved = [column for column in features if column["severity"] != "none"]
    fields = {
        "rows": words.numbers.number(report["rows"]),
        "share": words.numbers.percent(report["drifted_importance"]),
        "names": ", ".join(f"“{column['column']}”" for column in moved[:3])
        + (" …" if len(moved) > 3 else ""),
        "windows": words.numbers.number(report["windows_in_alarm"]),
        "kept": words.numbers.number(WINDOWS_KEPT),
        "needed": words.numbers.number(WINDOWS_NEEDED),
    }
    if not features:
        return _("The newest window has {rows} cases: too few to tell.").format(**fields)
    if not moved:
        return _(
            "In the newest {rows} cases every column looks as it did when the model learnt."
        ).format(**fields)
    what = _(
        "In the newest {rows} cases {names} moved; of what the model goes by, that is {share}."
    ).format(**fields)
    if not report["alarm"]:
        return what + " " + _("That is too little to matter.")
    if report["starts_training"]:
        then = _("That was so in {windows} of the last {kept} windows, so a training may start.")
    else:
        then = _(
            "That was so in {windows} of the last {kept} windows; from {needed} on a training may "
            "start."
        )
    return what + " " + then.format(**fields)


def _why_none(watching: Mapping[str, Any], words: Words) -> str:
    _ = words.gettext
    if watching["deployment"] is None:
        return _("There is nothing to compare with until a version is in use.")
    return _(
        "No drift window yet: the first comes when a day has passed and {rows} new cases are "
        "there; with fewer it takes longer."
    ).format(rows=words.numbers.number(WANTED_ROWS))


def _figures(report: Report, words: Words) -> list[Json]:
    """The columns of a window in figures, in the order of the map."""
    _ = words.gettext
    columns = [(column["column"], column) for column in report["features"]]
    columns += [
        (name, report[key])
        for key, name in (("prediction", _("Its predictions")), ("target", _("The outcomes")))
        if report[key]
    ]
    return [_figure(name, column, words) for name, column in columns]


def _figure(name: str, column: Column, words: Words) -> Json:
    numbers = words.numbers
    chance = column["p_value"] if column["q_value"] is None else column["q_value"]
    measures = {"psi": "PSI", "jensen_shannon": "Jensen–Shannon"}

    def share(value: float | None) -> str:
        return "–" if value is None else numbers.percent(value)

    return {
        "name": name,
        "importance": share(column["importance"]),
        "effect": "–" if column["effect"] is None else numbers.number(column["effect"]),
        "measure": measures.get(column["effect_name"], column["effect_name"]),
        "needed": "–"
        if column.get("effect_needed") is None
        else numbers.number(column["effect_needed"]),
        "chance": share(chance),
        "missing": f"{share(column['missing_before'])} → {share(column['missing_now'])}",
        "new": share(column["new_categories"]),
        "says": _cell(column, words)["says"],
    }
