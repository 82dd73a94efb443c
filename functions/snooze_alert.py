"""POST snooze_alert: hear nothing of it for a while."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from core.domain import Role
from core.web import Answer, Call, endpoint
from core.web.fields import Identified, Time


class SnoozeAlert(Identified):
    """Which alert, and until when."""

    until: Annotated[Time, Field(description="A time in the next 30 days.")]


@endpoint("POST", Role.OPERATOR, SnoozeAlert)
def snooze_alert(call: Call[SnoozeAlert]) -> Answer:
    """Tell nobody of a standing alert until a time in the next 30 days: 200 ``{alert}``."""
    asked = call.parameters
    return Answer(body={"alert": call.store.snooze_alert(asked.id, until=asked.until)})
