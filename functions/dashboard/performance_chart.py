"""A model type's metric over time, and the score of its data, as charts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from core.explanations.checks import verdict_label
from core.explanations.metrics import metric_name
from core.explanations.words import Words
from functions.dashboard.performance_table import Point, limit_of, value_bounds

Json = dict[str, Any]

_MOST_MARKERS = 120
_MOST_LABELS = 12  # in a row, on the smallest screen
_LABEL_ROWS = 3
_ROW_PX = 16
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
        *_band(points, _("Uncertainty")),
        _steps(_known(points, _baseline), _("When it was deployed"), "var:soft", "dot"),
        _steps(_known(points, limit_of), _("Limit"), "var:bad", "dash"),
        _values(points, metric_name(words, metric), form),
        _worse(points, verdict_label(words, "degraded")),
    ]
    return {
        "data": [trace for trace in data if trace["x"]],
        "layout": {
            **_layout(locale, label_rows=_LABEL_ROWS),
            "xaxis": _time_axis(series),
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
                "x": [_at(point) for point in points],
                "y": [round(100 * point["score"], 1) for point in points],
                "mode": _mode(points),
                "line": {"color": "var:accent", "width": 2},
                "showlegend": False,
                "hovertemplate": "%{y:.0f}<extra></extra>",
            }
        ],
        "layout": {
            **_layout(locale),
            "height": 220,
            "xaxis": _time_axis(series),
            "yaxis": {"range": [0, 104]},
        },
    }


def _values(points: Sequence[Point], name: str, form: str) -> Json:
    return {
        "type": "scatter",
        "name": name,
        "x": [_at(point) for point in points],
        "y": [_short(point["value"]) for point in points],
        "mode": _mode(points),
        "line": {"color": "var:accent", "width": 2},
        "hovertemplate": f"%{{y:{form}}}",
    }


def _worse(points: Sequence[Point], name: str) -> Json:
    worse = [point for point in points if point["verdict"] == "degraded"]
    return {
        "type": "scatter",
        "name": name,
        "x": [_at(point) for point in worse],
        "y": [_short(point["value"]) for point in worse],
        "mode": "markers",
        "marker": {"color": "var:bad", "size": 8, "symbol": "diamond"},
        "hoverinfo": "skip",
    }


def _band(points: Sequence[Point], name: str) -> list[Json]:
    known = [(_at(point), bounds) for point in points if (bounds := value_bounds(point))]
    edge = {
        "type": "scatter",
        "x": [at for at, _bounds in known],
        "mode": "lines",
        "line": {"width": 0, "color": "var:busy-soft"},
        "hoverinfo": "skip",
    }
    low = {**edge, "y": [_short(bounds[0]) for _at, bounds in known], "showlegend": False}
    high = {
        **edge,
        "y": [_short(bounds[1]) for _at, bounds in known],
        "name": name,
        "fill": "tonexty",
        "fillcolor": "var:busy-soft",
    }
    return [low, high]


def _steps(known: Sequence[tuple[str, float]], name: str, colour: str, dash: str) -> Json:
    """A line of steps; points that say nothing new are left out."""
    turns = [
        one
        for index, one in enumerate(known)
        if index in {0, len(known) - 1} or one[1] != known[index - 1][1]
    ]
    return {
        "type": "scatter",
        "name": name,
        "x": [at for at, _value in turns],
        "y": [_short(value) for _at, value in turns],
        "mode": "lines",
        "line": {"color": colour, "width": 1.5, "dash": dash, "shape": "hv"},
        "hoverinfo": "skip",
    }


def _known(
    points: Sequence[Point], read: Callable[[Point], float | None]
) -> list[tuple[str, float]]:
    return [(_at(point), value) for point in points if (value := read(point)) is not None]


def _baseline(point: Point) -> float | None:
    baseline: float | None = point["baseline"]
    return baseline


def _marks(deployed: Sequence[Mapping[str, Any]], series: Mapping[str, Any]) -> Json:
    """A dotted line where a version began to serve, with its number where there is room."""
    since, until = _shown_time(series)
    deployed = [one for one in deployed if _read(one["at"]) >= since]
    return {
        "shapes": [
            {
                "type": "line",
                "x0": _at(one),
                "x1": _at(one),
                "yref": "paper",
                "y0": 0,
                "y1": 1,
                "line": {"color": "var:soft", "width": 1, "dash": "dot"},
            }
            for one in deployed
        ],
        "annotations": [
            {
                "x": _at(one),
                "yref": "paper",
                "y": 1,
                "yanchor": "bottom",
                "yshift": row * _ROW_PX,
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
        at = _read(one["at"])
        row = next((r for r in range(_LABEL_ROWS) if r not in ends or ends[r] - at > width), None)
        if row is not None:
            ends[row] = at
            labelled.append((one, row))
    return labelled


def _layout(locale: str, label_rows: int = 1) -> Json:
    return {
        "hovermode": "x unified",
        "hoverlabel": {"bgcolor": "var:paper", "bordercolor": "var:line"},
        "separators": ",." if locale == "nl" else ".,",
        "margin": {"t": 8 + _ROW_PX * label_rows, "r": 12, "b": 40, "l": 48},
    }


def _mode(points: Sequence[Point]) -> str:
    return "lines+markers" if len(points) <= _MOST_MARKERS else "lines"


def _time_axis(series: Mapping[str, Any]) -> Json:
    since, until = _shown_time(series)
    return {"type": "date", "range": [_show(since), _show(until)]}


def _shown_time(series: Mapping[str, Any]) -> tuple[datetime, datetime]:
    """From shortly before the first point: where nothing was measured there is nothing to see.

    What began to serve just before its first check is seen, and the newest point is drawn whole.
    """
    since, until = _read(series["since"]), _read(series["until"])
    if series["points"]:
        first = min(_read(series["points"][0]["at"]), until - timedelta(days=1))
        since = max(since, first - (until - first) / 20)
    return since, until + (until - since) / 50


def _at(row: Mapping[str, Any]) -> str:
    return _show(_read(row["at"]))


def _read(given: str) -> datetime:
    return datetime.fromisoformat(given).astimezone(UTC)


def _show(moment: datetime) -> str:
    """To the second, in UTC; the browser shows it in the viewer's zone."""
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def _short(value: float) -> float:
    """To six digits: more cannot be seen, and are weight."""
    return float(f"{value:.6g}")
