"""The one target: every action behind one URL, and each as a path and a target of its own."""

from __future__ import annotations

import sys
from pathlib import Path

# functions-framework puts this file's folder on sys.path; core and functions are in its parent.
_ROOT = str(Path(__file__).resolve().parents[1])
if _ROOT not in sys.path:
    sys.path.insert(0, _ROOT)

from flask import Request, Response

from core.errors import NotFound
from core.web import refuse
from functions.alerts import alerts
from functions.audit import audit
from functions.cancel_job import cancel_job
from functions.check_performance import check_performance
from functions.deploy_model import deploy_model
from functions.deployments import deployments
from functions.health import health
from functions.history import history
from functions.job import job
from functions.metrics import metrics
from functions.models import models
from functions.operation import operation
from functions.rollback_model import rollback_model
from functions.schedules import schedules
from functions.status import status
from functions.trigger_retraining import trigger_retraining
from functions.validate_models import validate_models

PATH = "/api/workflows/ml/auto-retraining"
ACTIONS = {
    function.__name__: function
    for function in (
        *(trigger_retraining, check_performance, validate_models, deploy_model),
        *(rollback_model, cancel_job),
        *(status, metrics, models, history, operation, job),
        *(deployments, schedules, alerts, audit, health),
    )
}


def main(request: Request) -> Response:
    """Answer by the action that ``?action=`` or the path names."""
    path = request.path.rstrip("/")
    shared = path in {"", PATH}
    action = request.args.get("action", "") if shared else path.removeprefix("/")
    if action in ACTIONS:
        return ACTIONS[action](request)
    named = f"There is no action {action[:100]}." if action else "No action is named."
    message = named if shared else "There is nothing at this path."
    hint = f"Use {PATH}?action=…, one of {', '.join(sorted(ACTIONS))}."
    return refuse(request, NotFound(message, hint=hint))
