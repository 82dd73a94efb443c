"""`refit history`: what happened, newest first."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any

import typer

from core.cli.options import InEnvironment, JsonOutput
from core.cli.output import local_time, print_json, print_table, say
from core.cli.retrain_command import outcome_sentence
from core.cli.session import Session, open_session
from core.domain import Environment, JobStatus

Json = dict[str, Any]

# What became of a deployment.
_SINCE = {
    "active": "it serves",
    "retired": "another has replaced it",
    "rolled_back": "it was rolled back",
}


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("history")(history)


def history(
    model_type: Annotated[str | None, typer.Argument(help="Default: all.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=200, help="At most so many.")] = 20,
    environment: InEnvironment = None,
    as_json: JsonOutput = False,
) -> None:
    """Trainings, checks and deployments with their outcome."""
    with open_session() as session:
        if model_type is not None:
            session.store.get_model_type(model_type)
        found = [*_events(session, model_type, session.environment(environment), limit)]
    found.sort(key=lambda event: datetime.fromisoformat(event["at"]), reverse=True)
    found = found[:limit]
    if as_json:
        print_json({"items": found})
    elif not found:
        say("Nothing has happened yet.")
    else:
        print_table(
            ("when", "what", "outcome"),
            [(local_time(e["at"]), e["kind"], e["summary"]) for e in found],
        )


def _events(
    session: Session, model_type: str | None, environment: Environment, limit: int
) -> Iterator[Json]:
    """The newest of each kind, one shape for all: at, kind, model_type, id, summary, detail."""
    page: Json = {"model_type": model_type, "environment": environment, "limit": limit}
    for job in session.store.list_training_jobs(**page)["items"]:
        yield _event(job["created_at"], "training", job, _job_summary(job))
    for check in session.store.list_metrics(**page)["items"]:
        summary = f"{check['model_type']}: {check['verdict'].replace('_', ' ')}. {check['reason']}"
        yield _event(check["recorded_at"], "check", check, summary)
    for deployment in session.store.list_deployments(**page)["items"]:
        yield _event(
            deployment["created_at"], "deployment", deployment, _deployment_summary(deployment)
        )


def _event(at: str, kind: str, row: Json, summary: str) -> Json:
    return {
        "at": at,
        "kind": kind,
        "model_type": row["model_type"],
        "id": row["id"],
        "summary": summary,
        "detail": row,
    }


def _deployment_summary(deployment: Json) -> str:
    fit = deployment["serves"].replace("_", " ")
    return (
        f"{deployment['model_type']} version {deployment['model_version']} was deployed to "
        f"{deployment['environment']} ({fit}); {_SINCE[deployment['status']]}."
    )


def _job_summary(job: Json) -> str:
    if JobStatus(job["status"]).is_final:
        return outcome_sentence(job)
    return f"{job['model_type']} is {job['status']}: {job['stage'].replace('_', ' ')}."
