"""How a piece of work ends: its outcome written, or handed back."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import structlog

from core.domain import JobStatus
from core.errors import DatabaseUnavailable, LeaseLost, RefitError, TrainingFailed
from core.store import LEASE_SECONDS
from core.worker.context import WorkerContext
from core.worker.failures import as_own_error, failure
from core.worker.messages import ArtifactMismatch
from core.worker.tasks import Outcome

_RETRY_SECONDS = 0.5

Row = dict[str, Any]

_log = structlog.get_logger(__name__)


def write_outcome(finish: Callable[[Outcome], Row], outcome: Outcome) -> Row:
    """End the work with its outcome, or as failed when that outcome cannot be written.

    Raises
    ------
    LeaseLost
        Also when the database was away for as long as a lease lasts.
    """
    try:
        return _patiently(finish, outcome)
    except LeaseLost:
        raise
    except Exception as exc:  # noqa: BLE001
        # Unfinished, it would be taken for the work of a lost worker, and tried again.
        error = as_own_error(exc)
        _log.exception("outcome_refused", error=error.problem)
        return _patiently(finish, failure(error))


def _patiently(finish: Callable[[Outcome], Row], outcome: Outcome) -> Row:
    deadline = time.monotonic() + LEASE_SECONDS
    while True:
        try:
            return finish(outcome)
        except DatabaseUnavailable as exc:
            if time.monotonic() > deadline:
                raise LeaseLost("The database was away when the work ended.") from exc
            time.sleep(_RETRY_SECONDS)


def hand_back(
    context: WorkerContext, actor: str, work_id: object, release: Callable[[], None]
) -> None:
    """Give the work back at once, and ring for another worker."""
    try:
        release()
    except RefitError as exc:
        _log.warning("not_released", id=str(work_id), error=exc.problem)
        return
    _log.info("work_released", id=str(work_id))
    context.doorbell.ring(actor, str(work_id))


def ring_when_queued(context: WorkerContext, actor: str, row: Row) -> None:
    """Work that ended by being queued again is rung for at once."""
    if row["status"] == JobStatus.QUEUED:
        context.doorbell.ring(actor, row["id"])


def log_failure(exc: Exception, **fields: Any) -> RefitError:
    """Say what went wrong, and give it as an error of ours; where it did is for the log alone."""
    error = as_own_error(exc)
    _log.warning(
        "work_failed",
        error=error.problem,
        detail=str(error),
        traceback=error.child_traceback if isinstance(error, TrainingFailed) else None,
        exc_info=None if error is exc else exc,
        **fields,
    )
    return error


def report_mismatch(context: WorkerContext, mismatch: ArtifactMismatch) -> None:
    """Alert and queue a retraining: a champion no longer predicts what it did.

    Where a retraining of the model type is under way, it is that one.
    """
    try:
        answer = context.store.report_artifact_mismatch(
            mismatch.deployment_id, worker=context.name, message=mismatch.detail
        )
    except RefitError as exc:
        # The next check will see it again.
        _log.warning("mismatch_not_reported", detail=mismatch.detail, error=exc.problem)
        return
    for job in answer["jobs"]:
        if not job["coalesced"]:
            context.doorbell.ring("retrain", job["id"])
