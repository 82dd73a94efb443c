"""`refit check`, `validate`, `deploy`, `rollback`, `cancel`: asking for operations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

import typer

from core.cli.model_display import (
    deployment_sentence,
    show_checks,
    show_deployments,
    show_validations,
)
from core.cli.options import AsOf, InEnvironment, JsonOutput, ModelTypeNames, Wait, read_time
from core.cli.output import note, print_json, say
from core.cli.session import Session, open_session
from core.cli.waiting import wait_for_operation
from core.errors import InvalidRequest

Json = dict[str, Any]

ModelIds = Annotated[
    list[UUID] | None, typer.Option("--model-id", help="A model, instead of a model type.")
]
WantedTypes = Annotated[
    list[str] | None,
    typer.Argument(metavar="[MODEL_TYPE]...", help="The newest model of each."),
]


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (check, validate, deploy, rollback, cancel):
        app.command()(command)


def check(
    model_types: ModelTypeNames = None,
    threshold: Annotated[
        float | None, typer.Option("--threshold", help="A drop that matters, this time only.")
    ] = None,
    time_window: Annotated[
        int, typer.Option("--time-window", help="Days of labelled rows to look at.")
    ] = 7,
    environment: InEnvironment = None,
    as_of: AsOf = None,
    wait: Wait = True,
    as_json: JsonOutput = False,
) -> None:
    """Has a champion got worse? Its metric on newly labelled rows, with the verdict."""
    moment = read_time(as_of, "--as-of")
    with open_session() as session:
        operation_id = session.store.request_check(
            model_types=model_types or None,
            threshold=threshold,
            time_window=time_window,
            environment=session.environment(environment),
            as_of=moment,
        )
        session.ring("check_performance", operation_id)
        result = _result(session, operation_id, "Checking", wait=wait)
    _show(result, show_checks, as_json=as_json)


def validate(
    model_types: WantedTypes = None,
    model_ids: ModelIds = None,
    job_ids: Annotated[
        list[UUID] | None, typer.Option("--job-id", help="The model that this job trained.")
    ] = None,
    environment: InEnvironment = None,
    as_of: AsOf = None,
    wait: Wait = True,
    as_json: JsonOutput = False,
) -> None:
    """Judge models against the champion, gate by gate."""
    _require_one(model_types, model_ids, job_ids)
    moment = read_time(as_of, "--as-of")
    with open_session() as session:
        operation_id = session.store.request_validation(
            model_types=model_types or None,
            model_ids=model_ids or None,
            job_ids=job_ids or None,
            environment=session.environment(environment),
            as_of=moment,
        )
        session.ring("validate_models", operation_id)
        result = _result(session, operation_id, "Validating", wait=wait)
    _show(result, show_validations, as_json=as_json)


def deploy(
    model_types: Annotated[
        list[str] | None,
        typer.Argument(metavar="[MODEL_TYPE]...", help="The newest approved model of each."),
    ] = None,
    model_ids: ModelIds = None,
    force: Annotated[
        bool, typer.Option("--force", help="Also a model that is not approved.")
    ] = False,
    reason: Annotated[str | None, typer.Option("--reason", help="Kept with it.")] = None,
    environment: InEnvironment = None,
    as_of: AsOf = None,
    wait: Wait = True,
    as_json: JsonOutput = False,
) -> None:
    """Let an approved model serve."""
    _require_one(model_types, model_ids)
    moment = read_time(as_of, "--as-of")
    with open_session() as session:
        operation_id = session.store.request_deployment(
            model_types=model_types or None,
            model_ids=model_ids or None,
            force=force,
            reason=reason,
            environment=session.environment(environment),
            as_of=moment,
        )
        session.ring("deploy_model", operation_id)
        result = _result(session, operation_id, "Deploying", wait=wait)
    _show(result, show_deployments, as_json=as_json)


def rollback(
    model_type: str,
    reason: Annotated[str, typer.Option("--reason", help="Why; kept with the model.")],
    environment: InEnvironment = None,
    as_json: JsonOutput = False,
) -> None:
    """Go back to the model that served before; the one that serves now never will again."""
    with open_session() as session:
        answer = session.store.rollback_model(
            model_type, reason=reason, environment=session.environment(environment)
        )
    if as_json:
        print_json(answer)
    else:
        say(deployment_sentence(answer["deployment"]))


def cancel(work_id: UUID, as_json: JsonOutput = False) -> None:
    """Cancel a training job, check, validation or deployment that is queued or running."""
    with open_session() as session:
        answer = session.store.cancel_job(work_id)
    work = answer.get("job") or answer["operation"]
    what = f"The training of {work['model_type']}" if "job" in answer else f"The {work['kind']}"
    if as_json:
        print_json(answer)
    elif work["status"] == "running":
        say(f"{what} runs: its worker was asked to stop.")
    else:
        say(f"{what} is cancelled.")


def _require_one(*given: Sequence[object] | None) -> None:
    if sum(bool(names) for names in given) != 1:
        raise InvalidRequest(
            "Name what is meant in one way: model types, or an option with ids.",
            hint="For example a model type: `refit model-types list` shows them.",
        )


def _result(session: Session, operation_id: UUID, what: str, *, wait: bool) -> Json:
    if not wait:
        return {"operation_id": str(operation_id)}
    operation = wait_for_operation(session, operation_id, what)
    return {"operation_id": str(operation_id), **operation["result"]}


def _show(result: Json, show: Any, *, as_json: bool) -> None:
    """Print a result; targets that failed are named on stderr, and the exit code is 1."""
    if as_json:
        print_json(result)
    elif "errors" not in result:
        say(f"Queued as operation {result['operation_id']}.")
    else:
        show(result)
    for error in result.get("errors", []):
        note(f"error: {error['model_type']}: {error['detail']}")
    if result.get("errors"):
        raise typer.Exit(1)
