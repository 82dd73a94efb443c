"""POST rollback_model: go back to the model that served before."""

from __future__ import annotations

from core.domain import Environment, Role
from core.web import Answer, Call, Parameters, endpoint
from core.web.fields import NeededReason, Text


class RollbackModel(Parameters):
    """What goes back to the model before, and why."""

    model_type: Text
    environment: Environment | None = None
    reason: NeededReason


@endpoint("POST", Role.ADMIN, RollbackModel)
def rollback_model(call: Call[RollbackModel]) -> Answer:
    """Deploy the earlier model again and quarantine the later one: 200 ``{deployment}``."""
    asked = call.parameters
    answer = call.store.rollback_model(
        asked.model_type,
        reason=asked.reason,
        environment=call.environment(asked.environment),
    )
    return Answer(body=answer)
