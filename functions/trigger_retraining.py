"""POST trigger_retraining: queue a training job per model type."""

from __future__ import annotations

from pydantic import ConfigDict

from core.domain import Environment, Role
from core.web import Answer, Call, Parameters, endpoint
from core.web.fields import RETRAINING_RULES, Names, Reason, Time, WebAddress
from core.webhooks.addresses import check_webhook_url


class TriggerRetraining(Parameters):
    """What is to be retrained, and what may follow without asking."""

    model_config = ConfigDict(json_schema_extra=RETRAINING_RULES)

    model_types: Names | None = None
    force: bool = False
    override_limits: bool = False
    environment: Environment | None = None
    auto_validate: bool = True
    auto_deploy: bool = True
    notify: bool = True
    reason: Reason | None = None
    webhook_url: WebAddress | None = None
    as_of: Time | None = None


@endpoint("POST", Role.OPERATOR, TriggerRetraining)
def trigger_retraining(call: Call[TriggerRetraining]) -> Answer:
    """Queue the jobs and answer at once: 202 ``{jobs: [{id, model_type, status, coalesced}]}``."""
    asked = call.parameters
    if asked.webhook_url is not None:
        check_webhook_url(call.services.settings, asked.webhook_url)
    answer = call.store.trigger_retraining(
        model_types=asked.model_types,
        force=asked.force,
        override_limits=asked.override_limits,
        environment=call.environment(asked.environment),
        auto_validate=asked.auto_validate,
        auto_deploy=asked.auto_deploy,
        notify=asked.notify,
        reason=asked.reason,
        webhook_url=asked.webhook_url,
        as_of=asked.as_of,
        request_id=call.request_id,
    )
    for job in answer["jobs"]:
        # Once the queue is away, the other jobs' turn comes with the sweep: do not wait for each.
        if not call.services.doorbell.ring("retrain", job["id"]):
            break
    return Answer(status=202, body=answer)
