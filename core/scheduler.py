"""The scheduler process: ticks every few seconds until it is asked to end."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import structlog
from apscheduler.executors.pool import (  # type: ignore[import-untyped]  # it has no types
    ThreadPoolExecutor,
)
from apscheduler.schedulers.background import (  # type: ignore[import-untyped]
    BackgroundScheduler,
)

from core.database import PostgresDatabase
from core.digests import DigestPlan
from core.errors import RefitError
from core.log import configure_logging
from core.process_name import process_name
from core.queue import Doorbell
from core.settings import Settings
from core.stop_signals import StopSignals
from core.store import Store
from core.tick import tick

TICK_SECONDS = 10.0

_log = structlog.get_logger(__name__)


def run_scheduler(settings: Settings) -> None:
    """Tick until SIGTERM or SIGINT.

    Raises
    ------
    ConfigurationError
        When an address is missing or wrong; it is named.
    """
    configure_logging(settings.log_level)
    database = PostgresDatabase(settings.require_database_url(), max_connections=1)
    doorbell = Doorbell(settings.require_redis_url())
    store, name, signals = Store(database), process_name(), StopSignals()
    retention_days = settings.retention_days
    digest = DigestPlan.from_settings(settings)
    scheduler = _every(TICK_SECONDS, lambda: _tick(store, doorbell, name, retention_days, digest))
    scheduler.start()
    _log.info("scheduler_started", scheduler=name)
    signals.wait()
    scheduler.shutdown()  # waits for a tick that runs
    database.close()
    doorbell.close()
    _log.info("scheduler_stopped", scheduler=name)


def _every(seconds: float, function: Callable[[], None]) -> BackgroundScheduler:
    """Call a function now and then, one call at a time; calls that were missed are one."""
    # It would tell of every call; what a tick did is told below.
    logging.getLogger("apscheduler").setLevel(logging.WARNING)
    scheduler = BackgroundScheduler(timezone=UTC, executors={"default": ThreadPoolExecutor(1)})
    scheduler.add_job(
        function,
        "interval",
        seconds=seconds,
        next_run_time=datetime.now(UTC),
        coalesce=True,
        max_instances=1,
        misfire_grace_time=None,
    )
    return scheduler


def _tick(
    store: Store,
    doorbell: Doorbell,
    name: str,
    retention_days: Mapping[str, int],
    digest: DigestPlan | None,
) -> None:
    try:
        summary = tick(
            store,
            doorbell,
            ticker=name,
            now=datetime.now(UTC),
            retention_days=retention_days,
            digest=digest,
        )
    except RefitError as exc:
        _log.warning("tick_failed", error=exc.problem, detail=exc.message)
    except Exception:  # noqa: BLE001
        # Whatever it was: without ticks no schedule would ever run again.
        _log.exception("tick_failed")
    else:
        house = summary["housekeeping"]
        if house["kept"] or house["failed"]:
            _log.warning("housekeeping_incomplete", kept=house["kept"], failed=house["failed"])
        if summary["schedules"] or summary["updates"]:
            _log.info("work_started", schedules=summary["schedules"], updates=summary["updates"])
