"""POST update_model_type: change what may change of a prediction task."""

from __future__ import annotations

from core.domain import ClassWeight, Role, WindowStrategy
from core.web import Answer, Call, Parameters, definitions, endpoint
from core.web.fields import Free, left_out


class UpdateModelType(Parameters):
    """Whose settings, and those that are to change; where its rows are may not."""

    name: definitions.Name
    title: definitions.Title = left_out()
    description: definitions.Description = left_out()
    owner: definitions.Title = left_out()
    enabled: bool = left_out()
    label_delay_seconds: definitions.Pause = left_out()
    feature_columns: definitions.Features = left_out()
    engine: definitions.Engine = left_out()
    engine_parameters: Free = left_out()
    metric: definitions.Metric = left_out()
    training_window_seconds: definitions.Window | None = left_out()
    retraining_threshold: definitions.RetrainingThreshold = left_out()
    auto_deployment_threshold: definitions.DeploymentThreshold = left_out()
    min_training_samples: definitions.Samples = left_out()
    update_frequency: definitions.UpdateFrequency = left_out()
    final_fit: bool = left_out()
    random_seed: definitions.Seed = left_out()
    cool_down_seconds: definitions.Pause = left_out()
    monthly_retraining_budget: definitions.Budget | None = left_out()
    window_strategy: WindowStrategy = left_out()
    recency_half_life_seconds: definitions.Window | None = left_out()
    class_weight: ClassWeight = left_out()
    search_seconds: definitions.SearchSeconds = left_out()
    entity_column: definitions.Column | None = left_out()
    slice_columns: definitions.Slices = left_out()
    latency_budget_ms: definitions.LatencyBudget | None = left_out()
    size_budget_mb: definitions.SizeBudget | None = left_out()
    dry_run_gates: definitions.Gates = left_out()


@endpoint("POST", Role.ADMIN, UpdateModelType)
def update_model_type(call: Call[UpdateModelType]) -> Answer:
    """Change the settings that are given, and no others: 200 ``{model_type}``."""
    asked = call.parameters
    changes = asked.model_dump(exclude={"name"}, exclude_unset=True)
    changed = call.store.update_model_type(asked.name, definitions.to_columns(changes))
    return Answer(body={"model_type": definitions.from_model_type(changed)})
