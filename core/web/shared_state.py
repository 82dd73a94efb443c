"""What all processes of functions share in Redis or Valkey: counts of requests, cached answers.

Both come in one round trip, by one script. Where the server is away everything here says so at
once for some seconds: nobody waits for it request by request.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import Any
from uuid import uuid4

import redis
import structlog

from core.web.valkey_line import Script, ValkeyLine

_TIMEOUT_S = 1.0
_AWAY_S = 5.0
_PREFIX = "refit:functions"

# The window is a fixed one, as FixedWindowRateLimiter of the library limits counts it. An entry is
# good only for the generation it was made in; each change through the functions begins a new one.
_COUNT = Script("""
local count = redis.call('incr', KEYS[1])
local left = redis.call('pttl', KEYS[1])
if left < 0 then
    left = tonumber(ARGV[1])
    redis.call('pexpire', KEYS[1], left)
end
if #KEYS == 1 then
    return {count, left}
end
local generation = redis.call('get', KEYS[2])
if not generation then
    local now = redis.call('time')
    generation = now[1] .. '.' .. now[2]
    redis.call('set', KEYS[2], generation)
end
local entry = redis.call('hmget', KEYS[3], 'generation', 'etag', 'body')
if entry[1] == generation then
    return {count, left, generation, entry[2], entry[3]}
end
return {count, left, generation}
""")
_KEEP = Script("""
redis.call('hset', KEYS[1], 'generation', ARGV[2], 'etag', ARGV[3], 'body', ARGV[4])
redis.call('pexpire', KEYS[1], ARGV[1])
""")
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A body that was given before, and its entity tag (without quotes)."""

    etag: str
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What one trip brought."""

    count: int  # requests in this window, with this one
    reset_s: float
    generation: bytes | None = None  # of the cache; None when no entry was asked for
    entry: Entry | None = None


class SharedState:
    """Counts and entries under one namespace.

    Parameters
    ----------
    redis_url : str
        ``redis://`` or ``rediss://`` address; connected to on first use.
    namespace : str
        Tells the systems apart that share a server.
    clock : callable
        Seconds that only grow.
    """

    def __init__(
        self, redis_url: str, namespace: str, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._line = ValkeyLine(redis_url, timeout_s=_TIMEOUT_S)
        self._prefix = f"{_PREFIX}:{namespace}"
        self._generation_key = f"{self._prefix}:generation"
        self._clock = clock
        self._lock = Lock()
        self._away_until = 0.0  # 0: it answers

    def count(self, name: str, window_s: int, entry: str | None = None) -> Seen | None:
        """Count a request, and fetch the entry of that name; None when the server is away."""
        keys = [f"{self._prefix}:{name}"]
        if entry is not None:
            keys += [self._generation_key, self._entry_key(entry)]
        given = self._ask(lambda: self._line.run(_COUNT, keys, window_s * 1000))
        if given is None:
            return None
        count, left, *rest = given
        generation, *stored = rest or [None]
        return Seen(
            count=count,
            reset_s=left / 1000,
            generation=generation,
            entry=Entry(etag=stored[0].decode(), body=stored[1]) if stored else None,
        )

    def keep(self, name: str, generation: bytes, entry: Entry, seconds: float) -> None:
        """Keep an entry that was made from what was read in this generation."""
        key, milliseconds = self._entry_key(name), round(seconds * 1000)
        self._ask(
            lambda: self._line.run(_KEEP, [key], milliseconds, generation, entry.etag, entry.body)
        )

    def begin_generation(self) -> None:
        """Make every entry useless: something has changed."""
        # Not a number that grows: it would begin anew when the server forgets it.
        self._ask(lambda: self._line.ask("SET", self._generation_key, uuid4().hex))

    def close(self) -> None:
        """Give back the connections; a later use opens new ones."""
        self._line.close()

    def _entry_key(self, name: str) -> str:
        return f"{self._prefix}:entry:{name}"

    def _ask(self, ask: Callable[[], Any]) -> Any:
        if not self._may_ask():
            return None
        try:
            given = ask()
        except (redis.RedisError, OSError) as exc:
            self._note_away(type(exc).__name__)
            return None
        if self._away_until:
            self._note_back()
        return given

    def _may_ask(self) -> bool:
        if not self._away_until:
            return True
        with self._lock:
            now = self._clock()
            if now < self._away_until:
                return False
            # This request looks whether it is back; the others need not wait meanwhile.
            self._away_until = now + _AWAY_S
            return True

    def _note_away(self, error: str) -> None:
        with self._lock:
            known = self._away_until > 0
            self._away_until = self._clock() + _AWAY_S
        if not known:
            _log.warning("shared_state_away", error=error, effect="limits per process, no cache")

    def _note_back(self) -> None:
        with self._lock:
            known = self._away_until == 0
            self._away_until = 0.0
        if not known:
            _log.info("shared_state_back")
