"""Who did what, and when: to read, to filter, to keep."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from core.explanations.audit import action_label, entity_label, explain_audit
from core.explanations.people import actor_name
from functions.dashboard.csv_export import Columns, export_csv
from functions.dashboard.titles import model_titles
from functions.dashboard.visit import Download, Page, Visit

FILTERS = ("model_type", "entity", "entity_id", "action", "request_id")
_ROWS = 50
_ROWS_AT_A_TIME = 200


def show_audit(visit: Visit) -> Page | Download:
    """One page of the log, newest first; ``?format=csv``: all of it that fits the filters."""
    given = visit.request.args
    filters = {name: given[name] for name in FILTERS if given.get(name)}
    titles = model_titles(visit)
    if given.get("format") == "csv":
        return export_csv(
            visit,
            "audit",
            _columns(visit, titles),
            lambda cursor: _ask(visit, filters, cursor=cursor, limit=_ROWS_AT_A_TIME),
        )
    after = given.get("cursor")
    answer = _ask(visit, filters, cursor=after, limit=_ROWS)
    next_cursor = answer["next_cursor"]
    return Page(
        template="audit.html",
        values={
            "rows": [_shown(visit, row, titles) for row in answer["items"]],
            "titles": titles,
            "filters": {name: filters.get(name, "") for name in FILTERS},
            "is_filtered": bool(filters),
            "entities": [(name, entity_label(visit.words, name)) for name in _ENTITIES],
            "next_url": visit.url("audit", **filters, cursor=next_cursor) if next_cursor else None,
            "first_url": visit.url("audit", **filters) if after else None,
            "csv_url": visit.url("audit", **filters, format="csv"),
        },
    )


_ENTITIES = (
    *("training_job", "model", "validation", "deployment", "operation"),
    *("model_type", "schedule", "alert", "webhook_delivery", "api_key", "sign_in_link"),
)


def _ask(visit: Visit, filters: Mapping[str, Any], **page: Any) -> dict[str, Any]:
    # Much of the log belongs to no environment: it is left out where one was chosen.
    chosen = visit.environment if "environment" in visit.request.args else None
    return visit.store.list_audit_logs(environment=chosen, **filters, **page)


def _columns(visit: Visit, titles: Mapping[str, str]) -> Columns:
    """What is stored, and the sentence about it."""

    def stored(name: str) -> Any:
        return lambda row: row[name]

    def written(name: str) -> Any:
        return lambda row: json.dumps(row[name], ensure_ascii=False) if row[name] else None

    return {
        "created_at": stored("created_at"),
        "who": lambda row: row["actor"]["name"],
        "who_kind": lambda row: row["actor"]["kind"],
        "what": lambda row: _shown(visit, row, titles)["what"],
        **{name: stored(name) for name in ("action", "entity", "entity_id", "model_type")},
        "environment": stored("environment"),
        **{name: written(name) for name in ("before", "after", "detail")},
        "request_id": stored("request_id"),
    }


def _shown(visit: Visit, row: Mapping[str, Any], titles: Mapping[str, str]) -> dict[str, Any]:
    """A row in words, beside what is stored."""
    name = row["model_type"]
    return {
        **row,
        "who": actor_name(visit.words, row["actor"]),
        "what": explain_audit(visit.words, row, title=titles.get(name, name)),
        "did": action_label(visit.words, row["action"]),
    }
