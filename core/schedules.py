"""One tick: due schedules start their work. Any number of tickers at once do no harm."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import structlog
from cronsim import CronSim, CronSimError

from core.queue import Doorbell
from core.store import Store

_log = structlog.get_logger(__name__)


def next_run(cron: str, time_zone: str, after: datetime) -> datetime:
    """The first time after ``after`` at which a cron expression fires.

    Parameters
    ----------
    cron : str
        Five fields: minute, hour, day of month, month, day of week.
    time_zone : str
        IANA name; the expression is in local time there, daylight saving included.
    after : datetime
        With a time zone.

    Raises
    ------
    CronSimError
        When the expression means nothing.

    Examples
    --------
    >>> from datetime import UTC
    >>> next_run("0 */4 * * *", "UTC", datetime(2026, 3, 1, 9, 30, tzinfo=UTC)).isoformat()
    '2026-03-01T12:00:00+00:00'
    """
    fires: datetime = next(CronSim(cron, after.astimezone(ZoneInfo(time_zone))))
    return fires


def tick(store: Store, doorbell: Doorbell, *, worker: str, now: datetime) -> int:
    """Start what is due and say how many pieces of work that was."""
    started = 0
    for schedule in store.list_due_schedules():
        try:
            following = next_run(schedule["cron"], schedule["time_zone"], now)
        except CronSimError as exc:
            _log.error("schedule_invalid", schedule_id=schedule["id"], detail=str(exc))
            continue
        for ring in store.advance_schedule(schedule, next_run_at=following, worker=worker):
            doorbell.ring(ring["actor"], ring["id"])
            started += 1
    return started
