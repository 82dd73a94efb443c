"""A model type's metric over time, and the score of its data, as charts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from core.explanations.checks import verdict_label
from core.explanations.metrics import metric_name
from core.explanations.words import Words
from functions.dashboard.chart_parts import (
    ROW_PX,
    band,
    line_mode,
    plain_layout,
    read_time,
    short,
    shown_time,
    steps,
    time_axis,
    time_of,
)
from functions.dashboard.performance_table import Point, limit_of, value_bounds

Json = dict[str, Any]

_MOST_LABELS = 12  # in a row, on the smallest screen
_LABEL_ROWS = 3
_SHARES = {"accuracy", "f1", "roc_auc", "r2", "mape"}


def performance_figure(
    series: Mapping[str, Any], deployed: Sequence[Mapping[str, Any]], words: Words, locale: str
) -> Json:
    """The chart of a metric: its line, its interval, what it was when deployed, and the limit.

    Parameters
    ----------
    series : mapping
        As :meth:`core.store.Store.get_performance_series` gives it.
    deployed : sequence
        ``{at, version, is_rollback}`` each, oldest first: where a version began to serve.
    words : Words
    locale : str

    Returns
    -------
    dict
        ``{data, layout}`` for Plotly; colours are names of the page's own.
    """
    _ = words.gettext
    points = series["points"]
    metric = series["metric"]
    form = ".1%" if metric in _SHARES else ".4~g"
    data = [
        *band(_bounds(points), _("Uncertainty")),
        steps(_known(points, _baseline), _("When it was deployed"), "var:soft", "dot"),
        steps(_known(points, limit_of), _("Limit"), "var:bad", "dash"),
        _values(points, metric_name(words, metric), form),
        _worse(points, verdict_label(words, "degraded")),
    ]
    return {
        "data": [trace for trace in data if trace["x"]],
        "layout": {
            **plain_layout(locale, label_rows=_LABEL_ROWS),
            "xaxis": time_axis(series),
            "yaxis": {"tickformat": ".0%" if metric in _SHARES else "~g"},
            **_marks(deployed, series),
        },
    }


def quality_figure(series: Mapping[str, Any], words: Words, locale: str) -> Json:
    """The chart of the data's score, 0 to 100."""
    points = series["points"]
    return {
        "data": [
            {
                "type": "scatter",
                "name": words.gettext("Score of the data"),
                "x": [time_of(point) for point in points],
                "y": [round(100 * point["score"], 1) for point in points],
                "mode": line_mode(points),
                "line": {"color": "var:accent", "width": 2},
                "showlegend": False,
                "hovertemplate": "%{y:.0f}<extra></extra>",
            }
        ],
        "layout": {
            **plain_layout(locale),
            "height": 220,
            "xaxis": time_axis(series),
            "yaxis": {"range": [0, 104]},
        },
    }


def _values(points: Sequence[Point], name: str, form: str) -> Json:
    return {
        "type": "scatter",
        "name": name,
        "x": [time_of(point) for point in points],
        "y": [short(point["value"]) for point in points],
        "mode": line_mode(points),
        "line": {"color": "var:accent", "width": 2},
        "hovertemplate": f"%{{y:{form}}}",
    }


def _worse(points: Sequence[Point], name: str) -> Json:
    worse = [point for point in points if point["verdict"] == "degraded"]
    return {
        "type": "scatter",
        "name": name,
        "x": [time_of(point) for point in worse],
        "y": [short(point["value"]) for point in worse],
        "mode": "markers",
        "marker": {"color": "var:bad", "size": 8, "symbol": "diamond"},
        "hoverinfo": "skip",
    }


def _bounds(points: Sequence[Point]) -> list[tuple[str, tuple[float, float]]]:
    return [(time_of(point), bounds) for point in points if (bounds := value_bounds(point))]


def _known(
    points: Sequence[Point], read: Callable[[Point], float | None]
) -> list[tuple[str, float]]:
    return [(time_of(point), value) for point in points if (value := read(point)) is not None]


def _baseline(point: Point) -> float | None:
    baseline: float | None = point["baseline"]
    return baseline


def _marks(deployed: Sequence[Mapping[str, Any]], series: Mapping[str, Any]) -> Json:
    """A dotted line where a version began to serve, with its number where there is room."""
    since, until = shown_time(series)
    deployed = [one for one in deployed if read_time(one["at"]) >= since]
    return {
        "shapes": [
            {
                "type": "line",
                "x0": time_of(one),
                "x1": time_of(one),
                "yref": "paper",
                "y0": 0,
                "y1": 1,
                "line": {"color": "var:soft", "width": 1, "dash": "dot"},
            }
            for one in deployed
        ],
        "annotations": [
            {
                "x": time_of(one),
                "yref": "paper",
                "y": 1,
                "yanchor": "bottom",
                "yshift": row * ROW_PX,
                "text": f"↩ v{one['version']}" if one["is_rollback"] else f"v{one['version']}",
                "showarrow": False,
                "font": {"size": 12, "color": "var:soft"},
            }
            for one, row in _labelled(deployed, (until - since) / _MOST_LABELS)
        ],
    }


def _labelled(
    deployed: Sequence[Mapping[str, Any]], width: timedelta
) -> list[tuple[Mapping[str, Any], int]]:
    """Which have labels, and in which row above the chart: labels side by side would overlap."""
    labelled: list[tuple[Mapping[str, Any], int]] = []
    ends: dict[int, datetime] = {}
    # From the newest on, which always has its label.
    for one in reversed(deployed):
        at = read_time(one["at"])
        row = next((r for r in range(_LABEL_ROWS) if r not in ends or ends[r] - at > width), None)
        if row is not None:
            ends[row] = at
            labelled.append((one, row))
    return labelled
