"""Transactions through ADBC, and what its errors mean.

Every transaction is one ``begin … commit`` with transaction-local settings only, so it works
through a pooler in transaction mode (Supavisor, PgBouncer) too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import unquote

import adbc_driver_manager
import pyarrow as pa
from adbc_driver_postgresql import dbapi

from core.errors import ConfigurationError, DatabaseUnavailable, DataError, RefitError

READER = "refit_reader"
_CONNECT_TIMEOUT_S = 10
# What libpq says when the address itself is wrong, so that waiting will not help.
_BAD_ADDRESS = re.compile(
    r'invalid|missing "="|authentication failed|no password supplied'
    r'|(database|role) "[^"]*" does not exist|SSL was required'
)
_NO_SUCH_ROLE, _MAY_NOT = "22023", "42501"
_PROTOCOL_VIOLATION = "08P01"


class Transaction:
    """An open transaction: SQL in, Arrow tables or plain rows out."""

    def __init__(self, connection: dbapi.Connection) -> None:
        self._connection = connection

    def fetch_table(self, sql: str) -> pa.Table:
        """All rows of a query as an Arrow table; streams by COPY, hence no parameters."""
        with self._connection.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetch_arrow_table()

    def fetch_rows(self, sql: str, *parameters: Any) -> list[dict[str, Any]]:
        """All rows of a small query with ``$1``, ``$2``, … as dictionaries."""
        with self._connection.cursor() as cursor:
            cursor.execute(sql, parameters or None)
            rows: list[dict[str, Any]] = cursor.fetch_arrow_table().to_pylist()
            return rows

    def execute(self, *statements: str) -> None:
        """Run statements that give no rows, in order."""
        with self._connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    def ingest(self, table: str, data: pa.Table, **where: Any) -> None:
        """Append ``data`` to an existing table by binary COPY, matching columns by name."""
        with self._connection.cursor() as cursor:
            cursor.adbc_ingest(table, data, mode="append", **where)

    def configure(self, settings: Mapping[str, str]) -> None:
        """Set settings for this transaction alone."""
        items = [item for pair in settings.items() for item in pair]
        calls = ", ".join(f"set_config(${n}, ${n + 1}, true)" for n in range(1, len(items), 2))
        self.fetch_rows(f"select {calls}", *items)


@contextmanager
def transaction(database_url: str) -> Iterator[Transaction]:
    """One read-write transaction as the connecting user; commits at the end, undoes on an error.

    Raises
    ------
    DatabaseUnavailable
        The server does not answer or went away.
    ConfigurationError
        The address or the password is wrong.
    DataError
        Anything else that PostgreSQL refuses.
    """
    try:
        connection = dbapi.connect(_with_timeout(database_url))
    except adbc_driver_manager.Error as exc:
        raise _connection_error(exc, database_url) from exc
    try:
        yield Transaction(connection)
        connection.commit()
    except adbc_driver_manager.Error as exc:
        raise as_refit_error(exc, database_url) from exc
    finally:
        _close(connection)


@contextmanager
def read_only(database_url: str) -> Iterator[Transaction]:
    """One read-only transaction as the connecting user, in UTC."""
    with transaction(database_url) as tx:
        tx.configure({"transaction_read_only": "on", "timezone": "UTC"})
        yield tx


@contextmanager
def reading(database_url: str) -> Iterator[Transaction]:
    """One read-only transaction as ``refit_reader``.

    ``row_security`` is off: a query that row-level security would cut short is an error.
    """
    with read_only(database_url) as tx:
        try:
            tx.configure({"role": READER, "row_security": "off"})
        except adbc_driver_manager.Error as exc:
            raise _role_error(exc) from exc
        yield tx


def as_refit_error(exc: adbc_driver_manager.Error, database_url: str) -> RefitError:
    """What an error of a statement means to a person."""
    state = exc.sqlstate or ""
    message = _primary_message(exc, database_url)
    if state == "57014":
        return DataError(
            f"The database stopped the query: {message}.",
            hint="Raise statement_timeout for the connecting user, or read a shorter window.",
        )
    if _is_away(exc, state):
        return DatabaseUnavailable(f"The database went away: {message}.")
    hint = "Run `refit migrate`." if state == "42704" and READER in message else None
    return DataError(f"The database refused: {message}.", hint=hint)


def _is_away(exc: adbc_driver_manager.Error, state: str) -> bool:
    """Whether the server or the way to it failed, rather than the statement."""
    if not state:
        # Without a state it is the driver that speaks: of the socket, or of values it cannot copy.
        return exc.status_code is adbc_driver_manager.AdbcStatusCode.IO
    # A protocol violation is what the server calls a copy whose bytes do not fit the columns.
    return state[:2] in {"08", "53", "57", "58"} and state != _PROTOCOL_VIOLATION


def _connection_error(exc: adbc_driver_manager.Error, database_url: str) -> RefitError:
    message = _primary_message(exc, database_url)
    if _BAD_ADDRESS.search(message):
        return ConfigurationError(
            f"The database cannot be reached with this address: {message}.",
            hint="Correct DATABASE_URL.",
        )
    return DatabaseUnavailable(f"The database does not answer: {message}.")


def _role_error(exc: adbc_driver_manager.Error) -> RefitError:
    if exc.sqlstate == _NO_SUCH_ROLE:
        return DataError(f"The role {READER} does not exist.", hint="Run `refit migrate`.")
    if exc.sqlstate == _MAY_NOT:
        return DataError(
            f"The connecting user may not act as {READER}.",
            hint=f"Run: grant {READER} to <the user of DATABASE_URL>;",
        )
    return DataError(f"The database refused the role {READER}: {_diagnostic(exc)}.")


def _primary_message(exc: adbc_driver_manager.Error, database_url: str) -> str:
    """PostgreSQL's own sentence, without the query and without any secret of the address."""
    text = _diagnostic(exc).removeprefix("IO: ").removeprefix("[libpq] ")
    text = text.removeprefix("Failed to connect: ")
    text = " ".join(text.split()).rstrip(". ")
    for secret in _secrets(database_url):
        text = text.replace(secret, "***")
    return text


def _diagnostic(exc: adbc_driver_manager.Error) -> str:
    for name, value in exc.details:
        if name in {"PG_DIAG_MESSAGE_PRIMARY", b"PG_DIAG_MESSAGE_PRIMARY"}:
            return value.decode()
    return str(exc)


def _secrets(database_url: str) -> Sequence[str]:
    """The password, as written and decoded, and the whole address."""
    found = [database_url]
    for pattern in (r"//[^/?#]*?:([^/?#]*)@", r"[?&\s]password=([^&\s]+)"):
        for match in re.finditer(pattern, database_url):
            found += [match[1], unquote(match[1])]
    return sorted((s for s in found if s), key=len, reverse=True)


def _with_timeout(database_url: str) -> str:
    """A host that swallows packets must not hold a worker for minutes."""
    if "connect_timeout" in database_url:
        return database_url
    setting = f"connect_timeout={_CONNECT_TIMEOUT_S}"
    if "://" not in database_url:
        return f"{database_url} {setting}"
    return f"{database_url}{'&' if '?' in database_url else '?'}{setting}"


def _close(connection: dbapi.Connection) -> None:
    # The server may be gone already; the error that told so is on its way up.
    with suppress(adbc_driver_manager.Error):
        connection.close()
