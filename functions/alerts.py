"""GET alerts: what somebody should look at."""

from __future__ import annotations

from typing import Literal

from core.domain import Role
from core.web import Answer, Call, endpoint
from core.web.fields import EnvironmentListQuery
from core.web.paging import give_page


class AlertsQuery(EnvironmentListQuery):
    """Alerts."""

    status: Literal["open", "acknowledged", "resolved"] | None = None


@endpoint("GET", Role.VIEWER, AlertsQuery)
def alerts(call: Call[AlertsQuery]) -> Answer:
    """One page, newest first: ``{items, next_cursor}``."""
    query = call.parameters
    call.check_model_type(query.model_type)
    return Answer(body=give_page("alerts", call.store.list_alerts, query.model_dump()))
