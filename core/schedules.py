"""One tick: due schedules start their work. Any number of tickers at once do no harm."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import structlog
from cronsim import CronSim, CronSimError

from core.errors import InvalidRequest, RefitError
from core.queue import Doorbell
from core.store import Store

_log = structlog.get_logger(__name__)


def next_run(cron: str, time_zone: str, after: datetime) -> datetime:
    """The first time after ``after`` at which a cron expression fires.

    Where a clock change skips the time, it fires right after the change; where one repeats it,
    once.

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
    InvalidRequest
        When the expression means nothing or never fires, or the time zone is not known.

    Examples
    --------
    >>> from datetime import UTC
    >>> next_run("0 */4 * * *", "UTC", datetime(2026, 3, 1, 9, 30, tzinfo=UTC)).isoformat()
    '2026-03-01T12:00:00+00:00'
    """
    try:
        zone = ZoneInfo(time_zone)
    except (ZoneInfoNotFoundError, ValueError) as exc:  # ValueError: no name at all
        raise InvalidRequest(
            f"The time zone {time_zone!r} is not known.",
            hint="Use a name such as Europe/Amsterdam.",
        ) from exc
    try:
        fires: datetime = next(CronSim(cron, after.astimezone(zone)))
    except CronSimError as exc:
        raise InvalidRequest(
            f"The cron expression {cron!r} means nothing: {exc}.",
            hint="It has five fields: minute, hour, day of month, month, day of week.",
        ) from exc
    except StopIteration:
        raise InvalidRequest(f"The cron expression {cron!r} never fires.") from None
    return fires


def tick(store: Store, doorbell: Doorbell, *, worker: str, now: datetime) -> int:
    """Start what is due; one schedule that cannot be started does not stop the others.

    Parameters
    ----------
    store : Store
    doorbell : Doorbell
    worker : str
        Name of this process.
    now : datetime
        Runs that were missed before it are made up for once, not one by one.

    Returns
    -------
    int
        How many pieces of work were started.

    Raises
    ------
    DatabaseUnavailable
    """
    started = 0
    for schedule in store.list_due_schedules():
        try:
            started += _start(store, doorbell, schedule, worker=worker, now=now)
        except RefitError as exc:
            if exc.transient:
                raise
            _log.error(
                "schedule_failed",
                schedule_id=schedule["id"],
                model_type=schedule["model_type"],
                error=exc.problem,
                detail=exc.message,
            )
    for ring in store.request_due_updates(worker):
        doorbell.ring(ring["actor"], ring["id"])
        started += 1
    return started


def _start(
    store: Store, doorbell: Doorbell, schedule: dict[str, Any], *, worker: str, now: datetime
) -> int:
    # This host's clock may lag behind the database's, by which a run is due: a slot starts once.
    due = schedule["next_run_at"] and datetime.fromisoformat(schedule["next_run_at"])
    following = next_run(schedule["cron"], schedule["time_zone"], max(now, due or now))
    rings = store.advance_schedule(schedule, next_run_at=following, worker=worker)
    for ring in rings:
        doorbell.ring(ring["actor"], ring["id"])
    return len(rings)
