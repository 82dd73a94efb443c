"""GET metrics: performance checks."""

from __future__ import annotations

from core.domain import Role
from core.web import Answer, Call, endpoint
from core.web.fields import EnvironmentListQuery


@endpoint("GET", Role.VIEWER, EnvironmentListQuery)
def metrics(call: Call[EnvironmentListQuery]) -> Answer:
    """One page, newest first: ``{items, next_cursor}``."""
    query = call.parameters
    call.check_model_type(query.model_type)
    return Answer(body=call.store.list_metrics(**query.model_dump()))
