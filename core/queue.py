"""The doorbell: a message that carries an id and nothing else.

The database holds the work. A lost message only costs time: the sweep rings again. So a queue
that is away is logged and never fails a request.
"""

from __future__ import annotations

from threading import Lock
from uuid import UUID

import redis
import structlog
from dramatiq import Message
from dramatiq.brokers.redis import RedisBroker
from dramatiq.middleware import Middleware

QUEUE = "refit"
NAMESPACE = "refit"
_TIMEOUT_S = 2.0

_log = structlog.get_logger(__name__)


def make_broker(redis_url: str, *, middleware: list[Middleware] | None = None) -> RedisBroker:
    """A broker for this Redis or Valkey; nothing is sent until it is used.

    Parameters
    ----------
    redis_url : str
        ``redis://`` or ``rediss://`` address.
    middleware : list of Middleware, optional
        None for a sender, which needs none; a worker brings its own.
    """
    client = redis.Redis.from_url(
        redis_url,
        socket_connect_timeout=_TIMEOUT_S,
        # A consumer's blocking reads are short polls, so one limit fits both.
        socket_timeout=_TIMEOUT_S * 5,
        health_check_interval=30,
    )
    broker = RedisBroker(  # type: ignore[no-untyped-call]  # dramatiq leaves it unannotated
        client=client, middleware=middleware or [], namespace=NAMESPACE
    )
    broker.declare_queue(QUEUE)
    return broker


class Doorbell:
    """Rings workers for rows that the database already holds.

    Parameters
    ----------
    redis_url : str
        ``redis://`` or ``rediss://`` address; connected to on the first ring.
    """

    def __init__(self, redis_url: str) -> None:
        self._url = redis_url
        self._broker: RedisBroker | None = None
        self._lock = Lock()

    def ring(self, actor: str, work_id: UUID | str) -> bool:
        """Send one id to an actor.

        Returns
        -------
        bool
            False when the queue is away; the sweep will ring again when it is back.
        """
        message = Message[None](
            queue_name=QUEUE, actor_name=actor, args=(str(work_id),), kwargs={}, options={}
        )
        try:
            self._connected().enqueue(message)
        except (redis.RedisError, OSError) as exc:
            _log.warning("queue_away", actor=actor, id=str(work_id), error=type(exc).__name__)
            return False
        return True

    def waiting(self) -> int | None:
        """How many messages no worker has fetched yet; None when the queue is away."""
        try:
            return int(self._connected().client.llen(f"{NAMESPACE}:{QUEUE}"))
        except (redis.RedisError, OSError):
            return None

    def _connected(self) -> RedisBroker:
        with self._lock:
            if self._broker is None:
                self._broker = make_broker(self._url)
            return self._broker

    def close(self) -> None:
        """Give back the connections."""
        with self._lock:
            if self._broker is not None:
                self._broker.close()
                self._broker = None
