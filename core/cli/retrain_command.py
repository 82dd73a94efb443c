"""`refit retrain`: queue trainings, and say in one sentence what came of each."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from core.cli.options import AsOf, InEnvironment, JsonOutput, ModelTypeNames, read_time
from core.cli.output import interval_text, note, number, print_json, say
from core.cli.session import open_session
from core.cli.waiting import wait_for_jobs
from core.domain import JobStatus
from core.explanations.skips import is_limited

Json = dict[str, Any]


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("retrain")(retrain)


def retrain(
    model_types: ModelTypeNames = None,
    force: Annotated[
        bool,
        typer.Option(
            "--force", help="Also when the champion is healthy; cool-down and budget still count."
        ),
    ] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Wait, and show how far it is.")] = False,
    deploy: Annotated[
        bool, typer.Option("--deploy/--no-deploy", help="Let what is proven better serve.")
    ] = True,
    override_limits: Annotated[
        bool, typer.Option("--override-limits", help="Pass cool-down and budget.")
    ] = False,
    reason: Annotated[str | None, typer.Option("--reason", help="Kept with the job.")] = None,
    environment: InEnvironment = None,
    as_of: AsOf = None,
    as_json: JsonOutput = False,
) -> None:
    """Check the champions and train challengers for those that got worse.

    With --wait the exit status is 1 when a training failed, was cancelled, or was asked for with
    --force and did not happen; it is 0 when none was needed.
    """
    moment = read_time(as_of, "--as-of")
    with open_session() as session:
        jobs: list[Json] = session.store.trigger_retraining(
            model_types=model_types or None,
            force=force,
            override_limits=override_limits,
            environment=session.environment(environment),
            auto_deploy=deploy,
            reason=reason,
            as_of=moment,
        )["jobs"]
        for job in jobs:
            session.ring("retrain", job["id"])
            if job["coalesced"]:
                note(f"{job['model_type']}: joined the job that is active already.")
        if wait:
            jobs = wait_for_jobs(session, jobs)
    if as_json:
        print_json({"jobs": jobs})
    else:
        for job in jobs:
            say(outcome_sentence(job) if wait else f"{job['model_type']}: queued as {job['id']}")
    limited = [job["model_type"] for job in jobs if is_limited(job)]
    if limited:
        command = f"refit retrain {' '.join(limited)} --force --override-limits"
        note(f"An admin may train nevertheless: {command}")
    if not wait:
        _note_where_it_shows(jobs)
        return
    unwanted = {JobStatus.FAILED, JobStatus.CANCELLED, *([JobStatus.SKIPPED] if force else [])}
    if any(job["status"] in unwanted for job in jobs):
        raise typer.Exit(1)


def _note_where_it_shows(jobs: list[Json]) -> None:
    names = {job["model_type"] for job in jobs}
    ended = f"refit history {names.pop()}" if len(names) == 1 else "refit history"
    note(
        f"`refit status` shows how far it is, `{ended}` how it ended: "
        "cool-down or budget may skip it."
    )


def outcome_sentence(job: Json) -> str:
    """What came of a training job, for a person.

    Parameters
    ----------
    job : dict
        As ``get_training_job`` gives it, ended.
    """
    name, status = job["model_type"], JobStatus(job["status"])
    if status is JobStatus.SKIPPED:
        return f"{name} was not retrained: {job['skip_reason']}"
    if status is JobStatus.FAILED:
        return f"{name} failed: {job['error']['detail']}"
    if status is not JobStatus.SUCCEEDED:
        return f"{name} was {status}."
    result: Json = job["result"]
    trained = f"{name}: version {result['model_version']} was trained"
    if "verdict" not in result:
        return f"{trained}, not validated."
    if result["deployed"] and result["improvement"] is None:
        return f"{trained} and deployed, as the first champion. {result['reason']}"
    judged = f"{result['verdict']}{_improvement(result, job.get('validation'))}. {result['reason']}"
    if result["deployed"]:
        return f"{trained} and deployed: {judged}"
    refused: Json = result.get("deployment_error") or {}
    if refused:
        return f"{trained}, not deployed: {judged} It was not deployed: {refused['detail']}"
    if result["verdict"] == "inconclusive" and result["improvement"] is None:
        judged += (
            " More rows, other features or another --metric may decide; an admin may let it serve: "
            f"refit deploy {name} --force."
        )
    return f"{trained}, not deployed: {judged}"


def _improvement(result: Json, validation: Json | None) -> str:
    if result["improvement"] is None:
        return ""
    interval = (validation or {}).get("confidence_interval")
    return f", improvement {number(result['improvement'])}{interval_text(interval, '90 %')}"
