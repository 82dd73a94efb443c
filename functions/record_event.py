"""POST record_event: an audit row about what happened elsewhere, such as in an n8n workflow."""

from __future__ import annotations

from core.domain import Role
from core.web import Answer, Call, Parameters, endpoint
from core.web.fields import Free, Word


class RecordEvent(Parameters):
    """What happened; ``detail`` may have 16 KiB, and is kept as it is."""

    workflow: Word
    execution_id: Word
    step: Word
    outcome: Word
    detail: Free | None = None


@endpoint("POST", Role.OPERATOR, RecordEvent)
def record_event(call: Call[RecordEvent]) -> Answer:
    """Write an audit row in the caller's name: 201 ``{id}``."""
    asked = call.parameters
    answer = call.store.record_event(
        workflow=asked.workflow,
        execution_id=asked.execution_id,
        step=asked.step,
        outcome=asked.outcome,
        detail=asked.detail,
    )
    return Answer(status=201, body=answer)
