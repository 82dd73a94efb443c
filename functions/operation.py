"""GET operation: a check, validation or deployment with its result."""

from __future__ import annotations

from core.domain import Role
from core.web import Answer, Call, endpoint
from core.web.fields import Identified
from core.web.reasons import operation_with_reasons


@endpoint("GET", Role.VIEWER, Identified)
def operation(call: Call[Identified]) -> Answer:
    """One operation, by its id."""
    found = call.store.get_operation(call.parameters.id)
    call.note_end(found)
    return Answer(body=operation_with_reasons(found))
