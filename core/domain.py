"""The words of Refit as Python types: enums and frozen records.

Rows come from the database as JSON objects; ``from_row`` turns one into its record. Nothing here
imports pandas or scikit-learn: functions load this module.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Self


class Environment(StrEnum):
    """Where a model serves."""

    DEVELOPMENT = "development"
    STAGING = "staging"
    PRODUCTION = "production"


class Role(StrEnum):
    """What a caller may do: viewer < operator < admin; a scheduler only ticks."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"
    SCHEDULER = "scheduler"

    def allows(self, needed: Role) -> bool:
        """Whether this role may do what needs ``needed``."""
        order = {Role.VIEWER: 1, Role.OPERATOR: 2, Role.ADMIN: 3}
        if needed is Role.SCHEDULER:
            return self in {Role.SCHEDULER, Role.ADMIN}
        return order.get(self, 0) >= order[needed]


class Task(StrEnum):
    """What a model type predicts."""

    CLASSIFICATION = "classification"
    REGRESSION = "regression"


class JobStatus(StrEnum):
    """States of a training job; an operation has the same without ``skipped``."""

    QUEUED = "queued"  # → running (claim), cancelled
    RUNNING = "running"  # → succeeded, failed, cancelled, skipped; → queued when its worker is lost
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"

    @property
    def is_final(self) -> bool:
        """Whether nothing can happen to it any more."""
        return self not in {JobStatus.QUEUED, JobStatus.RUNNING}


class OperationKind(StrEnum):
    """What an operation was asked for."""

    CHECK = "check"
    VALIDATION = "validation"
    DEPLOYMENT = "deployment"


class CheckVerdict(StrEnum):
    """What a performance check concluded."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    INCONCLUSIVE = "inconclusive"
    INSUFFICIENT_DATA = "insufficient_data"


class ValidationVerdict(StrEnum):
    """What a validation concluded."""

    APPROVED = "approved"
    REJECTED = "rejected"
    INCONCLUSIVE = "inconclusive"


class Serves(StrEnum):
    """Which of a model's two fits a deployment serves."""

    APPROVED_FIT = "approved_fit"  # trained without the holdout; the one that was validated
    FINAL_FIT = "final_fit"  # the same settings refitted on the whole window


@dataclass(frozen=True, kw_only=True)
class Actor:
    """Who asks: a person, a machine key, or a part of Refit."""

    kind: str  # user, key, system
    id: str
    name: str
    role: Role

    def as_json(self) -> dict[str, str]:
        """The ``p_actor`` argument of the SQL functions."""
        return {"kind": self.kind, "id": self.id, "name": self.name, "role": str(self.role)}


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

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Self:
        """From a JSON row of ``ml_model_types`` (intervals as seconds)."""
        window = row["training_window_seconds"]
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
        )


@dataclass(frozen=True, kw_only=True)
class Reference:
    """What a deployed model scored on its holdout: the yardstick of every later check.

    ``losses_mean`` and ``losses_std`` describe the per-row losses (0/1 errors, absolute or squared
    errors) that the metric is made of; they are None where the metric has no per-row loss.
    """

    metric: str
    value: float
    samples: int
    losses_mean: float | None = None
    losses_std: float | None = None

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Self:
        """From the JSON stored with a deployment."""
        return cls(**{k: row.get(k) for k in cls.__dataclass_fields__})  # type: ignore[arg-type]


@dataclass(frozen=True, kw_only=True)
class PerformanceCheck:
    """The champion's metric on newly labelled rows, judged against its reference."""

    verdict: CheckVerdict
    needs_retraining: bool
    metric: str
    baseline: float | None
    current: float | None
    degradation: float | None  # ≥ 0 means worse; points, or relative for MAE, RMSE
    confidence_interval: tuple[float, float] | None  # of the degradation, 95 %, two-sided
    p_value: float | None  # one-sided: a drop at least this large by chance
    samples: int
    threshold: float
    low_power: bool
    reason: str  # one sentence for a person

    def as_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class Gate:
    """One test that a model must pass."""

    name: str
    passed: bool
    value: float | None
    threshold: float | None
    detail: str  # one sentence for a person

    def as_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class Validation:
    """One judgement of a model against the champion of one environment."""

    verdict: ValidationVerdict
    auto_deployable: bool
    improvement: float | None  # > 0: the challenger is better; None without a champion
    confidence_interval: tuple[float, float] | None  # of the improvement, paired, 90 % two-sided
    samples: int  # rows that both were scored on
    gates: tuple[Gate, ...]
    reason: str  # one sentence for a person

    def as_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class QualityFinding:
    """Something about training data that a person should know."""

    name: str  # e.g. constant_column
    column: str | None
    blocking: bool
    detail: str


@dataclass(frozen=True, kw_only=True)
class DataQuality:
    """How fit a training set is: 1 is clean, and any blocking finding stops the training."""

    score: float
    rows: int
    missing_share: float
    duplicate_rows: int
    findings: tuple[QualityFinding, ...]

    @property
    def is_blocking(self) -> bool:
        """Whether training on this would be wrong."""
        return any(f.blocking for f in self.findings)

    def as_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class TrainingPlan:
    """Which rows a training uses, split by time: train, then calibration, then holdout."""

    window_start: datetime
    window_end: datetime  # time of the newest row: the cut-off of a final fit
    train_rows: int
    calibration_rows: int
    holdout_rows: int
    train_end: datetime  # time of the newest row that the approved fit has seen
    reason: str

    @property
    def rows(self) -> int:
        """All rows of the window."""
        return self.train_rows + self.calibration_rows + self.holdout_rows

    def as_json(self) -> dict[str, Any]:
        """As a JSON object (times in ISO 8601)."""
        times = ("window_start", "window_end", "train_end")
        return asdict(self) | {name: getattr(self, name).isoformat() for name in times}


@dataclass(frozen=True, kw_only=True)
class Fingerprint:
    """What data a job saw: enough to tell whether two jobs saw the same."""

    rows: int
    time_start: datetime | None
    time_end: datetime | None
    content_hash: str  # SHA-256 over the columns' values in order

    def as_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return {
            "rows": self.rows,
            "time_start": self.time_start and self.time_start.isoformat(),
            "time_end": self.time_end and self.time_end.isoformat(),
            "content_hash": self.content_hash,
        }
