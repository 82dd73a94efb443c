"""The words of Refit as Python types: enums and frozen records.

Rows come from the database as JSON objects; ``from_row`` turns one into its record. Nothing here
imports pandas or scikit-learn: functions load this package.
"""

from core.domain.callers import Actor, StandingKey, User
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
from core.domain.training_data import (
    Fingerprint,
    TrainingPlan,
)
from core.domain.words import (
    CheckVerdict,
    Environment,
    JobStatus,
    OperationKind,
    Role,
    ScheduleKind,
    Serves,
    Task,
    ValidationVerdict,
)
from core.domain.work import (
    Champion,
    ClaimedJob,
    ClaimedOperation,
    StoredModel,
    Target,
)

__all__ = [
    "Actor",
    "Champion",
    "CheckVerdict",
    "ClaimedJob",
    "ClaimedOperation",
    "DataQuality",
    "Environment",
    "Fingerprint",
    "Gate",
    "JobStatus",
    "ModelType",
    "OperationKind",
    "PerformanceCheck",
    "QualityFinding",
    "Reference",
    "Role",
    "ScheduleKind",
    "Serves",
    "StandingKey",
    "StoredModel",
    "Target",
    "Task",
    "TrainingPlan",
    "User",
    "Validation",
    "ValidationVerdict",
]
