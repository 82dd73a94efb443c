"""The doorbell: a message that carries an id and nothing else.

The database holds the work. A lost message only costs time: the sweep rings again. So a queue
that is away is logged and never fails a request.
"""

from __future__ import annotations

import time
from threading import Lock
from typing import Any
from uuid import UUID

import redis
import structlog
from dramatiq import Message
from dramatiq.brokers.redis import RedisBroker
from dramatiq.common import dq_name
from redis.connection import parse_url

from core.errors import ConfigurationError

QUEUE = "refit"
NAMESPACE = "refit"
_CONNECT_TIMEOUT_S = 2.0
# Nothing here blocks in Redis on purpose: consumers poll.
_ANSWER_TIMEOUT_S = 10.0
# A request waits for its ring, and can do without: a frozen queue must not hold it up.
_RING_TIMEOUT_S = 2.0
# Many rings in a row must not wait for a queue that is away, each anew.
_AWAY_S = 2.0

_log = structlog.get_logger(__name__)


def make_broker(redis_url: str, *, answer_timeout_s: float = _ANSWER_TIMEOUT_S) -> RedisBroker:
    """A broker for this Redis or Valkey, without middleware; it connects when it is used.

    Without middleware nothing retries, limits or times a message: all that is the database's and
    the worker's own.

    Parameters
    ----------
    redis_url : str
        ``redis://`` or ``rediss://`` address.
    answer_timeout_s : float
        Seconds after which a queue that says nothing is taken for away.

    Raises
    ------
    ConfigurationError
        When this is no such address.
    """
    _require_address(redis_url)
    client = redis.Redis.from_url(
        redis_url,
        socket_connect_timeout=_CONNECT_TIMEOUT_S,
        socket_timeout=answer_timeout_s,
        health_check_interval=30,
    )
    broker = RedisBroker(  # type: ignore[no-untyped-call]  # dramatiq leaves it unannotated
        client=client, middleware=[], namespace=NAMESPACE
    )
    broker.declare_queue(QUEUE)
    # Nothing is ever delayed: polling that queue too would double what an idle worker asks.
    broker.delay_queues.discard(dq_name(QUEUE))
    return broker


class Doorbell:
    """Rings workers for rows that the database already holds.

    Parameters
    ----------
    redis_url : str
        ``redis://`` or ``rediss://`` address; connected to on the first ring.

    Raises
    ------
    ConfigurationError
        When this is no such address.
    """

    def __init__(self, redis_url: str) -> None:
        _require_address(redis_url)
        self._url = redis_url
        self._broker: RedisBroker | None = None
        self._away_until = 0.0
        self._lock = Lock()

    def ring(self, actor: str, work_id: UUID | str) -> bool:
        """Send one id to an actor.

        Returns
        -------
        bool
            False when the queue is away; the sweep will ring again when it is back.
        """
        if time.monotonic() < self._away_until:
            return False
        message = Message[None](
            queue_name=QUEUE, actor_name=actor, args=(str(work_id),), kwargs={}, options={}
        )
        try:
            self._connected().enqueue(message)
        except (redis.RedisError, OSError) as exc:
            self._away_until = time.monotonic() + _AWAY_S
            _log.warning(
                "queue_away",
                actor=actor,
                id=str(work_id),
                error=type(exc).__name__,
                detail=str(exc),  # such as a certificate that is not trusted
            )
            return False
        return True

    def waiting(self) -> int | None:
        """How many messages no worker has fetched yet; None when the queue is away."""
        try:
            return int(self._connected().client.llen(f"{NAMESPACE}:{QUEUE}"))
        except (redis.RedisError, OSError):
            return None

    def waiting_ids(self, most: int) -> set[str] | None:
        """The ids in messages that no worker has fetched yet.

        Parameters
        ----------
        most : int
            How many messages are read at most, those next in turn.

        Returns
        -------
        set of str or None
            None when the queue is away.
        """
        try:
            client = self._connected().client
            turns = client.lrange(f"{NAMESPACE}:{QUEUE}", 0, most - 1)
            bodies: list[Any] = client.hmget(f"{NAMESPACE}:{QUEUE}.msgs", turns) if turns else []
        except (redis.RedisError, OSError):
            return None
        # A message without a body was fetched in between.
        return {str(i) for body in bodies if body for i in Message.decode(body).args}

    def close(self) -> None:
        """Give back the connections; a later ring opens new ones."""
        with self._lock:
            if self._broker is not None:
                self._broker.client.close()
                self._broker = None

    def _connected(self) -> RedisBroker:
        with self._lock:
            if self._broker is None:
                self._broker = make_broker(self._url, answer_timeout_s=_RING_TIMEOUT_S)
            return self._broker


def _require_address(redis_url: str) -> None:
    try:
        parse_url(redis_url)  # type: ignore[no-untyped-call]
    except ValueError:
        # Redis' own message would do, but it may quote a password.
        raise ConfigurationError(
            "REDIS_URL is no address of a Redis or Valkey.",
            hint="It looks like redis://host:6379/0 or rediss://user:password@host:6380/0.",
        ) from None
