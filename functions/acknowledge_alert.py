"""POST acknowledge_alert: say that somebody looks after it."""

from __future__ import annotations

from core.domain import Role
from core.web import Answer, Call, endpoint
from core.web.fields import Identified


@endpoint("POST", Role.OPERATOR, Identified)
def acknowledge_alert(call: Call[Identified]) -> Answer:
    """Mark an open alert as seen; it stays until its cause is gone: 200 ``{alert}``."""
    return Answer(body={"alert": call.store.acknowledge_alert(call.parameters.id)})
