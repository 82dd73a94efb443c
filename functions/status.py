"""GET status: everything that the overview shows."""

from __future__ import annotations

from core.domain import Environment, Role
from core.web import Answer, Call, Parameters, endpoint


class StatusQuery(Parameters):
    """Which environment's overview."""

    environment: Environment | None = None


@endpoint("GET", Role.VIEWER, StatusQuery)
def status(call: Call[StatusQuery]) -> Answer:
    """Models, active jobs, rates, next runs, open alerts, queue and workers."""
    environment = call.environment(call.parameters.environment)
    return Answer(body=call.store.get_status(environment))
