"""Commands to Redis or Valkey without what redis-py's client adds to each: half of their cost."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.connection import ConnectionInterface, ConnectionPool
from redis.retry import Retry


class Script:
    """A script in Lua, which the server knows by its hash once it has run it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.sha = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


class ValkeyLine:
    """Asks one server; each thread that asks has a connection of its own meanwhile.

    Parameters
    ----------
    redis_url : str
        ``redis://`` or ``rediss://`` address; connected to on first use.
    timeout_s : float
        For connecting, and for an answer.
    """

    def __init__(self, redis_url: str, *, timeout_s: float) -> None:
        # Only for what it knows about addresses and TLS: it lends nothing.
        self._maker = ConnectionPool.from_url(
            redis_url,
            socket_connect_timeout=timeout_s,
            socket_timeout=timeout_s,
            retry=Retry(NoBackoff(), 0),
        )
        self._idle: list[ConnectionInterface] = []

    def run(self, script: Script, keys: Sequence[str], *arguments: Any) -> Any:
        """Run a script; errors as :meth:`ask`."""
        try:
            return self.ask("EVALSHA", script.sha, len(keys), *keys, *arguments)
        except redis.exceptions.NoScriptError:
            return self.ask("EVAL", script.text, len(keys), *keys, *arguments)

    def ask(self, *command: Any) -> Any:
        """The answer to one command.

        Raises
        ------
        redis.RedisError
            When the server does not answer, or refuses.
        """
        try:
            connection = self._idle.pop()
        except IndexError:
            return self._ask(self._maker.make_connection(), command)
        try:
            return self._ask(connection, command)
        except redis.ConnectionError:
            # The server has closed it since, and the others as well, it may be.
            self.close()
            return self._ask(self._maker.make_connection(), command)

    def close(self) -> None:
        """Give back the connections that nobody uses; a later use opens new ones."""
        idle, self._idle = self._idle, []
        for connection in idle:
            connection.disconnect()  # type: ignore[no-untyped-call]  # redis leaves it so

    def _ask(self, connection: ConnectionInterface, command: Sequence[Any]) -> Any:
        try:
            connection.send_command(*command, check_health=False)  # type: ignore[no-untyped-call]
            answer = connection.read_response()
        except redis.ResponseError:
            self._idle.append(connection)
            raise
        except BaseException:
            # An answer that comes later must not be taken for that to another question.
            connection.disconnect()  # type: ignore[no-untyped-call]
            raise
        self._idle.append(connection)
        return answer
