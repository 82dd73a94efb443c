"""POST cancel_job: take a training job or an operation back."""

from __future__ import annotations

from core.domain import Role
from core.web import Answer, Call, endpoint
from core.web.fields import Identified


@endpoint("POST", Role.OPERATOR, Identified)
def cancel_job(call: Call[Identified]) -> Answer:
    """Cancel what is queued, ask what runs to stop: 200 ``{job}`` or ``{operation}``."""
    return Answer(body=call.store.cancel_job(call.parameters.id))
