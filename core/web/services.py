"""What a process of functions shares between its requests."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from functools import cache
from threading import Lock

from core.database import Database, open_database
from core.log import configure_logging
from core.queue import Doorbell
from core.settings import Settings, get_settings
from core.store import Store
from core.web.key_cache import KeyCache
from core.web.rate_limits import FailedAttempts, RateLimits
from core.web.shared_state import SharedState
from core.web.slots import WaitingSlots
from core.web.tokens import UserTokens


@dataclass(frozen=True, kw_only=True)
class Services:
    """The database, the doorbell, who may ask how often, and how many requests may wait."""

    settings: Settings
    database: Database
    tokens: UserTokens
    keys: KeyCache
    failures: FailedAttempts
    shared: SharedState
    limits: RateLimits
    doorbell: Doorbell
    waiting: WaitingSlots

    def close(self) -> None:
        """Give back every connection."""
        self.database.close()
        self.doorbell.close()
        self.shared.close()


_lock = Lock()


@cache
def _build_services() -> Services:
    settings = get_settings()
    database = open_database(settings)
    redis_url = settings.require_redis_url()
    doorbell = Doorbell(redis_url)
    shared = SharedState(redis_url, _namespace(settings))
    return Services(
        settings=settings,
        database=database,
        tokens=UserTokens(settings),
        keys=KeyCache(Store(database).find_standing_key),
        failures=FailedAttempts(settings.rate_limit_failures),
        shared=shared,
        limits=RateLimits(settings, shared),
        doorbell=doorbell,
        waiting=WaitingSlots(server_threads()),
    )


def _namespace(settings: Settings) -> str:
    """Systems with databases of their own may share a Redis; an address may hold a password."""
    if settings.database_url is None:
        address = settings.supabase_url or ""
    else:
        address = settings.database_url.get_secret_value()
    return hashlib.sha256(address.encode()).hexdigest()[:16]


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
