"""The scheduler process: ticks every few seconds until it is asked to end."""

from __future__ import annotations

from datetime import UTC, datetime

import structlog

from core.database import PostgresDatabase
from core.errors import RefitError
from core.log import configure_logging
from core.lost_work import ring_for_lost_work
from core.process_name import process_name
from core.queue import Doorbell
from core.schedules import tick
from core.settings import Settings
from core.stop_signals import StopSignals
from core.store import Store

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
    _log.info("scheduler_started", scheduler=name)
    while True:
        try:
            ring_for_lost_work(store, doorbell, sweeper=name, kind="scheduler")
            started = tick(store, doorbell, worker=name, now=datetime.now(UTC))
        except RefitError as exc:
            _log.warning("tick_failed", error=exc.problem, detail=exc.message)
        except Exception:  # noqa: BLE001
            # Whatever it was: without ticks no schedule would ever run again.
            _log.exception("tick_failed")
        else:
            if started:
                _log.info("schedules_started", count=started)
        if signals.wait(TICK_SECONDS):
            break
    database.close()
    doorbell.close()
    _log.info("scheduler_stopped", scheduler=name)
