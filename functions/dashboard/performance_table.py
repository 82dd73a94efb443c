"""What a check measured, in figures and in words: the rows of the tables beside the charts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.explanations.checks import verdict_label
from core.explanations.metrics import is_higher_better, is_in_points, show_metric
from core.explanations.quality import explain_score
from core.explanations.rows import Row, part
from core.explanations.words import Words

Json = dict[str, Any]
Point = Mapping[str, Any]

# All rows are in the file for spreadsheets.
TABLE_ROWS = 50


def value_bounds(point: Point) -> tuple[float, float] | None:
    """Between which values the metric lies, from the stored interval of its degradation.

    Parameters
    ----------
    point : mapping
        ``{metric, baseline, ci_low, ci_high, figures}``; the interval is in points for metrics on
        a fixed scale, else a share of the baseline.

    Examples
    --------
    >>> value_bounds({"metric": "accuracy", "baseline": 0.875, "ci_low": 0.0, "ci_high": 0.125})
    (0.75, 0.875)
    >>> value_bounds({"metric": "mae", "baseline": 10.0, "ci_low": -0.25, "ci_high": 0.5})
    (7.5, 15.0)
    """
    baseline, low, high = point["baseline"], point["ci_low"], point["ci_high"]
    if baseline is None or low is None or high is None:
        return None
    figures = _figures(point)
    if not is_in_points(point["metric"], figures):
        low, high = low * abs(baseline), high * abs(baseline)
    if is_higher_better(point["metric"], figures):
        return baseline - high, baseline - low
    return baseline + low, baseline + high


def limit_of(point: Point) -> float | None:
    """The value beyond which the metric counts as worse; None without a baseline.

    Examples
    --------
    >>> limit_of({"metric": "accuracy", "baseline": 0.875, "threshold": 0.125})
    0.75
    >>> limit_of({"metric": "mae", "baseline": 10.0, "threshold": 0.25})
    12.5
    >>> limit_of({"metric": "acme:profit", "baseline": 10.0, "threshold": 2.0,
    ...           "figures": {"higher_is_better": True, "in_points": True}})
    8.0
    """
    baseline = point["baseline"]
    if baseline is None:
        return None
    metric, figures = point["metric"], _figures(point)
    drop = point["threshold"] * (1 if is_in_points(metric, figures) else abs(baseline))
    return float(baseline - drop if is_higher_better(metric, figures) else baseline + drop)


def _figures(point: Point) -> Row:
    """What is stored beside the values; of a metric of the user's own that tells its scale."""
    return part(point, "figures")


def performance_table(series: Mapping[str, Any], words: Words) -> list[Json]:
    """The newest points in words, newest first, at most :data:`TABLE_ROWS`."""
    return [_row(point, words) for point in reversed(series["points"][-TABLE_ROWS:])]


def quality_table(series: Mapping[str, Any], words: Words) -> list[Json]:
    """The newest assessments of the data in words, newest first."""
    return [
        {**point, "says": explain_score(words, point["score"])}
        for point in reversed(series["points"][-TABLE_ROWS:])
    ]


def _row(point: Point, words: Words) -> Json:
    metric, bounds = point["metric"], value_bounds(point)
    shown = None if bounds is None else [show_metric(words, metric, one) for one in bounds]
    return {
        **point,
        "value": show_metric(words, metric, point["value"]),
        "interval": "–" if shown is None else f"{shown[0]} – {shown[1]}",
        "baseline": show_metric(words, metric, point["baseline"]),
        "limit": show_metric(words, metric, limit_of(point)),
        "samples": words.numbers.number(point["samples"]),
        "label": verdict_label(words, point["verdict"]),
    }
