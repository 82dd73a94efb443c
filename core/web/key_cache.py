"""Machine keys that were looked up a moment ago, so that most requests ask no database for them."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import TypeVar

from core.domain import Actor, StandingKey

FOUND_S = 30.0
MISSED_S = 5.0
_MOST = 10_000

V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class _Found:
    actor: Actor
    until: float


class KeyCache:
    """Remembers who a key is for half a minute at most, and never beyond the key's own end.

    Keys are found by their SHA-256, as in the database: how long a look-up takes tells nothing
    about a key, and no secret is compared.

    Parameters
    ----------
    find : callable
        Looks a hash up in the database.
    found_s : float
        Seconds until a standing key is looked up again: so long a revoked one may still be taken.
    missed_s : float
        Seconds until a hash that nobody's key has is looked up again.
    clock : callable
        Seconds that only grow.
    """

    def __init__(
        self,
        find: Callable[[str], StandingKey | None],
        *,
        found_s: float = FOUND_S,
        missed_s: float = MISSED_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._look_up = find
        self._found_s = found_s
        self._missed_s = missed_s
        self._clock = clock
        self._lock = Lock()
        self._found: OrderedDict[str, _Found] = OrderedDict()
        self._missed: OrderedDict[str, float] = OrderedDict()

    def find(self, key_hash: str) -> Actor | None:
        """Who a key is; None when it is unknown, expired or revoked."""
        # From before the look-up: a key that ends during it must not last longer for that.
        now = self._clock()
        with self._lock:
            found = self._found.get(key_hash)
            if found is not None and now < found.until:
                return found.actor
            if now < self._missed.get(key_hash, now):
                return None
        key = self._look_up(key_hash)
        with self._lock:
            if key is None:
                self._found.pop(key_hash, None)
                _put(self._missed, key_hash, now + self._missed_s)
                return None
            lasts = self._found_s if key.expires_in_s is None else key.expires_in_s
            until = now + min(self._found_s, lasts)
            _put(self._found, key_hash, _Found(key.actor, until))
            return key.actor

    def has_met(self, key_hash: str) -> bool:
        """Whether this key stood when it was looked up last, or was just found to be nobody's.

        A hash for which this is false costs a look-up for somebody whom we do not know.
        """
        now = self._clock()
        with self._lock:
            return key_hash in self._found or now < self._missed.get(key_hash, now)


def _put(entries: OrderedDict[str, V], key_hash: str, value: V) -> None:
    entries[key_hash] = value
    entries.move_to_end(key_hash)
    if len(entries) > _MOST:
        entries.popitem(last=False)
