"""What a check measured, in figures and in words: the rows of the tables beside the charts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.explanations.checks import verdict_label
from core.explanations.metrics import is_higher_better, show_metric
from core.explanations.quality import explain_score
from core.explanations.words import Words

Json = dict[str, Any]
Point = Mapping[str, Any]

# All rows are in the file for spreadsheets.
TABLE_ROWS = 50
# Their differences are points; the others' are shares of the baseline.
_POINTS = {"accuracy", "f1", "roc_auc", "r2"}


def value_bounds(point: Point) -> tuple[float, float] | None:
    """Between which values the metric lies, from the stored interval of its degradation.

    Parameters
    ----------
    point : mapping
        ``{metric, baseline, ci_low, ci_high}``; the interval is in points for metrics on a fixed
        scale, else a share of the baseline.

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
    if point["metric"] not in _POINTS:
        low, high = low * abs(baseline), high * abs(baseline)
    if is_higher_better(point["metric"]):
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
    """
    baseline = point["baseline"]
    if baseline is None:
        return None
    drop = point["threshold"] * (1 if point["metric"] in _POINTS else abs(baseline))
    return float(baseline - drop if is_higher_better(point["metric"]) else baseline + drop)


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
