"""How strongly outcomes speak for a model that got worse: the sequential test's level over time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import log10
from typing import Any

from core.explanations.words import Words
from functions.dashboard.chart_parts import (
    line_mode,
    plain_layout,
    read_time,
    short,
    show_time,
    time_axis,
    time_of,
)

Json = dict[str, Any]
Level = Mapping[str, Any]
TABLE_ROWS = 50
# As in core.monitoring, which a page must not load: on fewer cases each check is judged alone.
FULL_REFERENCE = 500
# A logarithmic axis has no zero; what is below one speaks for nothing.
_LEAST_SHOWN = 1.0


def show_evidence(watching: Mapping[str, Any], words: Words, locale: str) -> Json:
    """What the page shows of the sequential test.

    Parameters
    ----------
    watching : mapping
        As :meth:`core.store.Store.get_monitoring` gives it.
    words : Words
    locale : str

    Returns
    -------
    dict
        What it ``says``, its ``label`` and ``tone`` (None where there is no level), the ``figure``
        for Plotly and the ``rows`` of its table, newest first.
    """
    levels = watching["levels"]
    if not levels:
        return {"says": _why_none(watching, words), "label": None, "figure": None, "rows": []}
    newest = levels[-1]
    label, tone = _standing(newest, words)
    return {
        "says": _sentence(newest, words),
        "label": label,
        "tone": tone,
        "figure": evidence_figure(levels, words, locale),
        "rows": [_row(level, words) for level in reversed(levels[-TABLE_ROWS:])],
        "training_at": words.numbers.number(newest["training_at"]),
        "alarm_at": words.numbers.number(newest["alarm_at"]),
    }


def evidence_figure(levels: Sequence[Level], words: Words, locale: str) -> Json:
    """The chart: both levels and the two lines they are held against, on a logarithmic axis."""
    _ = words.gettext
    series = {"since": levels[0]["at"], "until": levels[-1]["at"], "points": levels}
    axis = time_axis(series)
    newest = levels[-1]
    highest = max(newest["alarm_at"], *(max(_both(level)) for level in levels))
    return {
        "data": [
            _line(levels, "level", _("Since it is in use"), "var:accent", 2.5),
            _line(levels, "attempt_level", _("Since the last training"), "var:soft", 1.5),
            _limit(axis, newest["training_at"], _("A training starts"), "var:warn", "dash"),
            _limit(axis, newest["alarm_at"], _("Alarm"), "var:bad", "solid"),
        ],
        "layout": {
            **plain_layout(locale),
            "xaxis": axis,
            "yaxis": {
                "type": "log",
                "range": [-0.1, round(log10(highest) + 0.4, 3)],
                "tickvals": [10**n for n in range(round(log10(highest)) + 2)],
                "tickformat": ",~r",
            },
        },
    }


def _both(level: Level) -> tuple[float, float]:
    return level["level"], level["attempt_level"]


def _line(levels: Sequence[Level], name: str, label: str, colour: str, width: float) -> Json:
    return {
        "type": "scatter",
        "name": label,
        "x": [time_of(level) for level in levels],
        "y": [short(max(level[name], _LEAST_SHOWN)) for level in levels],
        "mode": line_mode(levels),
        "line": {"color": colour, "width": width},
        "hovertemplate": "%{y:,.0f}",
    }


def _limit(axis: Json, at: float, label: str, colour: str, dash: str) -> Json:
    return {
        "type": "scatter",
        "name": label,
        "x": axis["range"],
        "y": [at, at],
        "mode": "lines",
        "line": {"color": colour, "width": 1.5, "dash": dash},
        "hoverinfo": "skip",
    }


def _standing(level: Level, words: Words) -> tuple[str, str]:
    _ = words.gettext
    if level["level"] >= level["alarm_at"]:
        return _("Alarm"), "bad"
    if level["attempt_level"] >= level["training_at"]:
        return _("A training may start"), "warn"
    if level["level"] >= level["training_at"]:
        return _("Being watched"), "warn"
    return _("Calm"), "good"


def _sentence(level: Level, words: Words) -> str:
    _ = words.gettext
    if level["level"] >= level["alarm_at"]:
        message = _(
            "The outcomes of {labels} cases show that the model got worse: the level is {level}, "
            "and {alarm} is an alarm."
        )
    elif level["attempt_level"] >= level["training_at"]:
        message = _(
            "The outcomes of {labels} cases make it likely that the model got worse: the level is "
            "{attempt}, and at {training} a training starts. It is no alarm yet."
        )
    elif level["level"] >= level["training_at"]:
        message = _(
            "The outcomes of {labels} cases make it likely that the model got worse: the level is "
            "{level}. A training was tried already; the outcomes since then say {attempt}."
        )
    else:
        message = _(
            "The outcomes of {labels} cases show no drop that matters: the level is {level}. At "
            "{training} a training starts, at {alarm} it is an alarm."
        )
    number = words.numbers.number
    return message.format(
        labels=number(level["labels"]),
        level=number(level["level"], 0),
        attempt=number(level["attempt_level"], 0),
        training=number(level["training_at"]),
        alarm=number(level["alarm_at"]),
    )


def _why_none(watching: Mapping[str, Any], words: Words) -> str:
    _ = words.gettext
    deployment = watching["deployment"]
    if deployment is None:
        return _("There is nothing to watch until a version is in use.")
    samples = deployment["reference"]["samples"]
    if samples < FULL_REFERENCE:
        return _(
            "The version in use was tested on {samples} cases; from {needed} on, evidence is added "
            "up from check to check. Until then each check is judged by itself."
        ).format(samples=words.numbers.number(samples), needed=words.numbers.number(FULL_REFERENCE))
    return _("No evidence yet: the first comes with the first check that finds known outcomes.")


def _row(level: Level, words: Words) -> Json:
    number = words.numbers.number
    return {
        "at": show_time(read_time(level["at"])),
        "level": number(level["level"], 0),
        "attempt_level": number(level["attempt_level"], 0),
        "labels": number(level["labels"]),
        "label": _standing(level, words)[0],
    }
