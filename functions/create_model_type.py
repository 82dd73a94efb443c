"""POST create_model_type: register a prediction task."""

from __future__ import annotations

from pydantic import ConfigDict, Field

from core.domain import ClassWeight, Role, Task, WindowStrategy
from core.web import Answer, Call, Parameters, definitions, endpoint
from core.web.fields import Free


class CreateModelType(Parameters):
    """Where the rows are, what they mean, and the thresholds of the decisions."""

    model_config = ConfigDict(json_schema_extra=definitions.FITS_TASK)

    name: definitions.Name
    task: Task
    source_relation: definitions.Relation
    key_columns: definitions.Keys
    time_column: definitions.Column
    target_column: definitions.Column
    feature_columns: definitions.Features
    metric: definitions.Metric
    label_time_column: definitions.Column | None = None
    label_delay_seconds: definitions.Pause = 0
    title: definitions.Title = ""
    description: definitions.Description = ""
    owner: definitions.Title = ""
    enabled: bool = True
    engine: definitions.Engine = "gradient_boosting"
    engine_parameters: Free = Field(default_factory=dict)
    training_window_seconds: definitions.Window | None = None
    retraining_threshold: definitions.RetrainingThreshold = 0.03
    auto_deployment_threshold: definitions.DeploymentThreshold = 0.02
    min_training_samples: definitions.Samples = 100
    update_frequency: definitions.UpdateFrequency = "daily"
    final_fit: bool = True
    random_seed: definitions.Seed = 0
    replay: bool = False
    cool_down_seconds: definitions.Pause = 3600
    monthly_retraining_budget: definitions.Budget | None = 100
    window_strategy: WindowStrategy = WindowStrategy.SLIDING
    recency_half_life_seconds: definitions.Window | None = None
    class_weight: ClassWeight = ClassWeight.NONE
    search_seconds: definitions.SearchSeconds = 0
    entity_column: definitions.Column | None = None
    slice_columns: definitions.Slices = Field(default_factory=list)
    latency_budget_ms: definitions.LatencyBudget | None = None
    size_budget_mb: definitions.SizeBudget | None = None
    dry_run_gates: definitions.Gates = Field(default_factory=list)


@endpoint("POST", Role.ADMIN, CreateModelType)
def create_model_type(call: Call[CreateModelType]) -> Answer:
    """Register a model type, with a check every 4 hours and a weekly retraining: 201."""
    definition = definitions.to_columns(call.parameters.model_dump())
    made = call.store.create_model_type(definition)
    return Answer(status=201, body={"model_type": definitions.from_model_type(made)})
