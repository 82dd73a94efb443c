"""The Dramatiq actors: an id comes in, the row is claimed, a child does the work, SQL ends it.

An actor may be rung twice, late, or for work that is done: then the claim finds nothing. Dramatiq
never retries here; trying again is the database's decision.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any
from uuid import UUID

import dramatiq
import structlog
from dramatiq.brokers.redis import RedisBroker

from core.domain import ClaimedOperation, JobStatus
from core.errors import DatabaseUnavailable, JobCancelled, LeaseLost, RefitError, TrainingFailed
from core.queue import QUEUE
from core.store import LEASE_SECONDS
from core.worker.context import WorkerContext
from core.worker.isolation import run_in_child
from core.worker.leases import LeaseKeeper, WorkerLeaving
from core.worker.operations import OperationTask, run_operation
from core.worker.retraining import TrainingTask, retrain

_log = structlog.get_logger(__name__)

# A person waits for an operation, nobody for a training: lower comes first.
_PRIORITY = {"retrain": 10}


def declare_actors(broker: RedisBroker, context: WorkerContext) -> None:
    """Register the four actors with the broker of this process."""

    def do_retrain(work_id: str) -> None:
        work_on_job(context, UUID(work_id))

    def do_operation(work_id: str) -> None:
        work_on_operation(context, UUID(work_id))

    actors: dict[str, Callable[[str], None]] = {
        "retrain": do_retrain,
        "check_performance": do_operation,
        "validate_models": do_operation,
        "deploy_model": do_operation,
    }
    for name, function in actors.items():
        declare = dramatiq.actor(
            actor_name=name, queue_name=QUEUE, broker=broker, priority=_PRIORITY.get(name, 0)
        )
        declare(function)


def work_on_job(context: WorkerContext, job_id: UUID) -> None:
    """Claim a training job and see it to its end."""
    store = context.store
    job = store.claim_training_job(job_id, context.name)
    if job is None:
        return
    log = _log.bind(job_id=str(job.id), model_type=job.model_type.name, attempt=job.attempt)
    log.info("job_claimed")

    def heartbeat(said: list[dict[str, Any]]) -> bool:
        return store.heartbeat_training_job(
            job,
            stage=said[-1]["stage"] if said else None,
            progress=said[-1]["progress"] if said else None,
            lines=[{"level": "info", "message": m["line"]} for m in said if m["line"]],
        )

    try:
        outcome = _in_child(
            context,
            retrain,
            TrainingTask(job=job, resources=context.resources),
            LeaseKeeper(heartbeat, context.leaving),
        )
        row = _finished(lambda: store.finish_training_job(job, outcome))
    except WorkerLeaving:
        store.release_training_job(job)
        log.info("job_released")
        return
    except LeaseLost as exc:
        log.warning("lease_lost", detail=exc.message)
        return
    log.info("job_finished", status=row["status"], result=row["result"], error=row["error"])
    _ring_again(context, "retrain", row)


def work_on_operation(context: WorkerContext, operation_id: UUID) -> None:
    """Claim an operation and see it to its end."""
    store = context.store
    operation = store.claim_operation(operation_id, context.name)
    if operation is None:
        return
    log = _log.bind(operation_id=str(operation.id), kind=str(operation.kind))
    try:
        outcome = _in_child(
            context,
            run_operation,
            OperationTask(operation=operation, resources=context.resources),
            LeaseKeeper(lambda _: store.heartbeat_operation(operation), context.leaving),
        )
        row = _finished(lambda: store.finish_operation(operation, outcome))
    except WorkerLeaving:
        store.release_operation(operation)
        log.info("operation_released")
        return
    except LeaseLost as exc:
        log.warning("lease_lost", detail=exc.message)
        return
    log.info("operation_finished", status=row["status"], error=row["error"])
    _report_mismatches(context, operation, outcome)
    _ring_again(context, _actor_of(operation), row)


def _in_child(
    context: WorkerContext,
    function: Callable[..., Any],
    task: Any,
    lease: LeaseKeeper,
) -> dict[str, Any]:
    """The child's outcome; an error becomes the outcome of a failed or cancelled piece of work."""
    try:
        outcome: dict[str, Any] = run_in_child(
            function, task, limits=context.limits, on_message=lease.hear, on_tick=lease.tick
        )
        return outcome
    except JobCancelled:
        return {"status": "cancelled"}
    except LeaseLost:
        raise
    except RefitError as exc:
        _log.warning(
            "work_failed",
            error=exc.problem,
            detail=str(exc),
            traceback=exc.child_traceback if isinstance(exc, TrainingFailed) else None,
        )
        error = {"type": exc.problem, "status": exc.status, "detail": str(exc)}
        return {"status": "failed", "retry": exc.transient, "error": error}


def _finished(finish: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """End the work; a database that is away is waited for as long as the lease lasts."""
    deadline = time.monotonic() + LEASE_SECONDS
    while True:
        try:
            return finish()
        except DatabaseUnavailable:
            if time.monotonic() > deadline:
                raise LeaseLost("The database was away when the work ended.") from None
            time.sleep(0.5)


def _ring_again(context: WorkerContext, actor: str, row: dict[str, Any]) -> None:
    if row["status"] == JobStatus.QUEUED:
        context.doorbell.ring(actor, row["id"])


def _report_mismatches(
    context: WorkerContext, operation: ClaimedOperation, outcome: dict[str, Any]
) -> None:
    for item in outcome.get("results", []):
        if message := item.get("artifact_mismatch"):
            answer = context.store.report_artifact_mismatch(
                UUID(item["deployment_id"]), worker=context.name, message=message
            )
            for job in answer["jobs"]:
                context.doorbell.ring("retrain", job["id"])


def _actor_of(operation: ClaimedOperation) -> str:
    return {
        "check": "check_performance",
        "validation": "validate_models",
        "deployment": "deploy_model",
    }[str(operation.kind)]
