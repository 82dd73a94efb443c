"""POST run_schedules: one tick, for whoever ticks from outside."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache

from core.domain import Role
from core.process_name import process_name
from core.store import Store
from core.web import Answer, Call, Parameters, endpoint


class RunSchedules(Parameters):
    """A tick takes nothing."""


@endpoint("POST", Role.SCHEDULER, RunSchedules)
def run_schedules(call: Call[RunSchedules]) -> Answer:
    """Start what is due and keep the house: 200 with what was done."""
    from core.digests import DigestPlan
    from core.tick import tick

    services = call.services
    return Answer(
        body=tick(
            Store(services.database),
            services.doorbell,
            ticker=_ticker(),
            now=datetime.now(UTC),
            retention_days=services.settings.retention_days,
            digest=DigestPlan.from_settings(services.settings),
        )
    )


@cache
def _ticker() -> str:
    """The name of the process among the tickers, one for all its ticks."""
    return process_name()
