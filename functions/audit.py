"""GET audit: who did what."""

from __future__ import annotations

from core.domain import Role
from core.web import Answer, Call, endpoint
from core.web.fields import EnvironmentListQuery, Text
from core.web.paging import give_page


class AuditQuery(EnvironmentListQuery):
    """Audit rows; the status is what something became, or the outcome of an event."""

    status: Text | None = None
    recorded_action: Text | None = None  # ?action= says what is asked for
    entity: Text | None = None
    entity_id: Text | None = None
    request_id: Text | None = None


@endpoint("GET", Role.VIEWER, AuditQuery)
def audit(call: Call[AuditQuery]) -> Answer:
    """One page, newest first: ``{items, next_cursor}``."""
    query = call.parameters
    call.check_model_type(query.model_type)
    fields = query.model_dump(exclude={"recorded_action"}) | {"action": query.recorded_action}
    return Answer(body=give_page("audit", call.store.list_audit_logs, fields))
