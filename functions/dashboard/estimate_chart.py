"""What the metric probably is on cases whose outcomes are not known yet, over time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from core.explanations.metrics import metric_name, show_change, show_metric
from core.explanations.words import Words
from functions.dashboard.chart_parts import (
    band,
    line_mode,
    plain_layout,
    short,
    time_axis,
    time_of,
)

Json = dict[str, Any]
Estimate = Mapping[str, Any]
TABLE_ROWS = 50
_SHARES = {"accuracy", "f1", "roc_auc", "r2", "mape"}


def show_estimates(watching: Mapping[str, Any], words: Words, locale: str) -> Json:
    """What the page shows of the estimates without outcomes.

    Parameters
    ----------
    watching : mapping
        As :meth:`core.store.Store.get_monitoring` gives it.
    words : Words
    locale : str

    Returns
    -------
    dict
        What it ``says``, its ``label`` and ``tone`` (None where there is no estimate), the
        ``figure`` for Plotly (None where none has a value) and the ``rows`` of its table.
    """
    estimates = watching["estimates"]
    if not estimates:
        return {"says": _why_none(watching, words), "label": None, "figure": None, "rows": []}
    # Where checks are thinned out, the last that is drawn need not be the newest.
    newest = (watching["latest_check"] or {}).get("estimate") or estimates[-1]
    label, tone = _standing(newest, words)
    valued = [one for one in estimates if one["value"] is not None]
    return {
        "says": _sentence(newest, words),
        "label": label,
        "tone": tone,
        "metric": metric_name(words, newest["metric"]),
        "figure": estimate_figure(valued, words, locale) if valued else None,
        "rows": [_row(one, words) for one in reversed(estimates[-TABLE_ROWS:])],
    }


def estimate_figure(estimates: Sequence[Estimate], words: Words, locale: str) -> Json:
    """The chart: the estimate, where it lies while nothing has changed, and what was measured.

    Parameters
    ----------
    estimates : sequence
        Those that have a value, oldest first; at least one.
    words : Words
    locale : str
    """
    _ = words.gettext
    metric = estimates[-1]["metric"]
    form = ".1%" if metric in _SHARES else ".4~g"
    series = {"since": estimates[0]["at"], "until": estimates[-1]["at"], "points": estimates}
    known = [one for one in estimates if one["realised"] is not None]
    outside = [one for one in estimates if one["outside_band"]]
    bands = [(time_of(one), tuple(one["band"])) for one in estimates if one["band"]]
    data = [
        *band(bands, _("As usual")),
        _line(known, "realised", _("Measured by known outcomes"), "var:soft", "dot", form),
        _line(estimates, "value", _("Estimate"), "var:accent", "solid", form),
        {
            "type": "scatter",
            "name": _("Outside what is usual"),
            "x": [time_of(one) for one in outside],
            "y": [short(one["value"]) for one in outside],
            "mode": "markers",
            "marker": {"color": "var:bad", "size": 9, "symbol": "diamond"},
            "hoverinfo": "skip",
        },
    ]
    return {
        "data": [trace for trace in data if trace["x"]],
        "layout": {
            **plain_layout(locale),
            "xaxis": time_axis(series),
            "yaxis": {"tickformat": ".0%" if metric in _SHARES else "~g"},
        },
    }


def _line(
    points: Sequence[Estimate], name: str, label: str, colour: str, dash: str, form: str
) -> Json:
    return {
        "type": "scatter",
        "name": label,
        "x": [time_of(point) for point in points],
        "y": [short(point[name]) for point in points],
        "mode": line_mode(points),
        "line": {"color": colour, "width": 2, "dash": dash},
        "hovertemplate": f"%{{y:{form}}}",
    }


def _standing(estimate: Estimate, words: Words) -> tuple[str, str]:
    _ = words.gettext
    status = estimate["status"]
    if status == "valid":
        outside = estimate["outside_band"]
        return (_("Worse than usual"), "warn") if outside else (_("As usual"), "good")
    labels = {
        "invalid": (_("Not to be trusted now"), "warn"),
        "off": (_("Switched off"), "none"),
        "insufficient_data": (_("Too few cases"), "none"),
    }
    return labels.get(status) or (status, "none")


def _sentence(estimate: Estimate, words: Words) -> str:
    _ = words.gettext
    metric, number = estimate["metric"], words.numbers.number
    fields = {
        "metric": metric_name(words, metric),
        "value": show_metric(words, metric, estimate["value"]),
        "rows": number(estimate["rows"]),
        "error": _error(words, metric, estimate["mean_error"]),
    }
    status = estimate["status"]
    if status == "valid" and estimate["band"]:
        low, high = (show_metric(words, metric, bound) for bound in estimate["band"])
        message = (
            _(
                "{metric} is probably {value} on the newest {rows} cases, worse than what is usual "
                "({low} to {high}). That may start a training; it never puts a version in use."
            )
            if estimate["outside_band"]
            else _(
                "{metric} is probably {value} on the newest {rows} cases; {low} to {high} is usual."
            )
        )
        return message.format(low=low, high=high, **fields)
    if status == "invalid":
        return _(
            "The newest {rows} cases are too unlike those that the model was tested on: no "
            "estimate of them can be trusted."
        ).format(**fields)
    if status == "off":
        message = (
            _("Estimates of this version were wrong once outcomes were known, so there are none.")
            if estimate["mean_error"] is None
            else _(
                "Estimates of this version were off by {error} once outcomes were known, so there "
                "are none."
            )
        )
        return message.format(**fields)
    if estimate.get("rows_needed"):
        return _("There are {rows} new cases; an estimate needs {needed}.").format(
            needed=number(estimate["rows_needed"]), **fields
        )
    return _(
        "This version cannot be estimated without outcomes: too few cases were set aside for its "
        "test, or its kind of metric does not allow it."
    )


def _error(words: Words, metric: str, error: float | None) -> str:
    """How far estimates were off: in the metric's own units, of shares in points."""
    if metric in _SHARES:
        return show_change(words, "accuracy", error)
    return show_metric(words, metric, error)


def _why_none(watching: Mapping[str, Any], words: Words) -> str:
    _ = words.gettext
    if watching["deployment"] is None:
        return _("There is nothing to estimate until a version is in use.")
    return _("No estimate yet: the first comes with the next check.")


def _row(estimate: Estimate, words: Words) -> Json:
    metric = estimate["metric"]
    shown = [show_metric(words, metric, bound) for bound in estimate["band"] or ()]
    return {
        "at": estimate["at"],
        "value": show_metric(words, metric, estimate["value"]),
        "band": " – ".join(shown) or "–",
        "rows": words.numbers.number(estimate["rows"]),
        "realised": show_metric(words, metric, estimate["realised"]),
        "label": _standing(estimate, words)[0],
    }
