"""Training jobs, operations, and what comes of them."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from core.domain import CheckVerdict, Environment, JobStatus, OperationKind, ValidationVerdict
from core.web.shapes.base import ActorShape, Json, OpenShape, Shape
from core.web.shapes.models import DeploymentRow, ValidationRow

OperationStatus = Literal["queued", "running", "succeeded", "failed", "cancelled"]


class WorkRow(Shape):
    """What jobs and operations have in common."""

    id: UUID
    environment: Environment
    attempt: int = Field(ge=0, le=3)
    requested_by: ActorShape
    request_id: str | None
    as_of: AwareDatetime | None
    lease_owner: str | None = Field(description="The worker that is at it.")
    lease_expires_at: AwareDatetime | None
    cancel_requested_at: AwareDatetime | None
    result: Json | None
    error: Json | None
    created_at: AwareDatetime
    queued_at: AwareDatetime
    started_at: AwareDatetime | None
    finished_at: AwareDatetime | None


class JobRow(WorkRow):
    """A training job."""

    model_type: str
    status: JobStatus
    stage: str
    progress: float = Field(ge=0, le=1)
    trigger: str
    reason: str | None
    force: bool
    override_limits: bool
    auto_validate: bool
    auto_deploy: bool
    notify: bool = Field(description="Whether Refit tells people how it ended.")
    follow_up: Json | None = Field(description="What follows when this one ends.")
    check_result: Json | None
    plan: Json | None
    fingerprint: Json | None
    skip_reason: str | None
    skip_figures: Json | None = Field(description="What skip_reason was made from, by its kind.")
    training_begun_at: AwareDatetime | None


class LogLine(Shape):
    """What a worker said."""

    logged_at: AwareDatetime
    level: Literal["info", "warning", "error"]
    message: str


class JobWithLog(JobRow):
    """A training job with its validation and its last 500 log lines."""

    validation: ValidationRow | None
    log: list[LogLine]
    why: list[str] = Field(description="Why it ended as it did, in sentences for people.")


class OperationRow(WorkRow):
    """A check, validation or deployment that was asked for."""

    kind: OperationKind
    status: OperationStatus
    parameters: Json


class QueuedJob(Shape):
    """The job that a request was given, or joined."""

    id: UUID
    model_type: str
    status: JobStatus
    coalesced: bool = Field(description="Whether the request joined a job that was there already.")


class Retraining(Shape):
    """The jobs of a retraining, one for each model type."""

    jobs: list[QueuedJob]


class Pending(Shape):
    """Work that goes on: ask for the operation, or send the request again under its key."""

    operation_id: UUID


class TargetError(OpenShape):
    """Why nothing came of one target, while others went well."""

    type: str
    detail: str


class OperationEnd(Shape):
    """What every operation that is done answers."""

    operation_id: UUID
    errors: list[TargetError]


class CheckResult(OpenShape):
    """A champion's metric on newly labelled rows, and the verdict."""

    model_type: str
    model_id: UUID | None
    verdict: CheckVerdict
    needs_retraining: bool
    reason: str
    metric: str | None = None
    baseline: float | None = None
    current: float | None = None
    degradation: float | None = None
    confidence_interval: list[float] | None = None
    p_value: float | None = Field(None, ge=0, le=1)
    samples: int | None = Field(None, ge=0)
    threshold: float | None = None
    time_window: int | None = None
    alarm: bool | None = None
    sequential: Json | None = None
    maturity: Json | None = None
    drift: Json | None = None
    drift_missing: str | None = None
    estimate: Json | None = None
    counts: bool | None = None
    why: list[str] = Field(description="What it saw, in sentences for people.")


class Checked(OperationEnd):
    """A check of performance that is done."""

    needs_retraining: bool
    results: list[CheckResult]


class GateResult(OpenShape):
    """One test that a model must pass."""

    name: str
    passed: bool
    value: float | None = None
    threshold: float | None = None
    detail: str | None = None


class ValidationResult(OpenShape):
    """The judgement of one model."""

    model_id: UUID
    verdict: ValidationVerdict
    auto_deployable: bool
    improvement: float | None
    confidence_interval: list[float] | None
    gates: list[GateResult]


class Validated(OperationEnd):
    """A validation that is done."""

    results: list[ValidationResult]


class SwappedDeployment(DeploymentRow):
    """The deployment that serves now."""

    changed: bool = Field(description="False where the model served already.")


class Deployed(OperationEnd):
    """A deployment that is done."""

    deployments: list[SwappedDeployment]


class CancelledJob(Shape):
    """The job as it is now; a running one stops soon."""

    job: JobRow


class CancelledOperation(Shape):
    """The operation as it is now; a running one stops soon."""

    operation: OperationRow
