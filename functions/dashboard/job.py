"""One retraining: what happened and why, and what can be done about it."""

from __future__ import annotations

import json
import re
from typing import Any
from uuid import UUID

from core.domain import Environment, JobStatus, Role
from core.explanations.gates import explain_gate, gate_label, gate_meaning
from core.explanations.jobs import asked_by, explain_job, explain_trigger
from core.explanations.people import actor_name
from core.explanations.validations import validation_label
from core.explanations.why import explain_job_story
from functions.cancel_job import cancel_job
from functions.dashboard.job_stages import WIDTH, make_stages
from functions.dashboard.jobs import make_row, took
from functions.dashboard.visit import Page, Redirect, Visit
from functions.trigger_retraining import trigger_retraining

Json = dict[str, Any]

# What :func:`retry` writes; by it the page leads to the earlier job.
_RETRIED = re.compile(r"Retry of the job ([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})", re.ASCII)


def show_job(visit: Visit) -> Page:
    """Everything about one job, up to date while it runs."""
    job = visit.store.get_job_details(_id(visit))
    retried = _RETRIED.fullmatch(job["reason"] or "")
    return Page(
        template="job.html",
        values={
            "job": _shown(visit, job),
            "gates": _gates(visit, job),
            "stages": [
                {**stage, "took": took(visit, stage["seconds"])}
                for stage in make_stages(visit.words, job)
            ],
            "bars_width": WIDTH,
            "retried_id": retried[1] if retried else None,
            "no_retry": _refusal_to_retry(visit, job),
            "checks": job["force"] or _has_model_in_use(visit, job),
            "raw_error": json.dumps(job["error"], ensure_ascii=False, indent=2)
            if job["error"]
            else None,
        },
    )


def cancel(visit: Visit) -> Redirect:
    """Cancel a job that waits, or ask the worker of a running one to stop."""
    _ = visit.gettext
    # An operation's id, too, would be taken: this page is about jobs.
    job_id = visit.store.get_job_details(_id(visit))["id"]
    job = visit.perform(cancel_job, id=job_id)["job"]
    notice = (
        _("The retraining was asked to stop. It ends within seconds.")
        if job["status"] == JobStatus.RUNNING
        else _("The retraining is cancelled.")
    )
    return Redirect(location=visit.url(f"jobs/{job['id']}"), notice=notice)


def retry(visit: Visit) -> Redirect:
    """Ask once more for what a job was asked for."""
    _ = visit.gettext
    job = visit.store.get_job_details(_id(visit))
    (made,) = visit.perform(
        trigger_retraining,
        model_types=[job["model_type"]],
        environment=Environment(job["environment"]),
        force=job["force"],
        override_limits=job["override_limits"],
        auto_validate=job["auto_validate"],
        auto_deploy=job["auto_deploy"],
        notify=job["notify"],
        as_of=job["as_of"],
        reason=f"Retry of the job {job['id']}",
    )["jobs"]
    notice = (
        _("A retraining was waiting or running already; your request joined it.")
        if made["coalesced"]
        else _("It is asked for once more. This page follows the new retraining.")
    )
    return Redirect(location=visit.url(f"jobs/{made['id']}"), notice=notice)


def _id(visit: Visit) -> UUID:
    return UUID(visit.values["id"])


def _shown(visit: Visit, job: Json) -> Json:
    words = visit.words
    status = JobStatus(job["status"])
    return {
        **make_row(visit, job),
        "what": explain_job(words, job, cancelled_by=job["cancelled_by"]),
        "who": asked_by(words, job),
        # Of these two it is said already who asked.
        "why": None
        if job["trigger"] in {"manual", "schedule"}
        else explain_trigger(words, job["trigger"]),
        "steps": explain_job_story(words, job, metric=job["metric"]) if status.is_final else [],
        "is_active": not status.is_final,
        "is_running": status is JobStatus.RUNNING,
        "joined": [{**one, "who": actor_name(words, one["requested_by"])} for one in job["joined"]],
    }


def _has_model_in_use(visit: Visit, job: Json) -> bool:
    """Whether there is, or was when the job looked, a model in use that it could check first."""
    check = job["check_result"] or {}
    if check or job["status"] == JobStatus.SUCCEEDED:
        # A model type's first training finds none to check.
        return check.get("model_id") is not None
    environment = Environment(job["environment"])
    return visit.store.get_champion(job["model_type"], environment) is not None


def _gates(visit: Visit, job: Json) -> Json | None:
    """The tests that the new model had to pass; None where it was not judged."""
    validation, words = job["validation"], visit.words
    if validation is None:
        return None
    return {
        "verdict": validation_label(words, validation["verdict"]),
        "tone": {"approved": "good", "rejected": "bad"}.get(validation["verdict"], "warn"),
        "rows": [
            {
                "name": gate["name"],
                "passed": gate["passed"],
                "label": gate_label(words, gate["name"]),
                "meaning": gate_meaning(words, gate["name"]),
                "found": explain_gate(words, gate, metric=job["metric"]),
            }
            for gate in validation["gates"]
        ],
    }


def _refusal_to_retry(visit: Visit, job: Json) -> str | None:
    """Why nobody, or not this viewer, can ask for the same again; None: they can."""
    _ = visit.gettext
    refusal: str | None = None
    if not job["enabled"]:
        refusal = _("This model is switched off. An admin can switch it on in its settings.")
    elif (job["override_limits"] or job["as_of"]) and not visit.viewer.may(Role.ADMIN):
        refusal = _(
            "Only an admin may ask for this again: it passes limits, or judges another time."
        )
    return refusal
