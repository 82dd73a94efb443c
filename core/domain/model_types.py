"""Who asks, and what a model type is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Self

from core.domain.words import ClassWeight, Task, WindowStrategy


@dataclass(frozen=True, kw_only=True)
class ModelType:
    """A prediction task: where its rows are, what they mean, and the thresholds.

    Rates and drops of metrics in [0, 1] are absolute points; for MAE, RMSE and the like
    thresholds are relative to the baseline.
    """

    name: str
    source_relation: str  # schema-qualified, e.g. "public.content_posts"
    key_columns: tuple[str, ...]
    time_column: str
    target_column: str
    feature_columns: tuple[str, ...]
    task: Task
    metric: str  # accuracy, f1, roc_auc, log_loss, r2, mae, rmse
    engine: str = "gradient_boosting"
    engine_parameters: Mapping[str, Any] = field(default_factory=dict)
    title: str = ""
    description: str = ""
    owner: str = ""
    enabled: bool = True
    label_time_column: str | None = None
    label_delay: timedelta = timedelta(0)
    training_window: timedelta | None = None  # None: all history
    retraining_threshold: float = 0.03
    auto_deployment_threshold: float = 0.02
    min_training_samples: int = 100
    update_frequency: str = "daily"
    final_fit: bool = True
    random_seed: int = 0
    replay: bool = False
    cool_down: timedelta = timedelta(hours=1)  # from one training's beginning to the next one's
    monthly_retraining_budget: int | None = 100  # trainings a calendar month (UTC); None: no limit
    window_strategy: WindowStrategy = WindowStrategy.SLIDING
    recency_half_life: timedelta | None = None  # a row this old weighs half; None: all the same
    class_weight: ClassWeight = ClassWeight.NONE
    search_seconds: int = 0  # time budget of the hyper-parameter search; 0: none
    entity_column: str | None = None  # rows of one entity are no independent evidence
    slice_columns: tuple[str, ...] = ()  # each value of them must not get worse
    latency_budget_ms: float | None = None  # 95th percentile of predicting one row
    size_budget_mb: float | None = None  # of the stored artifact
    dry_run_gates: tuple[str, ...] = ()  # recorded, never blocking

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Self:
        """From a JSON row of ``ml_model_types`` (intervals as seconds)."""
        window = row["training_window_seconds"]
        half_life = row["recency_half_life_seconds"]
        return cls(
            name=row["name"],
            source_relation=row["source_relation"],
            key_columns=tuple(row["key_columns"]),
            time_column=row["time_column"],
            target_column=row["target_column"],
            feature_columns=tuple(row["feature_columns"]),
            task=Task(row["task"]),
            metric=row["metric"],
            engine=row["engine"],
            engine_parameters=row["engine_parameters"],
            title=row["title"],
            description=row["description"],
            owner=row["owner"],
            enabled=row["enabled"],
            label_time_column=row["label_time_column"],
            label_delay=timedelta(seconds=row["label_delay_seconds"]),
            training_window=None if window is None else timedelta(seconds=window),
            retraining_threshold=row["retraining_threshold"],
            auto_deployment_threshold=row["auto_deployment_threshold"],
            min_training_samples=row["min_training_samples"],
            update_frequency=row["update_frequency"],
            final_fit=row["final_fit"],
            random_seed=row["random_seed"],
            replay=row["replay"],
            cool_down=timedelta(seconds=row["cool_down_seconds"]),
            monthly_retraining_budget=row["monthly_retraining_budget"],
            window_strategy=WindowStrategy(row["window_strategy"]),
            recency_half_life=None if half_life is None else timedelta(seconds=half_life),
            class_weight=ClassWeight(row["class_weight"]),
            search_seconds=row["search_seconds"],
            entity_column=row["entity_column"],
            slice_columns=tuple(row["slice_columns"]),
            latency_budget_ms=row["latency_budget_ms"],
            size_budget_mb=row["size_budget_mb"],
            dry_run_gates=tuple(row["dry_run_gates"]),
        )
