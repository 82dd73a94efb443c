"""Asking for work, and changing what may be changed: each method is one SQL request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from core.domain import (
    Environment,
    ModelType,
    Role,
    ScheduleKind,
)
from core.store.caller import Caller, Json


class Requests(Caller):
    """What callers ask for; SQL decides whether their role allows it."""

    def trigger_retraining(
        self,
        *,
        model_types: Sequence[str] | None = None,
        force: bool = False,
        override_limits: bool = False,
        environment: Environment = Environment.PRODUCTION,
        auto_validate: bool = True,
        auto_deploy: bool = True,
        notify: bool = True,
        reason: str | None = None,
        webhook_url: str | None = None,
        as_of: datetime | None = None,
        trigger: str = "manual",
        request_id: str | None = None,
    ) -> Json:
        """Queue a training job each: ``{jobs: [{id, model_type, status, coalesced}]}``.

        A coalesced request names the active job; where that runs already and does less than was
        asked, its ``follow_up`` names the job that does. Without ``notify`` Refit tells nobody how
        it ended, unless another request that joins it wants that.
        """
        answer: Json = self._request(
            "trigger_retraining",
            p_model_types=_names(model_types),
            p_force=force,
            p_override_limits=override_limits,
            p_environment=environment,
            p_auto_validate=auto_validate,
            p_auto_deploy=auto_deploy,
            p_notify=notify,
            p_reason=reason,
            p_webhook_url=webhook_url,
            p_as_of=as_of,
            p_trigger=trigger,
            p_request_id=request_id,
        )
        return answer

    def import_model(
        self,
        model_type: str,
        *,
        artifact_hash: str,
        trained_until: datetime | None = None,
        environment: Environment = Environment.PRODUCTION,
        auto_deploy: bool = True,
        reason: str | None = None,
        as_of: datetime | None = None,
        request_id: str | None = None,
    ) -> Json:
        """Queue the judging of a model that was made elsewhere: ``{job: {id, …}}``."""
        answer: Json = self._request(
            "import_model",
            p_model_type=model_type,
            p_artifact_hash=artifact_hash,
            p_trained_until=trained_until,
            p_environment=environment,
            p_auto_deploy=auto_deploy,
            p_reason=reason,
            p_as_of=as_of,
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
        answer = self._request(
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
        answer = self._request(
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
        notify: bool = True,
        reason: str | None = None,
        as_of: datetime | None = None,
        request_id: str | None = None,
    ) -> UUID:
        """Queue a deployment; returns the operation's id. Without ``notify`` nobody is told."""
        answer = self._request(
            "request_deployment",
            p_model_ids=_ids(model_ids),
            p_model_types=_names(model_types),
            p_environment=environment,
            p_force=force,
            p_notify=notify,
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
        answer: Json = self._request(
            "rollback_model",
            p_model_type=model_type,
            p_reason=reason,
            p_environment=environment,
        )
        return answer

    def cancel_job(self, job_id: UUID) -> Json:
        """Cancel what is queued, or ask what runs to stop: ``{job}``, or ``{operation}``."""
        answer: Json = self._request("cancel_job", p_id=job_id)
        return answer

    def create_model_type(self, definition: Mapping[str, Any]) -> ModelType:
        """Register a model type; keys are the columns of ``ml_model_types``."""
        return ModelType.from_row(self._request("create_model_type", p_definition=dict(definition)))

    def update_model_type(self, name: str, changes: Mapping[str, Any]) -> ModelType:
        """Change what may change of a model type."""
        return ModelType.from_row(
            self._request("update_model_type", p_name=name, p_changes=dict(changes))
        )

    def create_schedule(
        self,
        model_type: str,
        *,
        kind: ScheduleKind,
        cron: str,
        time_zone: str = "UTC",
        environment: Environment = Environment.PRODUCTION,
    ) -> Json:
        """Add a schedule; :func:`core.schedules.require_cron` must have seen its cron before."""
        answer: Json = self._request(
            "create_schedule",
            p_model_type=model_type,
            p_kind=str(kind),
            p_cron=cron,
            p_time_zone=time_zone,
            p_environment=environment,
        )
        return answer

    def update_schedule(self, schedule_id: UUID, changes: Mapping[str, Any]) -> Json:
        """Change ``cron``, ``time_zone`` or ``enabled``; when it fires is computed anew."""
        answer: Json = self._request("update_schedule", p_id=schedule_id, p_changes=dict(changes))
        return answer

    def acknowledge_alert(self, alert_id: UUID) -> Json:
        """Say that somebody looks after an alert; returns it."""
        answer: Json = self._request("acknowledge_alert", p_id=alert_id)
        return answer

    def snooze_alert(self, alert_id: UUID, *, until: datetime) -> Json:
        """Let nobody be told again of an alert until a time in the next 30 days; returns it."""
        answer: Json = self._request("snooze_alert", p_id=alert_id, p_until=until)
        return answer

    def record_event(
        self,
        *,
        workflow: str,
        execution_id: str,
        step: str,
        outcome: str,
        detail: Mapping[str, Any] | None = None,
    ) -> Json:
        """Write an audit row about what happened elsewhere: ``{id}``."""
        answer: Json = self._request(
            "record_event",
            p_workflow=workflow,
            p_execution_id=execution_id,
            p_step=step,
            p_outcome=outcome,
            p_detail=None if detail is None else dict(detail),
        )
        return answer

    def record_backtest(self, model_type: str, report: Mapping[str, Any]) -> UUID:
        """Keep what a backtest found, for the dashboard; the newest five stay."""
        answer: UUID = self._ask("record_backtest", p_model_type=model_type, p_report=dict(report))
        return answer

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


def _names(values: Sequence[str] | None) -> list[str] | None:
    return None if values is None else list(values)


def _ids(values: Sequence[UUID] | None) -> list[UUID] | None:
    return None if values is None else list(values)
