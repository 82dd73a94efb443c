"""The machinery of workers and schedulers: each method is one SQL function of the service role."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from core.domain import (
    Actor,
    ClaimedJob,
    ClaimedOperation,
    Role,
    StandingKey,
    User,
)
from core.store.caller import Caller, Json

LEASE_SECONDS = 30


class Machinery(Caller):
    """How work is claimed, held, ended and lost."""

    def find_api_key(self, key_hash: str) -> Actor | None:
        """Who a machine key is, or None when there is no standing one."""
        key = self.find_standing_key(key_hash)
        return None if key is None else key.actor

    def find_standing_key(self, key_hash: str) -> StandingKey | None:
        """Who a machine key is and how long it stands, or None when there is no such one."""
        row = self._work("find_api_key", p_key_hash=key_hash)
        return row and StandingKey(
            actor=Actor(kind="key", id=row["id"], name=row["name"], role=Role(row["role"])),
            expires_in_s=row["expires_in_seconds"],
        )

    def claim_training_job(self, job_id: UUID, worker: str) -> ClaimedJob | None:
        """Take a queued job under a lease; None when there is nothing to take (any more)."""
        row = self._work(
            "claim_training_job", p_id=job_id, p_worker=worker, p_lease_seconds=LEASE_SECONDS
        )
        return row and ClaimedJob.from_row(row)

    def heartbeat_training_job(
        self,
        job: ClaimedJob,
        *,
        stage: str | None = None,
        progress: float | None = None,
        lines: Sequence[Mapping[str, str]] = (),
    ) -> bool:
        """Extend the lease; returns whether somebody asked that it stops.

        Raises
        ------
        LeaseLost
            When another worker may hold it: stop, and write nothing.
        """
        row = self._work(
            "heartbeat_training_job",
            p_id=job.id,
            p_lease_token=job.lease_token,
            p_lease_seconds=LEASE_SECONDS,
            p_stage=stage,
            p_progress=progress,
            p_lines=[dict(line) for line in lines] or None,
        )
        return bool(row["cancel_requested"])

    def begin_training(self, job: ClaimedJob) -> Json:
        """Ask whether cool-down and budget allow the training, and count it: once for a job.

        It is also written down as an attempt to replace the champion, which the next claims know
        of. A job that judges a model which was brought trains nothing, and is not counted.

        Returns
        -------
        dict
            ``allowed``; where it is False also ``reason``, the ``figures`` that it was made from,
            and ``until``, the time from which on the next one may begin.
        """
        answer: Json = self._work("begin_training", p_id=job.id, p_lease_token=job.lease_token)
        return answer

    def release_training_job(self, job: ClaimedJob) -> None:
        """Hand a job back at once; the attempt does not count."""
        self._work("release_training_job", p_id=job.id, p_lease_token=job.lease_token)

    def finish_training_job(self, job: ClaimedJob, outcome: Mapping[str, Any]) -> Json:
        """End a job with everything that came of it, in one transaction.

        Returns
        -------
        dict
            The job, and ``follow_up_id``: the job that was queued behind it, or None. The sweep
            rings for that one within seconds; whoever finishes may do it at once.
        """
        answer: Json = self._work(
            "finish_training_job",
            p_id=job.id,
            p_lease_token=job.lease_token,
            p_outcome=dict(outcome),
        )
        return answer

    def claim_operation(self, operation_id: UUID, worker: str) -> ClaimedOperation | None:
        """Take a queued operation under a lease; None when there is nothing to take."""
        row = self._work(
            "claim_operation",
            p_id=operation_id,
            p_worker=worker,
            p_lease_seconds=LEASE_SECONDS,
        )
        return row and ClaimedOperation.from_row(row)

    def heartbeat_operation(self, operation: ClaimedOperation) -> bool:
        """Extend the lease; returns whether somebody asked that it stops."""
        row = self._work(
            "heartbeat_operation",
            p_id=operation.id,
            p_lease_token=operation.lease_token,
            p_lease_seconds=LEASE_SECONDS,
        )
        return bool(row["cancel_requested"])

    def release_operation(self, operation: ClaimedOperation) -> None:
        """Hand an operation back at once; the attempt does not count."""
        self._work("release_operation", p_id=operation.id, p_lease_token=operation.lease_token)

    def finish_operation(self, operation: ClaimedOperation, outcome: Mapping[str, Any]) -> Json:
        """End an operation and write what came of it; a deployment swaps the champion here.

        Each result of a deployment names the ``artifact_hash`` that its worker has checked: where
        another would serve by now, the swap is refused.
        """
        answer: Json = self._work(
            "finish_operation",
            p_id=operation.id,
            p_lease_token=operation.lease_token,
            p_outcome=dict(outcome),
        )
        return answer

    def report_artifact_mismatch(self, deployment_id: UUID, *, worker: str, message: str) -> Json:
        """Open an alert and queue a retraining: a champion no longer predicts what it did.

        Nothing happens when it serves no more. A training that runs already is joined.
        """
        answer: Json = self._work(
            "report_artifact_mismatch",
            p_deployment_id=deployment_id,
            p_worker=worker,
            p_message=message,
        )
        return answer

    def sweep_lost_work(self, worker: str, kind: str = "worker") -> list[Json]:
        """Take back expired leases; returns ``[{actor, id}]`` whose bell must be rung."""
        answer: list[Json] = self._work("sweep_lost_work", p_worker=worker, p_kind=kind)
        return answer

    def get_health(self) -> Json:
        """Who is present: ``{workers: [name], schedulers: [name]}``."""
        answer: Json = self._work("get_health")
        return answer

    def request_due_updates(self, worker: str) -> list[Json]:
        """Queue checks of champions that nobody checked lately; returns ``[{actor, id}]``."""
        answer: list[Json] = self._work("request_due_updates", p_worker=worker)
        return answer

    def list_due_schedules(self) -> list[Json]:
        """Schedules whose time has come, or whose next time was never computed."""
        answer: list[Json] = self._work("list_due_schedules")
        return answer

    def advance_schedule(
        self, schedule: Mapping[str, Any], *, next_run_at: datetime, worker: str
    ) -> list[Json]:
        """Move a schedule on and queue its work, once; returns ``[{actor, id}]`` to ring."""
        expected = schedule["next_run_at"]
        answer: list[Json] = self._work(
            "advance_schedule",
            p_id=UUID(schedule["id"]),
            p_expected_run_at=expected and datetime.fromisoformat(expected),
            p_next_run_at=next_run_at,
            p_worker=worker,
        )
        return answer

    def record_refusal(
        self,
        actor: Actor | User | None,
        *,
        action: str,
        status: int,
        problem: str,
        detail: str,
        request_id: str,
    ) -> None:
        """Write an audit row about a refused request; without an actor nobody knows whose."""
        self._work(
            "record_refusal",
            p_actor=actor
            and {"kind": actor.kind, "id": actor.id, "name": actor.name, "role": actor.role},
            p_action=action,
            p_status=status,
            p_problem=problem,
            p_detail=detail,
            p_request_id=request_id,
        )
