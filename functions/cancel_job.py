"""POST cancel_job: take a training job back."""

from __future__ import annotations

from core.domain import Role
from core.web import Answer, Call, endpoint
from core.web.fields import Identified


@endpoint("POST", Role.OPERATOR, Identified)
def cancel_job(call: Call[Identified]) -> Answer:
    """Cancel a queued job, ask a running one to stop: 200 ``{job}``."""
    return Answer(body=call.store.cancel_job(call.parameters.id))
