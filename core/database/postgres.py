"""Calling the SQL functions over a PostgreSQL connection (psycopg 3, pooled)."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from enum import StrEnum
from functools import lru_cache
from threading import Lock
from typing import Any

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb
from psycopg_pool import ConnectionPool, PoolClosed, PoolTimeout

from core.database.connections import (
    BoundedConnection,
    note_answer,
    require_address,
    require_answer,
)
from core.database.sqlstates import state_error, unsendable_text
from core.domain import User
from core.errors import DatabaseUnavailable, InvalidRequest, RefitError

_CHECKOUT_TIMEOUT_S = 5.0
# A call's trips to the server, together. A busy server gives up before that and says so; one that
# is frozen or cut off says nothing.
_ANSWER_TIMEOUT_S = 10.0
_STATEMENT_TIMEOUT_MS = "8000"

# Transaction-local only, so that Supavisor's transaction pooler can hand the connection on.
_ENTER = (
    "select set_config('role', %s, true), set_config('request.jwt.claims', %s, true), "
    "set_config('statement_timeout', %s, true), set_config('timezone', 'UTC', true)"
)


class PostgresDatabase:
    """SQL functions over a pool of connections, which is opened on first use.

    Parameters
    ----------
    database_url : str
        libpq address; the connecting role must be a member of ``service_role`` and
        ``authenticated`` (the first migration sees to it).
    max_connections : int
        The most connections that this process holds at a time.

    Raises
    ------
    ConfigurationError
        When this is no such address.
    """

    def __init__(self, database_url: str, *, max_connections: int = 10) -> None:
        require_address(database_url)
        self._url = database_url
        self._max_connections = max_connections
        self._pool: ConnectionPool[BoundedConnection] | None = None
        self._lock = Lock()

    def _opened_pool(self) -> ConnectionPool[BoundedConnection]:
        with self._lock:
            if self._pool is None:
                self._pool = ConnectionPool(
                    self._url,
                    connection_class=BoundedConnection,
                    min_size=0,
                    max_size=self._max_connections,
                    timeout=_CHECKOUT_TIMEOUT_S,
                    reconnect_timeout=_CHECKOUT_TIMEOUT_S,
                    configure=note_answer,
                    check=require_answer,
                    # A transaction pooler keeps no prepared statements.
                    kwargs={"prepare_threshold": None, "connect_timeout": 5, "autocommit": True},
                    open=True,
                )
            return self._pool

    def call(
        self,
        function: str,
        arguments: Mapping[str, Any],
        *,
        user: User | None = None,
    ) -> Any:
        """Call ``public.<function>``; see :class:`core.database.protocol.Database`."""
        role, claims = ("service_role", {}) if user is None else ("authenticated", user.claims)
        statement = _statement(function, tuple(arguments))
        values = [_adapted(value) for value in arguments.values()]
        try:
            with self._opened_pool().connection() as connection:
                connection.answer_by = time.monotonic() + _ANSWER_TIMEOUT_S
                answer = _exchange(connection, (role, json.dumps(claims)), statement, values)
                row = answer.fetchone()
                note_answer(connection)
        except (PoolTimeout, PoolClosed) as exc:
            raise DatabaseUnavailable("The database does not answer.") from exc
        except psycopg.Error as exc:
            raise _translated(exc) from exc
        except UnicodeEncodeError as exc:
            raise unsendable_text() from exc
        return None if row is None else row[0]

    def close(self) -> None:
        """Close the pool; a later call opens a new one."""
        with self._lock:
            if self._pool is not None:
                self._pool.close()
                self._pool = None


def _exchange(
    connection: BoundedConnection, who: tuple[str, str], statement: bytes, values: list[Any]
) -> psycopg.Cursor[tuple[object, ...]]:
    """Send a statement in somebody's name, and have it committed or undone."""
    try:
        # Sent together: one trip there and back, and one transaction, which PostgreSQL opens at
        # the first statement and commits, or undoes, where the pipeline ends.
        with connection.pipeline():
            connection.execute(_ENTER, (*who, _STATEMENT_TIMEOUT_MS))
            return connection.execute(statement, values)
    except IndexError as exc:
        # A commit that fails gives an answer to no statement. Where it comes apart from the others
        # psycopg's pipeline (3.3) has nothing left to match it with.
        connection.close()
        raise DatabaseUnavailable("The database did not take the change.") from exc


# There are as many as the store has methods, and a few more by their optional arguments.
@lru_cache(maxsize=512)
def _statement(function: str, names: tuple[str, ...]) -> bytes:
    arguments = sql.SQL(", ").join(sql.SQL("{} => %s").format(sql.Identifier(n)) for n in names)
    return sql.SQL("select public.{}({})").format(sql.Identifier(function), arguments).as_bytes()


def _adapted(value: Any) -> Any:
    if isinstance(value, dict):
        return Jsonb(value)
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return Jsonb(value)
    if isinstance(value, StrEnum):
        return str(value)
    if isinstance(value, (list, tuple)):
        return [str(v) if isinstance(v, StrEnum) else v for v in value]
    return value


def _translated(exc: psycopg.Error) -> RefitError:
    message = exc.diag.message_primary or str(exc)
    known = state_error(exc.sqlstate or "", message, exc.diag.message_detail, exc.diag.message_hint)
    if known is not None:
        return known
    # Without a state nothing of PostgreSQL's said so: the connection itself broke.
    lost = isinstance(exc, psycopg.OperationalError) and not exc.sqlstate
    if lost or isinstance(exc, psycopg.InterfaceError):
        return DatabaseUnavailable("The database does not answer.")
    # Refused before it was sent: a text with a NUL character.
    if not exc.sqlstate and isinstance(exc, psycopg.DataError):
        return InvalidRequest(f"A value is not valid: {exc}.")
    return RefitError(f"The database refused: {message}.")
