"""GET schedules: when checks and retrainings start by themselves."""

from __future__ import annotations

from core.domain import Role
from core.web import Answer, Call, Parameters, endpoint
from core.web.fields import Text


class SchedulesQuery(Parameters):
    """Whose schedules."""

    model_type: Text | None = None


@endpoint("GET", Role.VIEWER, SchedulesQuery)
def schedules(call: Call[SchedulesQuery]) -> Answer:
    """All of them by model type: ``{items}``."""
    query = call.parameters
    call.check_model_type(query.model_type)
    return Answer(body=call.store.list_schedules(query.model_type))
