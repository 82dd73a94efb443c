"""What Refit would have done in the past: the newest stored backtest of a model type."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.errors import NotFound, UnknownModelType
from core.explanations.checks import verdict_label
from core.explanations.metrics import metric_meaning, metric_name, show_metric
from core.explanations.people import actor_name
from core.explanations.words import Words
from functions.dashboard.backtest_chart import DONE_MARKS, backtest_figure
from functions.dashboard.backtest_words import (
    done_label,
    policy_label,
    policy_meaning,
    shown_policies,
    summary,
)
from functions.dashboard.forest_plot import signed
from functions.dashboard.visit import Page, Visit

Json = dict[str, Any]
Report = Mapping[str, Any]
TABLE_ROWS = 200
_TONES = {"deployed": "good", "rejected": "bad", "failed": "bad", "approved": "busy"}
_POINTS = {"accuracy", "f1", "roc_auc", "r2"}


def show_backtest(visit: Visit) -> Page:
    """The page; where there is no backtest it says how one is made.

    Raises
    ------
    NotFound
        Where there is no such model type.
    """
    name = visit.values["name"]
    try:
        found = visit.store.get_backtest(name)
    except UnknownModelType as exc:
        raise NotFound(exc.message, hint=exc.hint) from exc
    shown = found["backtest"] and shown_report(found["backtest"], visit.words, visit.locale)
    return Page(
        template="backtest.html",
        values={"name": name, "title": found["title"] or name, "backtest": shown},
    )


def shown_report(backtest: Mapping[str, Any], words: Words, locale: str) -> Json:
    """What the page shows of a stored report, which :mod:`core.backtest.report` describes."""
    report = backtest["report"]
    metric = report["metric"]["name"]
    policies = shown_policies(report)
    return {
        "made_at": backtest["created_at"],
        "made_by": actor_name(words, backtest["created_by"]),
        "start": report["period"]["start"],
        "end": report["period"]["end"],
        "rows": words.numbers.number(report["predicted_rows"]),
        "steps": report["steps"],
        "step": words.numbers.duration(report["period"]["step_seconds"]),
        "metric": {"name": metric_name(words, metric), "meaning": metric_meaning(words, metric)},
        "says": summary(report, words),
        "policies": [
            {
                "key": policy,
                "label": policy_label(words, policy),
                "meaning": policy_meaning(words, policy),
                **_costs(report["policies"][policy], metric, words),
            }
            for policy in policies
        ],
        "figure": backtest_figure(report, words, locale),
        "series": _series(report, policies, metric, words),
        "events": _events(report, metric, words),
        "quiet_steps": sum(event["action"] == "none" for event in report["events"]),
        "sweep": [_cell(cell, report, metric, words) for cell in report["sweep"]],
    }


def _costs(found: Mapping[str, Any], metric: str, words: Words) -> Json:
    return {
        "value": show_metric(words, metric, found[metric]),
        "retrainings": words.numbers.number(found["retrainings"]),
        "deployments": words.numbers.number(found["deployments"]),
        "seconds": words.numbers.duration(found["training_seconds"]),
    }


def _series(report: Report, policies: list[str], metric: str, words: Words) -> list[Json]:
    """The newest steps, newest first; the chart has all."""
    series = report["series"]
    steps = range(len(series["as_of"]))[-TABLE_ROWS:]
    return [
        {
            "at": series["as_of"][step],
            "rows": words.numbers.number(series["rows"][step]),
            "values": [
                show_metric(words, metric, series["policies"][policy][step]) for policy in policies
            ],
        }
        for step in reversed(steps)
    ]


def _events(report: Report, metric: str, words: Words) -> list[Json]:
    """The steps at which something was done, newest first."""
    unit = metric if metric in _POINTS else "mae"
    done = [event for event in report["events"] if event["action"] != "none"]
    return [
        {
            "at": event["as_of"],
            "verdict": verdict_label(words, event["verdict"]),
            "baseline": show_metric(words, metric, event["baseline"]),
            "current": show_metric(words, metric, event["current"]),
            "label": done_label(words, event["action"]),
            "tone": _TONES.get(
                event["action"], "warn" if event["action"] in DONE_MARKS else "none"
            ),
            "gain": "–"
            if event["improvement"] is None
            else signed(words, unit, event["improvement"]),
        }
        for event in reversed(done[-TABLE_ROWS:])
    ]


def _cell(cell: Mapping[str, Any], report: Report, metric: str, words: Words) -> Json:
    thresholds = report["thresholds"]
    unit = metric if metric in _POINTS else "mae"
    return {
        "retraining": signed(words, unit, cell["retraining_threshold"]).lstrip("+"),
        "deployment": signed(words, unit, cell["auto_deployment_threshold"]).lstrip("+"),
        "is_own": cell["retraining_threshold"] == thresholds["retraining"]
        and cell["auto_deployment_threshold"] == thresholds["auto_deployment"],
        **_costs(cell, metric, words),
    }
