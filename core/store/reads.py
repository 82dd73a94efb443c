"""Reading: each method is one SQL read, under row level security for signed-in users."""

from __future__ import annotations

from uuid import UUID

from core.domain import (
    Champion,
    Environment,
    ModelType,
)
from core.store.caller import Caller, Json


class Reads(Caller):
    """What callers may see."""

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
        environment: Environment | None = None,
        status: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Json:
        """Trained versions, newest first: ``{items, next_cursor}``.

        With an environment only those that serve it.
        """
        answer: Json = self._ask(
            "list_models",
            p_model_type=model_type,
            p_environment=environment,
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
        status: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Json:
        """Performance checks, newest first: ``{items, next_cursor}``; status is the verdict."""
        answer: Json = self._ask(
            "list_metrics",
            p_model_type=model_type,
            p_environment=environment,
            p_status=status,
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
        status: str | None = None,
        action: str | None = None,
        entity: str | None = None,
        entity_id: str | None = None,
        request_id: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Json:
        """Who did what, newest first: ``{items, next_cursor}``.

        ``status`` is what something became, such as ``succeeded``, or the outcome of an event.
        """
        answer: Json = self._ask(
            "list_audit_logs",
            p_model_type=model_type,
            p_environment=environment,
            p_status=status,
            p_action=action,
            p_entity=entity,
            p_entity_id=entity_id,
            p_request_id=request_id,
            p_limit=limit,
            p_cursor=cursor,
        )
        return answer

    def list_schedules(
        self,
        model_type: str | None = None,
        *,
        environment: Environment | None = None,
        status: str | None = None,
        limit: int = 200,
        cursor: str | None = None,
    ) -> Json:
        """Schedules by model type, with their next runs: ``{items, next_cursor}``.

        ``status`` is ``enabled`` or ``disabled``.
        """
        answer: Json = self._ask(
            "list_schedules",
            p_model_type=model_type,
            p_environment=environment,
            p_status=status,
            p_limit=limit,
            p_cursor=cursor,
        )
        return answer
