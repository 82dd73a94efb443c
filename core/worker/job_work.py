"""One training job from its claim to its end, as the worker sees to it."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import structlog

from core.domain import ClaimedJob, JobStatus
from core.errors import ArtifactError, JobCancelled, LeaseLost
from core.worker.context import WorkerContext
from core.worker.ending import (
    Row,
    hand_back,
    log_failure,
    report_mismatch,
    ring_when_queued,
    write_outcome,
)
from core.worker.failures import failure
from core.worker.isolation import run_in_child
from core.worker.leases import LeaseKeeper, WorkerLeaving
from core.worker.messages import ArtifactMismatch, Message, Progress, TrainingBegins
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
    job = context.store.claim_training_job(job_id, context.name)
    if job is None:
        return
    with structlog.contextvars.bound_contextvars(
        request_id=job.request_id,
        job_id=str(job.id),
        model_type=job.model_type.name,
        attempt=job.attempt,
    ):
        _log.info("job_claimed")
        _see_to(context, job)


def _see_to(context: WorkerContext, job: ClaimedJob) -> None:
    store = context.store
    mismatches: list[ArtifactMismatch] = []
    try:
        outcome = _trained(context, job, mismatches)
        row = write_outcome(lambda o: store.finish_training_job(job, o), outcome)
    except WorkerLeaving:
        hand_back(context, _ACTOR, job.id, lambda: store.release_training_job(job))
    except LeaseLost as exc:
        _log.warning("lease_lost", detail=exc.message)
    else:
        _log.info("job_finished", status=row["status"], result=row["result"], error=row["error"])
        context.note_end(_ACTOR, row["status"])
        context.callbacks_due.set()
        ring_when_queued(context, _ACTOR, row)
        if mismatches and _gave_up_on_champion(job, row):
            report_mismatch(context, mismatches[-1])


def _gave_up_on_champion(job: ClaimedJob, row: Row) -> bool:
    """Whether it did not train because the champion cannot be loaded.

    While it ran it was itself the retraining that the mismatch asks for. Now it is over, and a
    forced one goes on without the champion. Forced jobs ask for no other.
    """
    failed = row["status"] == JobStatus.FAILED
    return failed and not job.force and row["error"]["type"] == ArtifactError.problem


class TrainingRefused(Exception):
    """Cool-down or budget forbid the training; ``outcome`` says so, and what was found before."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome["skip_reason"])
        self.outcome = outcome


def _require_allowed(context: WorkerContext, job: ClaimedJob, begins: TrainingBegins) -> None:
    answer = context.store.begin_training(job)
    if not answer["allowed"]:
        raise TrainingRefused(
            begins.outcome
            | {
                "status": "skipped",
                "skip_reason": answer["reason"],
                "skip_figures": answer.get("figures"),
            }
        )


def _trained(
    context: WorkerContext, job: ClaimedJob, mismatches: list[ArtifactMismatch]
) -> Outcome:
    """What came of it: an error, too, is an outcome. What it says of the champion is kept."""

    def heartbeat(said: Sequence[Progress]) -> bool:
        return context.store.heartbeat_training_job(
            job,
            stage=said[-1].stage if said else None,
            progress=said[-1].progress if said else None,
            lines=[{"level": "info", "message": plain_json(p.line)} for p in said if p.line],
        )

    def hear(message: Message) -> None:
        match message:
            case Progress():
                lease.hear(message)
            case ArtifactMismatch():
                mismatches.append(message)
                report_mismatch(context, message)
            case TrainingBegins():
                _require_allowed(context, job, message)
                begun.update(message.outcome)

    lease = LeaseKeeper(heartbeat, context.leaving)
    begun: Outcome = {}
    try:
        try:
            outcome: Outcome = run_in_child(
                do_training,
                TrainingTask(job=job, resources=context.resources),
                limits=context.limits,
                on_message=hear,
                on_tick=lease.tick,
            )
        except (JobCancelled, LeaseLost, WorkerLeaving):
            raise
        except TrainingRefused as exc:
            outcome = exc.outcome
        except Exception as exc:  # noqa: BLE001 - left alone, it would look like a lost worker
            error = log_failure(exc)
            outcome = begun | failure(error)
        lease.pass_on()
    except JobCancelled:
        return {"status": "cancelled"}
    return outcome
