"""The local scheduler process: ticks every few seconds until it is asked to end."""

from __future__ import annotations

import signal
from datetime import UTC, datetime
from threading import Event
from types import FrameType

import structlog

from core.database import PostgresDatabase
from core.errors import RefitError
from core.log import configure_logging
from core.process_name import process_name
from core.queue import Doorbell
from core.schedules import tick
from core.settings import Settings
from core.store import Store

TICK_SECONDS = 10.0

_log = structlog.get_logger(__name__)


def run_scheduler(settings: Settings) -> None:
    """Tick until SIGTERM or SIGINT.

    Raises
    ------
    ConfigurationError
        When an address is missing; it is named.
    """
    configure_logging(settings.log_level)
    database = PostgresDatabase(settings.require_database_url())
    doorbell = Doorbell(settings.require_redis_url())
    store, name, stopping = Store(database), process_name(), Event()

    def leave(_number: int, _frame: FrameType | None) -> None:
        stopping.set()

    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGINT, leave)
    _log.info("scheduler_started", worker=name)
    while not stopping.is_set():
        try:
            for ring in store.sweep_lost_work(name, "scheduler"):
                doorbell.ring(ring["actor"], ring["id"])
            started = tick(store, doorbell, worker=name, now=datetime.now(UTC))
        except RefitError as exc:
            _log.warning("tick_failed", error=exc.problem, detail=exc.message)
        else:
            if started:
                _log.info("schedules_started", count=started)
        stopping.wait(TICK_SECONDS)
    database.close()
    doorbell.close()
    _log.info("scheduler_stopped", worker=name)
