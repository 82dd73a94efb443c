"""The closed sets of what people are told, and how much it matters."""

from __future__ import annotations

from enum import StrEnum


class Event(StrEnum):
    """What happened."""

    DEGRADATION = "degradation"  # stands until a check is healthy or another model serves
    DATA_QUALITY = "data_quality"  # stands until the data is fit again
    TRAINING_SUCCEEDED = "training_succeeded"  # says what became of the challenger
    TRAINING_FAILED = "training_failed"  # stands until a training succeeds
    DEPLOYMENT_FAILED = "deployment_failed"  # stands until a deployment succeeds
    DEPLOYED = "deployed"  # by somebody, or by a job of which the channel hears no more
    ROLLED_BACK = "rolled_back"
    APPROVAL_NEEDED = "approval_needed"  # an approved challenger waits for a person
    SCHEDULE_MISSED = "schedule_missed"  # stands until a slot is found in time
    DIGEST = "digest"  # the week in figures


class Severity(StrEnum):
    """How much it matters: info < warning < critical."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"

    def reaches(self, least: Severity) -> bool:
        """Whether this is at least as severe as ``least``.

        Examples
        --------
        >>> Severity.WARNING.reaches(Severity.INFO), Severity.INFO.reaches(Severity.WARNING)
        (True, False)
        """
        order = list(Severity)
        return order.index(self) >= order.index(least)
