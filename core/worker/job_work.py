"""One training job from its claim to its end, as the worker sees to it."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import structlog

from core.domain import ClaimedJob
from core.errors import JobCancelled, LeaseLost, RefitError
from core.worker.context import WorkerContext
from core.worker.ending import (
    hand_back,
    log_failure,
    report_mismatch,
    ring_when_queued,
    write_outcome,
)
from core.worker.failures import failure
from core.worker.isolation import run_in_child
from core.worker.leases import LeaseKeeper, WorkerLeaving
from core.worker.messages import ArtifactMismatch, Progress
from core.worker.plain_json import plain_json
from core.worker.tasks import Outcome, TrainingTask, do_training

_ACTOR = "retrain"

_log = structlog.get_logger(__name__)


def work_on_job(context: WorkerContext, job_id: UUID) -> None:
    """Claim a training job and see it to its end; does nothing when there is nothing to claim.

    Raises
    ------
    DatabaseUnavailable
        Before it was claimed.
    """
    store = context.store
    job = store.claim_training_job(job_id, context.name)
    if job is None:
        return
    log = _log.bind(job_id=str(job.id), model_type=job.model_type.name, attempt=job.attempt)
    log.info("job_claimed")
    try:
        outcome = _trained(context, job)
        row = write_outcome(lambda o: store.finish_training_job(job, o), outcome)
    except WorkerLeaving:
        hand_back(context, _ACTOR, job.id, lambda: store.release_training_job(job))
    except LeaseLost as exc:
        log.warning("lease_lost", detail=exc.message)
    else:
        log.info("job_finished", status=row["status"], result=row["result"], error=row["error"])
        ring_when_queued(context, _ACTOR, row)


def _trained(context: WorkerContext, job: ClaimedJob) -> Outcome:
    """What came of it: an error, too, is an outcome."""

    def heartbeat(said: Sequence[Progress]) -> bool:
        return context.store.heartbeat_training_job(
            job,
            stage=said[-1].stage if said else None,
            progress=said[-1].progress if said else None,
            lines=[{"level": "info", "message": plain_json(p.line)} for p in said if p.line],
        )

    def hear(message: Progress | ArtifactMismatch) -> None:
        match message:
            case Progress():
                lease.hear(message)
            case ArtifactMismatch():
                report_mismatch(context, message)

    lease = LeaseKeeper(heartbeat, context.leaving)
    try:
        try:
            outcome: Outcome = run_in_child(
                do_training,
                TrainingTask(job=job, resources=context.resources),
                limits=context.limits,
                on_message=hear,
                on_tick=lease.tick,
            )
        except RefitError as exc:
            if isinstance(exc, (JobCancelled, LeaseLost)):
                raise
            log_failure(exc, job_id=str(job.id), model_type=job.model_type.name)
            outcome = failure(exc)
        lease.pass_on()
    except JobCancelled:
        return {"status": "cancelled"}
    return outcome
