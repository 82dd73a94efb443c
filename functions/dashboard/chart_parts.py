"""What charts over time share: the axis, moments, lines of steps and bands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

Json = dict[str, Any]

ROW_PX = 16  # height of a row of labels above a chart
_MOST_MARKERS = 120


def plain_layout(locale: str, label_rows: int = 1) -> Json:
    """What every chart over time is laid out with."""
    return {
        "hovermode": "x unified",
        "hoverlabel": {"bgcolor": "var:paper", "bordercolor": "var:line"},
        "separators": ",." if locale == "nl" else ".,",
        "margin": {"t": 8 + ROW_PX * label_rows, "r": 12, "b": 40, "l": 48},
    }


def time_axis(series: Mapping[str, Any]) -> Json:
    """The axis of a series ``{since, until, points}``."""
    since, until = shown_time(series)
    return {"type": "date", "range": [show_time(since), show_time(until)]}


def shown_time(series: Mapping[str, Any]) -> tuple[datetime, datetime]:
    """From shortly before the first point: where nothing was measured there is nothing to see.

    What began to serve just before its first check is seen, and the newest point is drawn whole.
    """
    since, until = read_time(series["since"]), read_time(series["until"])
    if series["points"]:
        first = min(read_time(series["points"][0]["at"]), until - timedelta(days=1))
        since = max(since, first - (until - first) / 20)
    return since, until + (until - since) / 50


def time_of(row: Mapping[str, Any]) -> str:
    """The moment of a row, as charts take it."""
    return show_time(read_time(row["at"]))


def read_time(given: str) -> datetime:
    """A moment of JSON, in UTC."""
    return datetime.fromisoformat(given).astimezone(UTC)


def show_time(moment: datetime) -> str:
    """To the second, in UTC; the browser shows it in the viewer's zone."""
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def short(value: float) -> float:
    """To six digits: more cannot be seen, and are weight."""
    return float(f"{value:.6g}")


def line_mode(points: Sequence[Any]) -> str:
    """A line with its points, as long as they can be told apart."""
    return "lines+markers" if len(points) <= _MOST_MARKERS else "lines"


def steps(known: Sequence[tuple[str, float]], name: str, colour: str, dash: str) -> Json:
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
        "y": [short(value) for _at, value in turns],
        "mode": "lines",
        "line": {"color": colour, "width": 1.5, "dash": dash, "shape": "hv"},
        "hoverinfo": "skip",
    }


def band(known: Sequence[tuple[str, tuple[float, float]]], name: str) -> list[Json]:
    """A shaded band between a low and a high value at each moment."""
    edge = {
        "type": "scatter",
        "x": [at for at, _bounds in known],
        "mode": "lines",
        "line": {"width": 0, "color": "var:busy-soft"},
        "hoverinfo": "skip",
    }
    low = {**edge, "y": [short(bounds[0]) for _at, bounds in known], "showlegend": False}
    high = {
        **edge,
        "y": [short(bounds[1]) for _at, bounds in known],
        "name": name,
        "fill": "tonexty",
        "fillcolor": "var:busy-soft",
    }
    return [low, high]
