"""The words of Refit as Python types: enums and frozen records.

Rows come from the database as JSON objects; ``from_row`` turns one into its record. Nothing here
imports pandas or scikit-learn: functions load this package.
"""

from core.domain.callers import Actor, StandingKey, User
from core.domain.gates import DRY_RUN_GATES, GATE_NAMES, refusal_of_dry_runs
from core.domain.judgements import (
    DataQuality,
    Gate,
    PerformanceCheck,
    QualityFinding,
    Reference,
    Validation,
)
from core.domain.model_types import (
    ModelType,
)
from core.domain.monitoring import (
    ColumnDrift,
    DriftReport,
    HoldoutUse,
    LabelFreeEstimate,
    Maturity,
    MonitorState,
    SequentialTest,
)
from core.domain.training_data import (
    Fingerprint,
    TrainingPlan,
)
from core.domain.words import (
    CheckVerdict,
    ClassWeight,
    DeploymentRule,
    DriftSeverity,
    Environment,
    EstimateStatus,
    JobStatus,
    OperationKind,
    Role,
    ScheduleKind,
    Serves,
    SkipKind,
    Task,
    ValidationVerdict,
    WindowStrategy,
)
from core.domain.work import (
    Champion,
    ClaimedJob,
    ClaimedOperation,
    ImportedModel,
    StoredModel,
    Target,
)

__all__ = [
    "DRY_RUN_GATES",
    "GATE_NAMES",
    "Actor",
    "Champion",
    "CheckVerdict",
    "ClaimedJob",
    "ClaimedOperation",
    "ClassWeight",
    "ColumnDrift",
    "DataQuality",
    "DeploymentRule",
    "DriftReport",
    "DriftSeverity",
    "Environment",
    "EstimateStatus",
    "Fingerprint",
    "Gate",
    "HoldoutUse",
    "ImportedModel",
    "JobStatus",
    "LabelFreeEstimate",
    "Maturity",
    "ModelType",
    "MonitorState",
    "OperationKind",
    "PerformanceCheck",
    "QualityFinding",
    "Reference",
    "Role",
    "ScheduleKind",
    "SequentialTest",
    "Serves",
    "SkipKind",
    "StandingKey",
    "StoredModel",
    "Target",
    "Task",
    "TrainingPlan",
    "User",
    "Validation",
    "ValidationVerdict",
    "WindowStrategy",
    "refusal_of_dry_runs",
]
