"""Model types, models, and where they serve."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from core.domain import (
    CheckVerdict,
    ClassWeight,
    Environment,
    Serves,
    Task,
    ValidationVerdict,
    WindowStrategy,
)
from core.web.shapes.base import ActorShape, Json, Shape

DeploymentStatus = Literal["active", "retired", "rolled_back"]


class ModelTypeFields(Shape):
    """A prediction task."""

    name: str
    title: str
    description: str
    owner: str
    enabled: bool
    task: Task
    source_relation: str
    key_columns: list[str]
    time_column: str
    label_time_column: str | None
    label_delay_seconds: float
    target_column: str
    feature_columns: list[str]
    engine: str
    engine_parameters: Json
    metric: str
    training_window_seconds: float | None
    retraining_threshold: float
    auto_deployment_threshold: float
    min_training_samples: int
    update_frequency: str
    final_fit: bool
    random_seed: int
    replay: bool
    cool_down_seconds: float
    monthly_retraining_budget: int | None
    window_strategy: WindowStrategy
    recency_half_life_seconds: float | None
    class_weight: ClassWeight
    search_seconds: int
    entity_column: str | None
    slice_columns: list[str]
    latency_budget_ms: float | None
    size_budget_mb: float | None
    dry_run_gates: list[str]


class ModelTypeAnswer(Shape):
    """The model type as it is now."""

    model_type: ModelTypeFields


class ModelRow(Shape):
    """A trained version."""

    id: UUID
    model_type: str
    version: int = Field(ge=1)
    training_job_id: UUID
    status: Literal["candidate", "approved", "rejected"]
    artifact_hash: str
    final_artifact_hash: str | None
    final_fit: Json | None
    engine: str
    parameters: Json
    metrics: Json
    reference: Json
    plan: Json
    fingerprint: Json
    library_versions: Json
    random_seed: int
    train_end: AwareDatetime
    window_start: AwareDatetime
    window_end: AwareDatetime
    quarantined_at: AwareDatetime | None
    quarantine_reason: str | None
    created_at: AwareDatetime
    serves: list[Environment]


class DeploymentRow(Shape):
    """A model serving an environment."""

    id: UUID
    model_id: UUID
    model_version: int
    model_type: str
    environment: Environment
    status: DeploymentStatus
    serves: Serves
    artifact_hash: str
    cutoff: AwareDatetime
    reference: Json
    validation_id: UUID | None
    rolled_back_from: UUID | None
    forced: bool
    reason: str | None
    deployed_by: ActorShape
    valid_from: AwareDatetime
    valid_until: AwareDatetime | None
    created_at: AwareDatetime
    ended_at: AwareDatetime | None


class RolledBack(Shape):
    """The deployment that serves since the way back."""

    deployment: DeploymentRow


class ValidationRow(Shape):
    """One judgement of a model against the champion of one environment."""

    id: UUID
    model_id: UUID
    model_type: str
    environment: Environment
    champion_deployment_id: UUID | None
    training_job_id: UUID | None
    operation_id: UUID | None
    verdict: ValidationVerdict
    auto_deployable: bool
    improvement: float | None
    confidence_interval: list[float] | None
    samples: int
    gates: list[Json]
    reason: str
    as_of: AwareDatetime | None
    created_at: AwareDatetime
    rule: Literal["none", "first_model", "surely_better", "not_worse"] | None
    alarm: bool | None
    alpha: float | None
    holdout_use: int | None
    holdout: Json | None


class MetricRow(Shape):
    """A champion's metric on newly labelled rows."""

    id: UUID
    recorded_at: AwareDatetime
    model_type: str
    environment: Environment
    model_id: UUID
    deployment_id: UUID
    operation_id: UUID | None
    training_job_id: UUID | None
    as_of: AwareDatetime | None
    window_start: AwareDatetime
    window_end: AwareDatetime
    metric: str
    baseline: float | None
    value: float | None
    degradation: float | None
    ci_low: float | None
    ci_high: float | None
    p_value: float | None
    samples: int
    threshold: float
    verdict: CheckVerdict
    needs_retraining: bool
    low_power: bool
    reason: str
    alarm: bool
    sequential: Json | None
    maturity: Json | None
    estimate: Json | None
    figures: Json = Field(description="What reason was made from, beside the other fields.")
