"""The overview, and what it is made of: alerts, schedules, the audit log, health, a tick."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from core.domain import Environment, ScheduleKind
from core.web.shapes.base import ActorShape, Json, OpenShape, Shape
from core.web.shapes.models import DeploymentRow

Severity = Literal["info", "warning", "critical"]


class AlertRow(Shape):
    """What somebody should look at."""

    id: UUID
    model_type: str
    environment: Environment
    kind: str
    severity: Severity
    status: Literal["open", "acknowledged", "resolved"]
    message: str
    details: Json
    occurrences: int
    acknowledged_by: ActorShape | None
    acknowledged_at: AwareDatetime | None
    resolved_at: AwareDatetime | None
    created_at: AwareDatetime
    last_seen_at: AwareDatetime
    snoozed_until: AwareDatetime | None = Field(description="Nobody is told again until then.")


class AlertAnswer(Shape):
    """The alert as it is now."""

    alert: AlertRow


class ScheduleRow(Shape):
    """When checks or retrainings start by themselves."""

    id: UUID
    model_type: str
    environment: Environment
    kind: ScheduleKind
    cron: str
    time_zone: str
    enabled: bool
    next_run_at: AwareDatetime | None
    last_run_at: AwareDatetime | None
    created_at: AwareDatetime
    updated_at: AwareDatetime


class ScheduleAnswer(Shape):
    """The schedule as it is now; when it fires next is computed by the next tick."""

    schedule: ScheduleRow


class AuditRow(Shape):
    """Who did what."""

    id: UUID
    created_at: AwareDatetime
    actor: ActorShape
    action: str
    entity: str | None
    entity_id: str | None
    model_type: str | None
    environment: Environment | None
    before: Json | None
    after: Json | None
    detail: Json | None
    request_id: str | None


class EventRecorded(Shape):
    """The audit row's id."""

    id: UUID


class ModelCounts(Shape):
    """Trained versions by status, of all environments."""

    total: int
    candidate: int
    approved: int
    rejected: int
    quarantined: int


class ActiveJob(Shape):
    """A training job that waits or runs."""

    id: UUID
    model_type: str
    status: Literal["queued", "running"]
    stage: str
    progress: float = Field(ge=0, le=1)
    attempt: int
    created_at: AwareDatetime
    started_at: AwareDatetime | None


class NextRun(Shape):
    """When a schedule fires next."""

    model_type: str
    kind: ScheduleKind
    next_run_at: AwareDatetime | None = Field(description="Null until the next tick computes it.")


class StandingAlert(Shape):
    """An alert that is not resolved."""

    id: UUID
    model_type: str
    kind: str
    severity: Severity
    status: Literal["open", "acknowledged"]
    message: str
    occurrences: int
    created_at: AwareDatetime
    last_seen_at: AwareDatetime
    snoozed_until: AwareDatetime | None


class Queue(Shape):
    """What waits for a worker."""

    jobs: int
    operations: int


class Process(Shape):
    """A worker or scheduler that was seen lately."""

    id: str
    kind: Literal["worker", "scheduler"]
    last_seen_at: AwareDatetime


class Status(Shape):
    """Everything that the overview shows, of one environment."""

    environment: Environment
    models: ModelCounts
    champions: list[DeploymentRow]
    active_jobs: list[ActiveJob]
    success_rate: float | None = Field(
        ge=0, le=1, description="Of the last 30 days' jobs, without skipped and cancelled ones."
    )
    average_improvement: float | None = Field(
        description="Mean validated difference to the replaced champion, of 30 days."
    )
    next_runs: list[NextRun]
    open_alerts: list[StandingAlert]
    queue: Queue
    workers: list[Process]


class Health(Shape):
    """Which part is up; with 503, which one is not."""

    status: Literal["ok", "down"]
    database: Literal["ok", "down"]
    queue: Literal["ok", "down"]
    workers: int
    schedulers: int
    version: str


class Tick(OpenShape):
    """What a tick did."""

    lost_work: int
    schedules: int
    updates: int
    housekeeping: Json
    digests: int


class OpenApiDocument(OpenShape):
    """An OpenAPI document."""

    openapi: str
