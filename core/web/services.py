"""What a process of functions shares between its requests."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from threading import Lock

from core.database import Database, PostgresDatabase
from core.log import configure_logging
from core.queue import Doorbell
from core.settings import Settings, get_settings
from core.web.slots import WaitingSlots


@dataclass(frozen=True, kw_only=True)
class Services:
    """The database, the doorbell, and how many requests may wait."""

    settings: Settings
    database: Database
    doorbell: Doorbell
    waiting: WaitingSlots

    def close(self) -> None:
        """Give back every connection."""
        self.database.close()
        self.doorbell.close()


_lock = Lock()


@cache
def _build_services() -> Services:
    settings = get_settings()
    return Services(
        settings=settings,
        database=PostgresDatabase(settings.require_database_url()),
        doorbell=Doorbell(settings.require_redis_url()),
        waiting=WaitingSlots(server_threads()),
    )


def get_services() -> Services:
    """The process's services, made on first use: the server forks after it has loaded us.

    Raises
    ------
    ConfigurationError
        When an address is missing; the message names the variable.
    """
    with _lock:
        return _build_services()


def close_services() -> None:
    """Close the services; a later use makes new ones."""
    with _lock:
        if _build_services.cache_info().currsize:
            _build_services().close()
            _build_services.cache_clear()


@cache
def set_up_logging() -> None:
    """Configure this process's log, once."""
    configure_logging(get_settings().log_level)


def server_threads() -> int:
    """How many requests this process serves at a time: functions-framework's own rule."""
    return int(os.environ.get("THREADS", (os.cpu_count() or 1) * 4))
