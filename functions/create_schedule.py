"""POST create_schedule: let checks or retrainings start by themselves."""

from __future__ import annotations

from core.domain import Environment, Role, ScheduleKind
from core.web import Answer, Call, Parameters, endpoint
from core.web.fields import Cron, Text


class CreateSchedule(Parameters):
    """What starts for which model type, and when."""

    model_type: Text
    kind: ScheduleKind
    cron: Cron
    time_zone: Text = "UTC"
    environment: Environment | None = None


@endpoint("POST", Role.ADMIN, CreateSchedule)
def create_schedule(call: Call[CreateSchedule]) -> Answer:
    """Add a schedule, one of a kind for each model type and environment: 201 ``{schedule}``."""
    from core.schedules import require_cron

    asked = call.parameters
    require_cron(asked.cron, asked.time_zone)
    made = call.store.create_schedule(
        asked.model_type,
        kind=asked.kind,
        cron=asked.cron,
        time_zone=asked.time_zone,
        environment=call.environment(asked.environment),
    )
    return Answer(status=201, body={"schedule": made})
