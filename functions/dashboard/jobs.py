"""Every retraining there was: to see, to filter, to keep as a file."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from core.domain import Environment, JobStatus
from core.errors import InvalidRequest
from core.explanations.jobs import asked_by, explain_job, job_label, stage_label
from core.store import Store
from core.web.fields import Cursor, Text
from core.web.paging import give_page
from core.web.parsing import Parameters, parse_body
from functions.dashboard.csv_export import Columns, export_csv
from functions.dashboard.overview_cards import JOB_TONES
from functions.dashboard.visit import Download, Page, Visit

Json = dict[str, Any]

_ROWS = 50
_ROWS_AT_A_TIME = 200  # of a file


class JobsQuery(Parameters):
    """What the address says."""

    environment: Environment | None = None
    model_type: Text | None = None
    status: JobStatus | None = None
    cursor: Cursor | None = None
    asked: Text | None = None
    format: Literal["csv"] | None = None


def show_jobs(visit: Visit) -> Page | Download:
    """One page of the history, newest first; ``?format=csv``: all of it that fits the filters."""
    # An empty choice of a form is none; what else an address carries is not about the list.
    fields = {name: visit.request.args.get(name) for name in JobsQuery.model_fields}
    given = {name: value for name, value in fields.items() if value}
    query = parse_body(JobsQuery, json.dumps(given).encode())
    if query.format == "csv":
        return _export(visit, query)
    found = _fetch(visit, query, cursor=query.cursor, limit=_ROWS)
    asked = _asked(visit, query.asked, found["items"]) if query.asked else []
    filters = {"model_type": query.model_type, "status": query.status}
    next_cursor = found["next_cursor"]
    return Page(
        template="jobs.html",
        values={
            "jobs": [make_row(visit, job) for job in found["items"]],
            "asked": [make_asked(visit, job) for job in asked],
            "filters": filters,
            "filtered": any(filters.values()),
            "model_types": found["model_types"],
            "statuses": [(str(one), job_label(visit.words, one)) for one in JobStatus],
            "busy_now": _is_busy(visit, found),
            "next_url": visit.url("jobs", **filters, cursor=next_cursor) if next_cursor else None,
            "first_url": visit.url("jobs", **filters) if query.cursor else None,
            "csv_url": visit.url("jobs", **filters, format="csv"),
        },
    )


def make_row(visit: Visit, job: Json) -> Json:
    """A job of the list in words, beside what is stored."""
    words = visit.words
    return {
        **job,
        "label": job_label(words, job["status"]),
        "tone": JOB_TONES.get(job["status"], "none"),
        "stage_label": stage_label(words, job["stage"]),
        "what": explain_job(words, job),
        "who": asked_by(words, job),
        "took": took(visit, _seconds(job)),
    }


def took(visit: Visit, seconds: float | None) -> str | None:
    """A span of time as people say it."""
    if seconds is None:
        return None
    return visit.format.duration(seconds) if seconds >= 1 else str(visit.gettext("under a second"))


def make_asked(visit: Visit, job: Json) -> Json:
    """What came of one model type of a request: how it was taken, and once it ended, how."""
    _ = visit.gettext
    if JobStatus(job["status"]).is_final:
        said = explain_job(visit.words, job)
    elif job["for_follow_up"]:
        said = _("A retraining runs already; what you asked for follows when it ends.")
    elif job["joined"]:
        said = _("A retraining was waiting or running already; your request joined it.")
    else:
        said = _("A retraining was asked for.")
    return {
        **job,
        "said": said,
        "label": job_label(visit.words, job["status"]),
        "tone": JOB_TONES.get(job["status"], "none"),
    }


def _asked(visit: Visit, request_id: str, shown: list[Json]) -> list[Json]:
    """The jobs of a request; those that ended with all that is stored of them."""
    known = {job["id"]: job for job in shown}
    every = []
    for job in visit.store.list_requested_jobs(request_id):
        stored = {}
        if JobStatus(job["status"]).is_final:
            # Most are on the page anyway: it shows the newest first.
            stored = known.get(job["id"]) or visit.store.get_training_job(UUID(job["id"]))
        every.append({**stored, **job})
    return every


def _is_busy(visit: Visit, found: Json) -> bool:
    """Whether something is under way that will look otherwise in a moment."""
    if any(job["status"] == JobStatus.RUNNING for job in found["items"]):
        return True
    # Without a worker what waits goes on waiting: there is nothing to look at every 2 seconds.
    return found["active"] > 0 and bool(Store(visit.services.database).get_health()["workers"])


def _fetch(visit: Visit, query: JobsQuery, *, cursor: str | None, limit: int) -> Json:
    def ask(**fields: Any) -> Json:
        return visit.store.list_job_summaries(visit.environment, **fields)

    fields = {"model_type": query.model_type, "status": query.status, "limit": limit}
    found = give_page("job_summaries", ask, {**fields, "cursor": cursor})
    if query.model_type not in {None, *(one["name"] for one in found["model_types"])}:
        # An empty list would hide it.
        raise InvalidRequest(f"There is no model type {query.model_type}.")
    return found


def _seconds(job: Json) -> float | None:
    """How long it was worked on."""
    if job["started_at"] is None or job["finished_at"] is None:
        return None
    began, ended = (datetime.fromisoformat(job[name]) for name in ("started_at", "finished_at"))
    return (ended - began).total_seconds()


def _export(visit: Visit, query: JobsQuery) -> Download:
    return export_csv(
        visit,
        f"jobs-{visit.environment}",
        _columns(visit),
        lambda cursor: _fetch(visit, query, cursor=cursor, limit=_ROWS_AT_A_TIME),
    )


def _columns(visit: Visit) -> Columns:
    """What is stored, and the sentence about it; the names are for programs, in no language."""

    def stored(name: str) -> Any:
        return lambda job: job[name]

    def resulting(name: str) -> Any:
        return lambda job: (job["result"] or {}).get(name)

    return {
        **{name: stored(name) for name in ("created_at", "started_at", "finished_at")},
        "seconds": lambda job: _seconds(dict(job)),
        **{name: stored(name) for name in ("model_type", "title", "environment", "status")},
        "what": lambda job: explain_job(visit.words, job),
        "who": lambda job: job["requested_by"].get("name"),
        "who_kind": lambda job: job["requested_by"].get("kind"),
        **{name: stored(name) for name in ("trigger", "reason", "force", "override_limits")},
        **{name: resulting(name) for name in ("model_version", "improvement", "deployed")},
        "id": stored("id"),
    }
