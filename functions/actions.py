"""Every action by its name: what the one target routes to, and what the document describes."""

from __future__ import annotations

from functions.acknowledge_alert import acknowledge_alert
from functions.alerts import alerts
from functions.audit import audit
from functions.cancel_job import cancel_job
from functions.check_performance import check_performance
from functions.create_model_type import create_model_type
from functions.create_schedule import create_schedule
from functions.deploy_model import deploy_model
from functions.deployments import deployments
from functions.health import health
from functions.history import history
from functions.job import job
from functions.metrics import metrics
from functions.models import models
from functions.openapi import openapi
from functions.operation import operation
from functions.record_event import record_event
from functions.rollback_model import rollback_model
from functions.run_schedules import run_schedules
from functions.schedules import schedules
from functions.snooze_alert import snooze_alert
from functions.status import status
from functions.trigger_retraining import trigger_retraining
from functions.update_model_type import update_model_type
from functions.update_schedule import update_schedule
from functions.validate_models import validate_models

ACTIONS = {
    function.__name__: function
    for function in (
        *(trigger_retraining, check_performance, validate_models, deploy_model),
        *(rollback_model, cancel_job, record_event, run_schedules),
        *(create_model_type, update_model_type, create_schedule, update_schedule),
        *(acknowledge_alert, snooze_alert),
        *(status, metrics, models, history, operation, job),
        *(deployments, schedules, alerts, audit, health, openapi),
    )
}
