"""Notices as the database gives them, of every event."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from core.notifications.notice import Notice

Row = dict[str, Any]

NOW = datetime(2026, 11, 24, 8, 15, tzinfo=UTC)  # a Tuesday
MONDAY = NOW - timedelta(days=1)
JOB = "f81d4fae-7dec-41d0-a765-00a0c91e6bf6"

_TRAINING: Row = {
    "outcome": "deployed",
    "waits_because": None,
    "auto_deployment_threshold": 0.02,
    "trigger": "schedule",
    "forced": False,
    "asked_because": "Schedule 0 */4 * * *",
    "requested_by": "scheduler",
    "duration_seconds": 95.0,
    "metric": "accuracy",
    "value": 0.871,
    "verdict": "approved",
    "reason": "accuracy 0.871 against 0.85 of the champion on 300 rows: 0.021 better",
    "improvement": 0.021,
    "confidence_interval": [0.01, 0.03],
    "samples": 300,
    "gates": [],
    "previous_version": 4,
    "model_id": "6b0f6c0e-5b4c-4c1e-9a43-1f6a8c0e7d55",
    "model_version": 5,
    "deployment_id": "7b0f6c0e-5b4c-4c1e-9a43-1f6a8c0e7d55",
    "deployment_error": None,
    "check": None,
}
_WAITING: Row = {
    **_TRAINING,
    "outcome": "approved",
    "waits_because": "below_threshold",
    "deployment_id": None,
}
_DEPLOYMENT: Row = {
    "model_id": "6b0f6c0e-5b4c-4c1e-9a43-1f6a8c0e7d55",
    "model_version": 3,
    "previous_version": 4,
    "forced": False,
    "reason": "Prices were wrong <b>everywhere</b>",
    "deployed_by": "anna@example.org",
    "metric": "accuracy",
    "value": 0.86,
    "verdict": "approved",
    "improvement": None,
    "confidence_interval": None,
    "samples": 300,
}
_DIGEST_ROW: Row = {
    "model_type": "churn",
    "title": "Who leaves <next month>",
    "metric": "accuracy",
    "checked": 42,
    "degraded": 1,
    "before": 0.86,
    "after": 0.871,
    "retrained": 2,
    "failed": 1,
    "deployed": 1,
    "rolled_back": 0,
    "rejected": 1,
    "mean_improvement": 0.021,
    "open_alerts": 1,
}
DATA: dict[str, Row] = {
    "degradation": {
        "kind": "performance_degradation",
        "message": "accuracy 0.81 on 1,240 rows, 0.87 at deployment: a clear drop.",
        "metric": "accuracy",
        "baseline": 0.87,
        "current": 0.81,
        "degradation": 0.06,
        "confidence_interval": [0.04, 0.08],
        "p_value": 0.00033,
        "samples": 1240,
        "threshold": 0.03,
        "job_id": JOB,
    },
    "data_quality": {
        "kind": "data_quality",
        "message": 'The feature column "plan" is missing.',
        "job_id": JOB,
        "trigger": "manual",
        "requested_by": "anna@example.org",
        "attempts": 1,
    },
    "training_succeeded": _TRAINING,
    "training_failed": {
        "kind": "training_failure",
        "message": "The training took longer than 60 s.",
        "job_id": JOB,
        "trigger": "manual",
        "requested_by": "anna@example.org",
        "attempts": 3,
    },
    "deployment_failed": {
        "kind": "deployment_issue",
        "message": "The champion changed after the validation.",
        "type": "stale_validation",
        "model_id": "6b0f6c0e-5b4c-4c1e-9a43-1f6a8c0e7d55",
    },
    "deployed": _DEPLOYMENT,
    "rolled_back": _DEPLOYMENT,
    "approval_needed": _WAITING,
    "schedule_missed": {
        "schedule_id": "8b0f6c0e-5b4c-4c1e-9a43-1f6a8c0e7d55",
        "kind": "performance_check",
        "cron": "0 */4 * * *",
        "time_zone": "UTC",
        "due_at": MONDAY.isoformat(),
        "late_seconds": 7200,
    },
    "digest": {
        "since": (NOW - timedelta(days=7)).isoformat(),
        "until": NOW.isoformat(),
        "environment": "production",
        "items": [_DIGEST_ROW, {**_DIGEST_ROW, "title": "", "model_type": "next", "after": None}],
        "totals": {
            "model_types": 2,
            "checked": 84,
            "degraded": 2,
            "retrained": 4,
            "deployed": 2,
            "rejected": 2,
            "failed": 2,
            "rolled_back": 0,
            "open_alerts": 2,
            "gained": 2,
        },
    },
}
SEVERITY = {
    "degradation": "warning",
    "data_quality": "critical",
    "training_failed": "critical",
    "deployment_failed": "warning",
    "rolled_back": "warning",
    "approval_needed": "warning",
    "schedule_missed": "warning",
}
WITH_JOB = {"data_quality", "training_succeeded", "training_failed", "approval_needed"}


def notice(event: str, **changes: Any) -> Notice:
    """A notice of an event; what changes is a column, or ``data``."""
    is_digest = event == "digest"
    row: Row = {
        "id": str(UUID(int=1)),
        "notification_id": str(UUID(int=2)),
        "lease_token": str(UUID(int=3)),
        "channel": "slack",
        "event": event,
        "severity": SEVERITY.get(event, "info"),
        "resolved": False,
        "resolved_at": None,
        "reminder": False,
        "occurrences": 1,
        "first_at": MONDAY.isoformat(),
        "created_at": NOW.isoformat(),
        "model_type": None if is_digest else "churn",
        "title": None if is_digest else "Who leaves <next month>",
        "environment": "production",
        "job_id": JOB if event in WITH_JOB else None,
        "deployment_id": None,
        "alert_id": None,
        "data": DATA[event],
        "attempts": 1,
    }
    return Notice.from_row({**row, **changes})
