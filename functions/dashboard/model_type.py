"""A model type's page: how good its model is, its versions, where they serve, and what to do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from core.domain import ModelType
from core.errors import NotFound, UnknownModelType
from core.explanations.metrics import metric_meaning, metric_name
from core.explanations.quality import explain_finding, explain_score, finding_label
from core.web.definitions import from_model_type
from functions.dashboard.drift_map import show_drift
from functions.dashboard.estimate_chart import show_estimates
from functions.dashboard.evidence_chart import show_evidence
from functions.dashboard.model_comparison import show_comparison
from functions.dashboard.model_type_exports import export_performance, export_versions
from functions.dashboard.model_type_rows import (
    show_alert,
    show_champion,
    show_deployment,
    show_version,
    show_work,
)
from functions.dashboard.model_type_settings import shown_settings
from functions.dashboard.performance_chart import performance_figure, quality_figure
from functions.dashboard.performance_table import performance_table, quality_table
from functions.dashboard.visit import Download, Page, Visit

Json = dict[str, Any]
RANGES = (30, 90, 365)  # days
# Each is templates/model_type/<part>.html; another one is another line here.
PARTS: tuple[tuple[str, Callable[[Visit], str]], ...] = (
    ("performance", lambda visit: visit.gettext("Performance")),
    ("evidence", lambda visit: visit.gettext("Evidence")),
    ("estimate", lambda visit: visit.gettext("Before outcomes are known")),
    ("drift", lambda visit: visit.gettext("Drift")),
    ("data_quality", lambda visit: visit.gettext("Data quality")),
    ("versions", lambda visit: visit.gettext("Versions")),
    ("deployments", lambda visit: visit.gettext("Deployments")),
    ("settings", lambda visit: visit.gettext("Settings")),
)
_EXPORTS = {"performance": export_performance, "versions": export_versions}


def show_model_type(visit: Visit) -> Page | Download:
    """The page; ``?export=performance`` or ``?export=versions`` gives these as a file.

    Raises
    ------
    NotFound
        Where there is no such model type, or no such version of it to compare.
    """
    name, days = visit.values["name"], _days(visit)
    try:
        if export := _EXPORTS.get(visit.request.args.get("export", "")):
            return export(visit, name, days)
        found = visit.store.get_model_type_page(
            name,
            environment=visit.environment,
            days=days,
            compare=_compared(visit),
            versions_cursor=visit.request.args.get("versions"),
            deployments_cursor=visit.request.args.get("deployments"),
        )
    except UnknownModelType as exc:
        raise NotFound(exc.message, hint=exc.hint) from exc
    watching = visit.store.get_monitoring(name, environment=visit.environment)
    shown = _shown(visit, found, days) | _monitoring(visit, watching)
    return Page(template="model_type.html", values=shown)


def _days(visit: Visit) -> int:
    """How far back the charts go; what makes no sense is the shortest."""
    given = visit.request.args.get("days", "")
    return next((days for days in RANGES if given == str(days)), RANGES[0])


def _compared(visit: Visit) -> UUID | None:
    given = visit.request.args.get("compare")
    try:
        return UUID(given) if given else None
    except ValueError:
        raise NotFound("There is no such version to compare.") from None


def _shown(visit: Visit, found: Json, days: int) -> Json:
    words = visit.words
    settings = from_model_type(ModelType.from_row(found["model_type"]))
    metric = settings["metric"]
    active = found["active"]
    return {
        "found": found,
        "settings": settings,
        "name": settings["name"],
        "title": settings["title"] or settings["name"],
        "metric": {"name": metric_name(words, metric), "meaning": metric_meaning(words, metric)},
        "champion": show_champion(words, found),
        "alerts": [show_alert(words, row) for row in found["alerts"]],
        "work": show_work(words, active),
        "busy_now": active["has_worker"] and bool(active["jobs"] or active["operations"]),
        "parts": [(part, label(visit)) for part, label in PARTS],
        "days": days,
        "ranges": RANGES,
        "performance": _performance(visit, found),
        "quality": _quality(visit, found["quality"]),
        "versions": [show_version(words, row, metric) for row in found["versions"]["items"]],
        "comparison": found["comparison"] and show_comparison(found["comparison"], words, metric),
        "deployments": [show_deployment(words, row) for row in found["deployments"]["items"]],
        "settings_rows": shown_settings(visit, settings),
        "address": _addresses(visit, days),
    }


def _monitoring(visit: Visit, watching: Mapping[str, Any]) -> Json:
    """What watching the version in use has shown, beside its metric."""
    words, locale = visit.words, visit.locale
    return {
        "evidence": show_evidence(watching, words, locale),
        "estimate": show_estimates(watching, words, locale),
        "drift": show_drift(watching, words),
    }


def _performance(visit: Visit, found: Mapping[str, Any]) -> Json | None:
    """The chart and the table; None where nothing was measured in this time."""
    series = found["performance"]
    if not series["points"]:
        return None
    return {
        "figure": performance_figure(series, found["deployed"], visit.words, visit.locale),
        "rows": performance_table(series, visit.words),
        "is_thinned": len(series["points"]) < series["measured"],
    }


def _quality(visit: Visit, series: Mapping[str, Any]) -> Json | None:
    newest, words = series["newest"], visit.words
    if newest is None:
        return None
    return {
        "figure": quality_figure(series, words, visit.locale) if series["points"] else None,
        "rows": quality_table(series, words),
        "newest": newest,
        "says": explain_score(words, newest["score"]),
        "findings": [
            {
                "label": finding_label(words, finding["name"]),
                "says": explain_finding(words, finding),
                "blocking": finding["blocking"],
            }
            # What stops a training comes first.
            for finding in sorted(newest["findings"], key=lambda one: not one["blocking"])
        ],
    }


def _addresses(visit: Visit, days: int) -> Callable[..., str]:
    """Addresses of this page that keep what is chosen on it, but for what they choose anew."""
    kept = {
        name: visit.request.args[name]
        for name in ("compare", "versions", "deployments")
        if visit.request.args.get(name)
    }
    if days != RANGES[0]:
        kept["days"] = str(days)

    def address(anchor: str = "", **changes: Any) -> str:
        here = visit.url(f"model-types/{visit.values['name']}", **{**kept, **changes})
        return f"{here}#{anchor}" if anchor else here

    return address
