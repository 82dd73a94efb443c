"""The typed façade over the SQL functions: one method each, rows in and dataclasses out.

A store acts in somebody's name: a machine key's or a part of Refit's (``actor``), or a signed-in
user's (``claims``). Which of them may do what is decided in SQL.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from core.database.protocol import Database
from core.domain import (
    Actor,
    Champion,
    ClaimedJob,
    ClaimedOperation,
    Environment,
    ModelType,
    Role,
)

Json = dict[str, Any]

# What `refit` commands do on the machine of whoever holds DATABASE_URL.
LOCAL_ADMIN = Actor(kind="system", id="cli", name="command line", role=Role.ADMIN)

LEASE_SECONDS = 30


class Store:
    """The SQL functions, called in one caller's name.

    Parameters
    ----------
    database : Database
        Where the functions are.
    actor : Actor, optional
        In whose name the service role acts.
    claims : mapping, optional
        Claims of a signed-in user; then row level security decides and ``actor`` is not given.
    """

    def __init__(
        self,
        database: Database,
        *,
        actor: Actor | None = None,
        claims: Mapping[str, Any] | None = None,
    ) -> None:
        self._database = database
        self._actor = actor
        self._claims = claims

    def _ask(self, function: str, **arguments: Any) -> Any:
        """Call a request or a read: these know their caller."""
        if self._actor is not None:
            arguments["p_actor"] = self._actor.as_json()
        return self._database.call(function, arguments, claims=self._claims)

    def _work(self, function: str, **arguments: Any) -> Any:
        """Call the machinery: the service role's alone."""
        return self._database.call(function, arguments)

    # Requests ------------------------------------------------------------------------------

    def trigger_retraining(
        self,
        *,
        model_types: Sequence[str] | None = None,
        force: bool = False,
        override_limits: bool = False,
        environment: Environment = Environment.PRODUCTION,
        auto_validate: bool = True,
        auto_deploy: bool = True,
        reason: str | None = None,
        webhook_url: str | None = None,
        as_of: datetime | None = None,
        trigger: str = "manual",
        request_id: str | None = None,
    ) -> Json:
        """Queue a training job each: ``{jobs: [{id, model_type, status, coalesced}]}``."""
        answer: Json = self._ask(
            "trigger_retraining",
            p_model_types=_names(model_types),
            p_force=force,
            p_override_limits=override_limits,
            p_environment=environment,
            p_auto_validate=auto_validate,
            p_auto_deploy=auto_deploy,
            p_reason=reason,
            p_webhook_url=webhook_url,
            p_as_of=as_of,
            p_trigger=trigger,
            p_request_id=request_id,
        )
        return answer

    def request_check(
        self,
        *,
        model_types: Sequence[str] | None = None,
        threshold: float | None = None,
        time_window: int = 7,
        environment: Environment = Environment.PRODUCTION,
        as_of: datetime | None = None,
        request_id: str | None = None,
    ) -> UUID:
        """Queue a performance check over ``time_window`` days; returns the operation's id."""
        answer = self._ask(
            "request_check",
            p_model_types=_names(model_types),
            p_threshold=threshold,
            p_time_window=time_window,
            p_environment=environment,
            p_as_of=as_of,
            p_request_id=request_id,
        )
        return UUID(answer["operation_id"])

    def request_validation(
        self,
        *,
        model_ids: Sequence[UUID] | None = None,
        model_types: Sequence[str] | None = None,
        job_ids: Sequence[UUID] | None = None,
        environment: Environment = Environment.PRODUCTION,
        as_of: datetime | None = None,
        request_id: str | None = None,
    ) -> UUID:
        """Queue a validation; returns the operation's id."""
        answer = self._ask(
            "request_validation",
            p_model_ids=_ids(model_ids),
            p_model_types=_names(model_types),
            p_job_ids=_ids(job_ids),
            p_environment=environment,
            p_as_of=as_of,
            p_request_id=request_id,
        )
        return UUID(answer["operation_id"])

    def request_deployment(
        self,
        *,
        model_ids: Sequence[UUID] | None = None,
        model_types: Sequence[str] | None = None,
        environment: Environment = Environment.PRODUCTION,
        force: bool = False,
        reason: str | None = None,
        as_of: datetime | None = None,
        request_id: str | None = None,
    ) -> UUID:
        """Queue a deployment; returns the operation's id."""
        answer = self._ask(
            "request_deployment",
            p_model_ids=_ids(model_ids),
            p_model_types=_names(model_types),
            p_environment=environment,
            p_force=force,
            p_reason=reason,
            p_as_of=as_of,
            p_request_id=request_id,
        )
        return UUID(answer["operation_id"])

    def rollback_model(
        self,
        model_type: str,
        *,
        reason: str,
        environment: Environment = Environment.PRODUCTION,
    ) -> Json:
        """Go back to the model that served before: ``{deployment}``."""
        answer: Json = self._ask(
            "rollback_model",
            p_model_type=model_type,
            p_reason=reason,
            p_environment=environment,
        )
        return answer

    def cancel_job(self, job_id: UUID) -> Json:
        """Cancel a queued job, or ask a running one to stop: ``{job}``."""
        answer: Json = self._ask("cancel_job", p_id=job_id)
        return answer

    def create_model_type(self, definition: Mapping[str, Any]) -> ModelType:
        """Register a model type; keys are the columns of ``ml_model_types``."""
        return ModelType.from_row(self._ask("create_model_type", p_definition=dict(definition)))

    def update_model_type(self, name: str, changes: Mapping[str, Any]) -> ModelType:
        """Change what may change of a model type."""
        return ModelType.from_row(
            self._ask("update_model_type", p_name=name, p_changes=dict(changes))
        )

    def create_api_key(
        self, *, name: str, role: Role, key_hash: str, expires_at: datetime | None = None
    ) -> Json:
        """Register a machine key by its SHA-256 (hex)."""
        answer: Json = self._ask(
            "create_api_key",
            p_name=name,
            p_role=str(role),
            p_key_hash=key_hash,
            p_expires_at=expires_at,
        )
        return answer

    def revoke_api_key(self, name: str) -> Json:
        """Revoke a machine key for good."""
        answer: Json = self._ask("revoke_api_key", p_name=name)
        return answer

    def list_api_keys(self) -> Json:
        """Names, roles and times of all keys: ``{items}``."""
        answer: Json = self._ask("list_api_keys")
        return answer

    # Reads ---------------------------------------------------------------------------------

    def get_status(self, environment: Environment = Environment.PRODUCTION) -> Json:
        """Everything that the overview shows."""
        answer: Json = self._ask("get_status", p_environment=environment)
        return answer

    def get_training_job(self, job_id: UUID) -> Json:
        """A training job with its validation and log lines."""
        answer: Json = self._ask("get_training_job", p_id=job_id)
        return answer

    def get_operation(self, operation_id: UUID) -> Json:
        """A check, validation or deployment with its result."""
        answer: Json = self._ask("get_operation", p_id=operation_id)
        return answer

    def get_model_type(self, name: str) -> ModelType:
        """One model type, or InvalidRequest naming it and those that exist."""
        return ModelType.from_row(self._ask("get_model_type", p_name=name))

    def list_model_types(self) -> list[ModelType]:
        """All model types by name."""
        return [ModelType.from_row(row) for row in self._ask("list_model_types")["items"]]

    def get_champion(
        self, model_type: str, environment: Environment = Environment.PRODUCTION
    ) -> Champion | None:
        """The deployment that serves, or None."""
        row = self._ask("get_champion", p_model_type=model_type, p_environment=environment)
        return row and Champion.from_row(row)

    def list_models(
        self,
        *,
        model_type: str | None = None,
        status: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Json:
        """Trained versions, newest first: ``{items, next_cursor}``."""
        answer: Json = self._ask(
            "list_models",
            p_model_type=model_type,
            p_status=status,
            p_limit=limit,
            p_cursor=cursor,
        )
        return answer

    def list_training_jobs(
        self,
        *,
        model_type: str | None = None,
        environment: Environment | None = None,
        status: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Json:
        """Training jobs, newest first: ``{items, next_cursor}``."""
        answer: Json = self._ask(
            "list_training_jobs",
            p_model_type=model_type,
            p_environment=environment,
            p_status=status,
            p_limit=limit,
            p_cursor=cursor,
        )
        return answer

    def list_metrics(
        self,
        *,
        model_type: str | None = None,
        environment: Environment | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Json:
        """Performance checks, newest first: ``{items, next_cursor}``."""
        answer: Json = self._ask(
            "list_metrics",
            p_model_type=model_type,
            p_environment=environment,
            p_limit=limit,
            p_cursor=cursor,
        )
        return answer

    def list_deployments(
        self,
        *,
        model_type: str | None = None,
        environment: Environment | None = None,
        status: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Json:
        """Deployments, newest first: ``{items, next_cursor}``."""
        answer: Json = self._ask(
            "list_deployments",
            p_model_type=model_type,
            p_environment=environment,
            p_status=status,
            p_limit=limit,
            p_cursor=cursor,
        )
        return answer

    def list_alerts(
        self,
        *,
        model_type: str | None = None,
        environment: Environment | None = None,
        status: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Json:
        """Alerts, newest first: ``{items, next_cursor}``."""
        answer: Json = self._ask(
            "list_alerts",
            p_model_type=model_type,
            p_environment=environment,
            p_status=status,
            p_limit=limit,
            p_cursor=cursor,
        )
        return answer

    def list_audit_logs(
        self,
        *,
        model_type: str | None = None,
        environment: Environment | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Json:
        """Who did what, newest first: ``{items, next_cursor}``."""
        answer: Json = self._ask(
            "list_audit_logs",
            p_model_type=model_type,
            p_environment=environment,
            p_limit=limit,
            p_cursor=cursor,
        )
        return answer

    def list_schedules(self, model_type: str | None = None) -> Json:
        """Schedules by model type, with their next runs: ``{items}``."""
        answer: Json = self._ask("list_schedules", p_model_type=model_type)
        return answer

    # Machinery -----------------------------------------------------------------------------

    def find_api_key(self, key_hash: str) -> Actor | None:
        """Who a machine key is, or None when there is no standing one."""
        row = self._work("find_api_key", p_key_hash=key_hash)
        return row and Actor(kind="key", id=row["id"], name=row["name"], role=Role(row["role"]))

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

    def release_training_job(self, job: ClaimedJob) -> None:
        """Hand a job back at once; the attempt does not count."""
        self._work("release_training_job", p_id=job.id, p_lease_token=job.lease_token)

    def finish_training_job(self, job: ClaimedJob, outcome: Mapping[str, Any]) -> Json:
        """End a job with everything that came of it, in one transaction; returns its row."""
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
        """End an operation and write what came of it; a deployment swaps the champion here."""
        answer: Json = self._work(
            "finish_operation",
            p_id=operation.id,
            p_lease_token=operation.lease_token,
            p_outcome=dict(outcome),
        )
        return answer

    def report_artifact_mismatch(self, deployment_id: UUID, *, worker: str, message: str) -> Json:
        """Open an alert and queue a retraining: a champion no longer predicts what it did."""
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

    def run_housekeeping(self) -> Json:
        """Keep the partitions ahead."""
        answer: Json = self._work("run_housekeeping")
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


def _names(values: Sequence[str] | None) -> list[str] | None:
    return None if values is None else list(values)


def _ids(values: Sequence[UUID] | None) -> list[UUID] | None:
    return None if values is None else list(values)
