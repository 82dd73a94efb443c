"""How often one sender may ask: counted in Valkey, or in this process where that is away."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from core.domain import Actor, User
from core.errors import TooManyRequests
from core.settings import Settings
from core.web.shared_state import Entry, SharedState

if TYPE_CHECKING:
    from limits import RateLimitItem


class Kind(StrEnum):
    """What is counted by itself."""

    READS = "reads"
    WORK = "work"
    # Whoever asks for much work with the key that also ticks must not stop the clock.
    TICKS = "ticks"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where a sender stands in the window."""

    limit: int
    count: int
    reset_s: float

    def headers(self) -> dict[str, str]:
        """The three fields of draft-ietf-httpapi-ratelimit-headers-06, which clients know.

        Later drafts have structured fields instead, which still change.
        """
        return {
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(max(0, self.limit - self.count)),
            "RateLimit-Reset": str(self._seconds()),
        }

    def require(self) -> None:
        """Refuse what is too much.

        Raises
        ------
        TooManyRequests
        """
        if self.count > self.limit:
            raise TooManyRequests(
                f"Only {self.limit} such requests are taken in this time.",
                retry_after_s=self._seconds(),
                hint=f"Ask again in {self._seconds()} s.",
            )

    def _seconds(self) -> int:
        return max(1, math.ceil(self.reset_s))


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """The standing of a request, and what the cache holds for it."""

    standing: Standing
    generation: bytes | None = None  # None: nothing can be kept
    entry: Entry | None = None


class LocalCounts:
    """Fixed windows in this process, by the library limits."""

    def __init__(self) -> None:
        from limits.storage import MemoryStorage

        self._storage = MemoryStorage()

    def count(self, item: RateLimitItem, *names: str) -> Standing:
        """Count one more."""
        key = item.key_for(*names)
        return self._standing(item, key, self._storage.incr(key, item.get_expiry()))

    def standing(self, item: RateLimitItem, *names: str) -> Standing:
        """Where the sender stands, without counting."""
        key = item.key_for(*names)
        return self._standing(item, key, self._storage.get(key))

    def _standing(self, item: RateLimitItem, key: str, count: int) -> Standing:
        left = self._storage.get_expiry(key) - time.time()
        return Standing(limit=item.amount, count=count, reset_s=left)


class RateLimits:
    """The limits of each key and user, in the trip that also looks into the cache.

    Parameters
    ----------
    settings : Settings
        With the rates.
    shared : SharedState
        Where the counts of all processes are.
    """

    def __init__(self, settings: Settings, shared: SharedState) -> None:
        from limits import parse

        self._items = {
            Kind.READS: parse(settings.rate_limit_reads),
            Kind.WORK: parse(settings.rate_limit_work),
            Kind.TICKS: parse(settings.rate_limit_work),
        }
        self._shared = shared
        self._local = LocalCounts()

    def admit(self, caller: Actor | User, kind: Kind, entry: str | None = None) -> Admission:
        """Count a request of this caller, and fetch the cache's entry of that name.

        Whether it is too much is for :meth:`Standing.require` to say: its answer has the headers
        in any case.
        """
        item = self._items[kind]
        names = (kind, caller.kind, caller.id)
        seen = self._shared.count(item.key_for(*names), item.get_expiry(), entry)
        if seen is None:
            return Admission(standing=self._local.count(item, *names))
        standing = Standing(limit=item.amount, count=seen.count, reset_s=seen.reset_s)
        return Admission(standing=standing, generation=seen.generation, entry=seen.entry)


class FailedAttempts:
    """Wrong credentials by the address they came from, in this process: guessing stays slow.

    Parameters
    ----------
    rate : str
        Such as ``120/minute``.
    """

    def __init__(self, rate: str) -> None:
        from limits import parse

        self._item = parse(rate)
        self._counts = LocalCounts()

    def require_patience(self, address: str) -> None:
        """Refuse an address that was wrong too often, before its credentials are looked up.

        Raises
        ------
        TooManyRequests
        """
        standing = self._counts.standing(self._item, address)
        if standing.count >= standing.limit:
            self._refuse(standing)

    def count(self, address: str) -> None:
        """Note wrong credentials.

        Raises
        ------
        TooManyRequests
            When there were too many, with which nobody needs to hear that these are wrong too.
        """
        standing = self._counts.count(self._item, address)
        if standing.count > standing.limit:
            self._refuse(standing)

    def _refuse(self, standing: Standing) -> None:
        seconds = max(1, math.ceil(standing.reset_s))
        raise TooManyRequests(
            "Too many wrong credentials came from this address.",
            retry_after_s=seconds,
            hint=f"Ask again in {seconds} s.",
        )
