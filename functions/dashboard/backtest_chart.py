"""A backtest's metric over time under each policy, with what Refit did on its line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.explanations.words import Words
from functions.dashboard.backtest_words import done_label, policy_label, shown_policies
from functions.dashboard.chart_parts import plain_layout, read_time, short, show_time

Json = dict[str, Any]
_SHARES = {"accuracy", "f1", "roc_auc", "r2", "mape"}
_LINES = {
    "never": ("var:soft", "dot", 1.5),
    "refit": ("var:accent", "solid", 2.5),
    "every_step": ("var:good", "dash", 1.5),
    "naive": ("var:warn", "dashdot", 1.5),
}
DONE_MARKS = {
    "deployed": "triangle-up",
    "approved": "circle-open",
    "rejected": "x",
    "inconclusive": "diamond-open",
}


def backtest_figure(report: Mapping[str, Any], words: Words, locale: str) -> Json:
    """The chart, one point a step.

    Parameters
    ----------
    report : mapping
        As :func:`core.backtest.report.report_data` gives it.
    words : Words
    locale : str
    """
    metric, series = report["metric"]["name"], report["series"]
    form = ".1%" if metric in _SHARES else ".4~g"
    moments = [show_time(read_time(at)) for at in series["as_of"]]
    lines = [
        _line(moments, series["policies"][policy], policy_label(words, policy), policy, form)
        for policy in shown_policies(report)
    ]
    return {
        "data": [*lines, *_marks(report, moments, words)],
        "layout": {
            **plain_layout(locale),
            "height": 360,
            "xaxis": {"type": "date"},
            "yaxis": {"tickformat": ".0%" if metric in _SHARES else "~g"},
        },
    }


def _line(
    moments: list[str], values: list[float | None], name: str, policy: str, form: str
) -> Json:
    colour, dash, width = _LINES.get(policy, ("var:ink", "solid", 1.5))
    return {
        "type": "scatter",
        "name": name,
        "x": moments,
        "y": [None if value is None else short(value) for value in values],
        "mode": "lines",
        "line": {"color": colour, "dash": dash, "width": width},
        "hovertemplate": f"%{{y:{form}}}",
    }


def _marks(report: Mapping[str, Any], moments: list[str], words: Words) -> list[Json]:
    values = report["series"]["policies"].get("refit")
    if values is None:
        return []
    at = {moment: step for step, moment in enumerate(report["series"]["as_of"])}
    marks = []
    for action, symbol in DONE_MARKS.items():
        steps = [
            at[event["as_of"]]
            for event in report["events"]
            if event["action"] == action and values[at[event["as_of"]]] is not None
        ]
        marks.append(
            {
                "type": "scatter",
                "name": done_label(words, action),
                "x": [moments[step] for step in steps],
                "y": [short(values[step]) for step in steps],
                "mode": "markers",
                "marker": {"symbol": symbol, "size": 10, "color": "var:accent"},
                "hoverinfo": "skip",
            }
        )
    return [mark for mark in marks if mark["x"]]
