"""Connections that never wait for long, to an address that was understood."""

from __future__ import annotations

import math
import select
import time
from typing import TypeVar

import psycopg
from psycopg.abc import PQGen
from psycopg.conninfo import conninfo_to_dict

from core.errors import ConfigurationError

T = TypeVar("T")

_INTERVAL_S = 0.1
# To see that a pooled connection lives: one trip there and back.
_CHECK_S = 2.0
# Without a trip it is believed to live, when it has answered a moment ago.
_BELIEVED_S = 5.0


class BoundedConnection(psycopg.Connection[tuple[object, ...]]):
    """A connection that is closed when its server has not answered by ``answer_by``.

    The bound is the client's own: a server that is frozen, or behind a network that swallows
    packets, keeps no timeout of its own, and its kernel may go on acknowledging what is sent.

    Attributes
    ----------
    answer_by : float
        On the clock of ``time.monotonic``, in seconds.
    answered_at : float
        When it last gave an answer, on the same clock.
    """

    answer_by: float = math.inf
    answered_at: float = -math.inf

    @property
    def is_silent(self) -> bool:
        """Whether nothing came in unasked, as when the server says farewell or is gone."""
        incoming = select.poll()
        incoming.register(self.fileno(), select.POLLIN)
        return not incoming.poll(0)

    def wait(self, gen: PQGen[T], interval: float = _INTERVAL_S, timeout: float | None = None) -> T:
        """Every exchange with the server waits here.

        Raises
        ------
        OperationalError
            When the time is over; the connection is closed then.
        """
        left = max(0.0, self.answer_by - time.monotonic())
        try:
            return super().wait(gen, interval, min(left, math.inf if timeout is None else timeout))
        except psycopg.errors._WaitTimeout as exc:  # noqa: SLF001 - what the method documents
            # What the server still does is unknown: nothing more can be said on this connection.
            self.pgconn.finish()
            raise psycopg.OperationalError("The server did not answer in time.") from exc


def note_answer(connection: BoundedConnection) -> None:
    """Remember that the server has answered just now, as when it has let the connection in."""
    connection.answered_at = time.monotonic()


def require_answer(connection: BoundedConnection) -> None:
    """See that a pooled connection still lives, by a trip to the server where it may not.

    Raises
    ------
    OperationalError
        It does not.
    """
    now = time.monotonic()
    if now - connection.answered_at < _BELIEVED_S and connection.is_silent:
        return
    connection.answer_by = now + _CHECK_S
    connection.execute("")
    note_answer(connection)


def require_address(database_url: str) -> None:
    """Refuse what is no address of a PostgreSQL.

    Here, because the errors of a connection quote what was taken for host or port, and in an
    address that is written wrongly that may be a part of the password.

    Raises
    ------
    ConfigurationError
        It names the variable and shows nothing of its value.
    """
    try:
        fields = conninfo_to_dict(database_url)
    except psycopg.Error:
        fields = {"port": "none"}
    hosts, ports = str(fields.get("host") or ""), str(fields.get("port") or "")
    if "@" in hosts or not all(port.strip().isdigit() for port in ports.split(",") if port):
        raise ConfigurationError(
            "DATABASE_URL is no address of a PostgreSQL.",
            hint="It looks like postgresql://user:password@host:5432/database; characters such "
            "as @ : / % in the password are written %40 %3A %2F %25.",
        ) from None
