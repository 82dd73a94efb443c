"""POST update_schedule: change, pause or resume a schedule."""

from __future__ import annotations

from uuid import UUID

from core.domain import Role
from core.web import Answer, Call, Parameters, endpoint
from core.web.fields import Cron, Text, left_out


class UpdateSchedule(Parameters):
    """Which schedule, and what is to change."""

    id: UUID
    cron: Cron = left_out()
    time_zone: Text = left_out()
    enabled: bool = left_out()


@endpoint("POST", Role.ADMIN, UpdateSchedule)
def update_schedule(call: Call[UpdateSchedule]) -> Answer:
    """Change what is given; what was missed while it was off does not run: 200 ``{schedule}``."""
    from core.schedules import require_cron

    asked = call.parameters
    changes = asked.model_dump(exclude={"id"}, exclude_unset=True)
    require_cron(changes.get("cron", "* * * * *"), changes.get("time_zone", "UTC"))
    return Answer(body={"schedule": call.store.update_schedule(asked.id, changes)})
