"""Which answers each action gives."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel

from core.web.shapes import models, overview, work
from core.web.shapes.base import Page

Shapes = tuple[type[BaseModel], ...]  # one of these

SUCCESSES: Mapping[str, Mapping[int, Shapes]] = {
    "trigger_retraining": {202: (work.Retraining,)},
    "check_performance": {200: (work.Checked,), 202: (work.Pending,)},
    "validate_models": {200: (work.Validated,), 202: (work.Pending,)},
    "deploy_model": {200: (work.Deployed,), 202: (work.Pending,)},
    "rollback_model": {200: (models.RolledBack,)},
    "cancel_job": {200: (work.CancelledJob, work.CancelledOperation)},
    "record_event": {201: (overview.EventRecorded,)},
    "run_schedules": {200: (overview.Tick,)},
    "create_model_type": {201: (models.ModelTypeAnswer,)},
    "update_model_type": {200: (models.ModelTypeAnswer,)},
    "create_schedule": {201: (overview.ScheduleAnswer,)},
    "update_schedule": {200: (overview.ScheduleAnswer,)},
    "acknowledge_alert": {200: (overview.AlertAnswer,)},
    "snooze_alert": {200: (overview.AlertAnswer,)},
    "operation": {200: (work.OperationRow,)},
    "job": {200: (work.JobWithLog,)},
    "status": {200: (overview.Status,)},
    "metrics": {200: (Page[models.MetricRow],)},
    "models": {200: (Page[models.ModelRow],)},
    "history": {200: (Page[work.JobRow],)},
    "deployments": {200: (Page[models.DeploymentRow],)},
    "schedules": {200: (Page[overview.ScheduleRow],)},
    "alerts": {200: (Page[overview.AlertRow],)},
    "audit": {200: (Page[overview.AuditRow],)},
    "health": {200: (overview.Health,), 503: (overview.Health,)},
    "openapi": {200: (overview.OpenApiDocument,)},
}

# The errors that an action meets beside those that any request may meet.
_WAITING = frozenset({409, 500})
PROBLEMS: Mapping[str, frozenset[int]] = {
    "trigger_retraining": frozenset({409}),
    "check_performance": _WAITING,
    "validate_models": _WAITING,
    "deploy_model": _WAITING,
    "rollback_model": frozenset({409}),
    "cancel_job": frozenset({404, 409}),
    "create_model_type": frozenset({409}),
    "create_schedule": frozenset({409}),
    "update_schedule": frozenset({404}),
    "acknowledge_alert": frozenset({404, 409}),
    "snooze_alert": frozenset({404, 409}),
    "operation": frozenset({404}),
    "job": frozenset({404}),
}
