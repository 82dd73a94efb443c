"""GET schedules: when checks and retrainings start by themselves."""

from __future__ import annotations

from typing import Literal

from core.domain import Role
from core.web import Answer, Call, endpoint
from core.web.fields import EnvironmentListQuery
from core.web.paging import give_page


class SchedulesQuery(EnvironmentListQuery):
    """Schedules, by model type instead of by age."""

    status: Literal["enabled", "disabled"] | None = None


@endpoint("GET", Role.VIEWER, SchedulesQuery)
def schedules(call: Call[SchedulesQuery]) -> Answer:
    """One page by model type: ``{items, next_cursor}``."""
    query = call.parameters
    call.check_model_type(query.model_type)
    return Answer(body=give_page("schedules", call.store.list_schedules, query.model_dump()))
