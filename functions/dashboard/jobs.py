"""Every retraining there was: to see, to filter, to keep as a file."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, Literal

from core.domain import Environment, JobStatus
from core.errors import InvalidRequest
from core.explanations.jobs import asked_by, explain_job, job_label, stage_label
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
    asked = visit.store.list_requested_jobs(query.asked) if query.asked else []
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
            "active": found["active"],
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
    """What came of one model type of a request."""
    _ = visit.gettext
    if job["for_follow_up"]:
        said = _("A retraining runs already; what you asked for follows when it ends.")
    elif job["joined"]:
        said = _("A retraining was waiting or running already; your request joined it.")
    else:
        said = _("A retraining was started.")
    return {
        **job,
        "said": said,
        "label": job_label(visit.words, job["status"]),
        "tone": JOB_TONES.get(job["status"], "none"),
    }


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
    _, words = visit.gettext, visit.words
    return {
        _("Model"): lambda job: job["title"],
        _("Name"): lambda job: job["model_type"],
        _("Status"): lambda job: job_label(words, job["status"]),
        _("What happened"): lambda job: explain_job(words, job),
        _("Asked for by"): lambda job: asked_by(words, job),
        _("Reason given"): lambda job: job["reason"],
        _("Even if healthy"): lambda job: job["force"],
        _("Asked at"): lambda job: job["created_at"],
        _("Began at"): lambda job: job["started_at"],
        _("Ended at"): lambda job: job["finished_at"],
        _("Seconds"): lambda job: _seconds(dict(job)),
        _("Version made"): lambda job: (job["result"] or {}).get("model_version"),
        _("Improvement"): lambda job: (job["result"] or {}).get("improvement"),
        _("Deployed"): lambda job: (job["result"] or {}).get("deployed"),
        _("Environment"): lambda job: job["environment"],
        _("Id"): lambda job: job["id"],
    }
