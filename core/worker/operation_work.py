"""One operation from its claim to its end, as the worker sees to it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import structlog

from core.domain import ClaimedOperation, OperationKind, Target
from core.errors import JobCancelled, LeaseLost
from core.worker.context import WorkerContext
from core.worker.ending import (
    hand_back,
    log_failure,
    report_mismatch,
    ring_when_queued,
    write_outcome,
)
from core.worker.failures import error_json, failure
from core.worker.isolation import run_in_child
from core.worker.leases import LeaseKeeper, WorkerLeaving
from core.worker.messages import ArtifactMismatch, Progress
from core.worker.tasks import Outcome, TargetTask, do_target

_ACTORS = {
    OperationKind.CHECK: "check_performance",
    OperationKind.VALIDATION: "validate_models",
    OperationKind.DEPLOYMENT: "deploy_model",
}

_log = structlog.get_logger(__name__)


def work_on_operation(context: WorkerContext, operation_id: UUID) -> None:
    """Claim an operation and see it to its end; does nothing when there is nothing to claim.

    Raises
    ------
    DatabaseUnavailable
        Before it was claimed.
    """
    operation = context.store.claim_operation(operation_id, context.name)
    if operation is None:
        return
    with structlog.contextvars.bound_contextvars(
        request_id=operation.request_id,
        operation_id=str(operation.id),
        kind=str(operation.kind),
        attempt=operation.attempt,
    ):
        _log.info("operation_claimed")
        _see_to(context, operation)


def _see_to(context: WorkerContext, operation: ClaimedOperation) -> None:
    store, actor = context.store, _ACTORS[operation.kind]
    try:
        outcome = _worked_on(context, operation)
        row = write_outcome(lambda o: store.finish_operation(operation, o), outcome)
    except WorkerLeaving:
        hand_back(context, actor, operation.id, lambda: store.release_operation(operation))
    except LeaseLost as exc:
        _log.warning("lease_lost", detail=exc.message)
    else:
        _log.info("operation_finished", status=row["status"], error=row["error"])
        context.note_end(actor, row["status"])
        ring_when_queued(context, actor, row)


def _worked_on(context: WorkerContext, operation: ClaimedOperation) -> Outcome:
    """Each target in a child of its own: one that fails, however badly, does not stop the others.

    Only what may pass by itself (the database is away) ends the whole operation, to be tried again.
    """
    lease = LeaseKeeper(lambda _: context.store.heartbeat_operation(operation), context.leaving)
    results: list[Outcome] = []
    errors: list[dict[str, Any]] = []
    for target in operation.targets:
        try:
            results.append(_target_result(context, operation, target, lease))
        except JobCancelled:
            return {"status": "cancelled"}
        except (LeaseLost, WorkerLeaving):
            raise
        except Exception as exc:  # noqa: BLE001 - left alone, it would look like a lost worker
            error = log_failure(exc, model_type=target.model_type.name)
            if error.transient:
                return failure(error)
            errors.append(
                {
                    "model_type": target.model_type.name,
                    "model_id": target.model and str(target.model.id),
                    **error_json(error),
                }
            )
    return {"status": "succeeded", "results": results, "errors": errors}


def _target_result(
    context: WorkerContext, operation: ClaimedOperation, target: Target, lease: LeaseKeeper
) -> Outcome:
    def hear(message: Progress | ArtifactMismatch) -> None:
        if isinstance(message, ArtifactMismatch):
            report_mismatch(context, message)

    result: Outcome = run_in_child(
        do_target,
        TargetTask(operation=operation, target=target, resources=context.resources),
        limits=context.limits,
        on_message=hear,
        on_tick=lease.tick,
    )
    return result
