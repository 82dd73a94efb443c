"""The closed sets of words."""

from __future__ import annotations

from enum import StrEnum


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


class SkipKind(StrEnum):
    """Why a training was not begun: the ``kind`` of a skipped job's figures."""

    NOT_NEEDED = "not_needed"  # the check asks for none
    COOL_DOWN = "cool_down"
    MONTHLY_RETRAINING_BUDGET = "monthly_retraining_budget"
    TOO_FEW_NEW_ROWS = "too_few_new_rows"  # since the last attempt


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


class ScheduleKind(StrEnum):
    """What a schedule starts."""

    PERFORMANCE_CHECK = "performance_check"  # a training only when the champion got worse
    FORCED_RETRAINING = "forced_retraining"


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


class WindowStrategy(StrEnum):
    """Which rows a training reaches back to."""

    SLIDING = "sliding"  # the training window, or all history where there is none
    EXPANDING = "expanding"  # all history
    ADAPTIVE = "adaptive"  # the length that does best on the newest labelled rows


class ClassWeight(StrEnum):
    """What the rows of a class weigh in a classification's training."""

    NONE = "none"  # each row the same
    BALANCED = "balanced"  # each class the same


class DriftSeverity(StrEnum):
    """How far a column has moved from the reference."""

    NONE = "none"
    WARNING = "warning"
    SEVERE = "severe"


class EstimateStatus(StrEnum):
    """Whether a label-free estimate can be relied on."""

    VALID = "valid"
    INVALID = "invalid"  # the rows are too different from the reference
    OFF = "off"  # past estimates were wrong once labels came
    INSUFFICIENT_DATA = "insufficient_data"


class DeploymentRule(StrEnum):
    """By which rule a challenger may replace the champion without a person; or that it may not."""

    NONE = "none"
    FIRST_MODEL = "first_model"
    SURELY_BETTER = "surely_better"  # lower bound > 0, gain ≥ auto_deployment_threshold
    NOT_WORSE = "not_worse"  # while the champion's alarm stands: gain ≥ 0, bound > −0.015
