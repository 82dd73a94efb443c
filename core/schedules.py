"""When schedules fire, and starting those that are due."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import structlog
from cronsim import CronSim, CronSimError

from core.errors import InvalidRequest, RefitError
from core.queue import Doorbell
from core.store import Store

_FIELDS = 5
_HINT = "It has five fields: minute, hour, day of month, month, day of week; such as 0 */4 * * *."
_log = structlog.get_logger(__name__)


def require_cron(cron: str, time_zone: str) -> None:
    """Refuse what would never start anything, before it is written.

    Parameters
    ----------
    cron : str
        Five fields: minute, hour, day of month, month, day of week.
    time_zone : str
        IANA name.

    Raises
    ------
    InvalidRequest
        The message begins with the field that is wrong: ``cron`` or ``time_zone``.
    """
    next_run(cron, time_zone, datetime.now(UTC))


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
    fires = _fires(cron, time_zone, after)
    # In a repeated hour the first one found may be of its first turn, which is over. Compared in
    # UTC: times of one zone compare by what the clock on the wall shows.
    later = (found for found in fires if found.astimezone(UTC) > after.astimezone(UTC))
    first: datetime | None = next(later, None)
    if first is None:
        raise InvalidRequest(f"cron {cron!r} never fires.", hint=_HINT)
    return first


def last_run(cron: str, time_zone: str, now: datetime) -> datetime:
    """The last time at which a cron expression fired, ``now`` included.

    Parameters
    ----------
    cron, time_zone : str
        As for :func:`next_run`.
    now : datetime
        With a time zone.

    Raises
    ------
    InvalidRequest
        When the expression means nothing or has never fired, or the time zone is not known.

    Examples
    --------
    >>> from datetime import UTC
    >>> last_run("0 8 * * 1", "UTC", datetime(2026, 11, 24, 9, 30, tzinfo=UTC)).isoformat()
    '2026-11-23T08:00:00+00:00'
    >>> last_run("0 8 * * 1", "UTC", datetime(2026, 11, 23, 8, tzinfo=UTC)).isoformat()
    '2026-11-23T08:00:00+00:00'
    """
    # Backwards it begins before the time that it is given.
    fires = _fires(cron, time_zone, now + timedelta(minutes=1), backwards=True)
    earlier = (found for found in fires if found.astimezone(UTC) <= now.astimezone(UTC))
    last: datetime | None = next(earlier, None)
    if last is None:
        raise InvalidRequest(f"cron {cron!r} never fired.", hint=_HINT)
    return last


def _fires(cron: str, time_zone: str, start: datetime, *, backwards: bool = False) -> CronSim:
    zone = _zone(time_zone)
    if len(cron.split(" ")) != _FIELDS:
        raise InvalidRequest(
            f"cron {cron!r} has not five fields between single spaces.", hint=_HINT
        )
    try:
        return CronSim(cron, start.astimezone(zone), reverse=backwards)
    except CronSimError as exc:
        raise InvalidRequest(f"cron {cron!r} means nothing: {exc}.", hint=_HINT) from exc


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    # ValueError: no name at all; OSError: a folder of zones, such as Europe.
    except (ZoneInfoNotFoundError, ValueError, OSError) as exc:
        raise InvalidRequest(
            f"time_zone {name!r} is not known.", hint="Use a name such as Europe/Amsterdam."
        ) from exc


def start_due_schedules(store: Store, doorbell: Doorbell, *, worker: str, now: datetime) -> int:
    """Start what is due, each once however many tick; one that cannot start stops no other.

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
        How many of them started their work.

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
