"""GET audit: who did what."""

from __future__ import annotations

from core.domain import Role
from core.web import Answer, Call, endpoint
from core.web.fields import EnvironmentListQuery


@endpoint("GET", Role.VIEWER, EnvironmentListQuery)
def audit(call: Call[EnvironmentListQuery]) -> Answer:
    """One page, newest first: ``{items, next_cursor}``."""
    query = call.parameters
    call.check_model_type(query.model_type)
    return Answer(body=call.store.list_audit_logs(**query.model_dump()))
