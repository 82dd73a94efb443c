"""A model type's checks and versions as files for spreadsheets."""

from __future__ import annotations

from functions.dashboard.csv_export import MOST_ROWS, Columns, Json, export_csv
from functions.dashboard.performance_table import limit_of, value_bounds
from functions.dashboard.visit import Download, Visit

_PAGE = 200
_PERFORMANCE: Columns = {
    "at": lambda row: row["at"],
    "version": lambda row: row["version"],
    "metric": lambda row: row["metric"],
    "value": lambda row: row["value"],
    "value_low": lambda row: _bound(row, 0),
    "value_high": lambda row: _bound(row, 1),
    "baseline": lambda row: row["baseline"],
    "limit": limit_of,
    "degradation": lambda row: row["degradation"],
    "p_value": lambda row: row["p_value"],
    "samples": lambda row: row["samples"],
    "threshold": lambda row: row["threshold"],
    "verdict": lambda row: row["verdict"],
    "reason": lambda row: row["reason"],
}
_VERSIONS: Columns = {
    "version": lambda row: row["version"],
    "id": lambda row: row["id"],
    "created_at": lambda row: row["created_at"],
    "standing": lambda row: row["standing"],
    "engine": lambda row: row["engine"],
    "train_rows": lambda row: row["train_rows"],
    "window_start": lambda row: row["window_start"],
    "window_end": lambda row: row["window_end"],
    "verdict": lambda row: (row["validation"] or {}).get("verdict"),
    "auto_deployable": lambda row: (row["validation"] or {}).get("auto_deployable"),
    "improvement": lambda row: (row["validation"] or {}).get("improvement"),
    "reason": lambda row: (row["validation"] or {}).get("reason"),
    "quarantined_at": lambda row: row["quarantined_at"],
    "quarantine_reason": lambda row: row["quarantine_reason"],
    "training_job_id": lambda row: row["training_job_id"],
}


def export_performance(visit: Visit, name: str, days: int) -> Download:
    """The checks of the last days that measured something, newest first."""

    def fetch(_cursor: str | None) -> Json:
        series = visit.store.get_performance_series(
            name, environment=visit.environment, days=days, points=MOST_ROWS
        )
        return {"items": reversed(series["points"]), "next_cursor": None}

    return export_csv(visit, f"{name}-performance", _PERFORMANCE, fetch)


def export_versions(visit: Visit, name: str, _days: int) -> Download:
    """All versions, newest first, with their newest validations in this environment."""

    def fetch(cursor: str | None) -> Json:
        return visit.store.list_model_versions(
            name, environment=visit.environment, limit=_PAGE, cursor=cursor
        )

    return export_csv(visit, f"{name}-versions", _VERSIONS, fetch)


def _bound(row: Json, which: int) -> float | None:
    bounds = value_bounds(row)
    return None if bounds is None else bounds[which]
