"""PostgREST's RPC calls in its wire shapes: a stand-in for what no machine here can have."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import psycopg
from psycopg import sql
from psycopg_pool import ConnectionPool, PoolTimeout

from tests.supabase.wire import Reply, Request, Speaker, WireError

_PATH = "/rest/v1/rpc/"
_ENTER = """
select set_config('role', %s, true), set_config('request.jwt.claims', %s, true),
       set_config('request.headers', %s, true), set_config('request.method', %s, true),
       set_config('search_path', 'public', true), set_config('statement_timeout', '8s', true),
       set_config('timezone', 'UTC', true)
"""
_CANDIDATES = """
select coalesce(proargnames[1:pronargs], '{}') as names, pronargs - pronargdefaults as required,
       array(select format_type(t, null) from unnest(proargtypes) with ordinality as a (t, n)
             order by n) as types,
       proretset, prorettype::regtype::text as result, provolatile = 'v' as may_write
from pg_catalog.pg_proc where pronamespace = 'public'::regnamespace and proname = %s
"""
_STATUS_BY_STATE = {
    "23503": 409,
    "23505": 409,
    "25006": 405,
    "42883": 404,
    "42P01": 404,
    "P0001": 400,
    "08": 503,
    "53": 503,
    "40": 500,
    "55": 500,
    "57": 500,
    "58": 500,
    "XX": 500,
    "25": 500,
}


class DataApi:
    """Answers ``/rest/v1/rpc/<function>`` from a real database."""

    def __init__(self, database_url: str) -> None:
        self._pool = ConnectionPool(
            database_url,
            min_size=0,
            max_size=8,
            timeout=2,
            kwargs={"autocommit": True},
            open=True,
        )

    def close(self) -> None:
        self._pool.close()

    def answer(self, request: Request, speaker: Speaker) -> Reply:
        parts = urlsplit(request.path)
        if not parts.path.startswith(_PATH) or request.method not in {"GET", "POST"}:
            raise WireError(404, code="PGRST205", message="Could not find it", hint=None)
        function = parts.path.removeprefix(_PATH)
        arguments = (
            dict(parse_qsl(parts.query)) if request.method == "GET" else json.loads(request.body)
        )
        try:
            with self._pool.connection() as connection, connection.transaction():
                connection.execute(
                    _ENTER,
                    (
                        speaker.role,
                        json.dumps(speaker.claims),
                        json.dumps(request.headers),
                        request.method,
                    ),
                )
                return _call(connection, function, arguments, by=request.method)
        except PoolTimeout as exc:
            raise WireError(
                503,
                code="PGRST003",
                message="Timed out acquiring connection from connection pool.",
                details=None,
                hint=None,
            ) from exc
        except psycopg.Error as exc:
            raise _refusal(exc, speaker) from exc


def _call(
    connection: psycopg.Connection[Any], function: str, arguments: dict[str, Any], *, by: str
) -> Reply:
    found = [
        row
        for row in connection.execute(_CANDIDATES, (function,)).fetchall()
        if set(row[0][: row[1]]) <= arguments.keys() <= set(row[0])
    ]
    if len(found) > 1:
        raise WireError(
            300,
            code="PGRST203",
            message=f"Could not choose the best candidate function: public.{function}",
            details=None,
            hint="Try renaming the parameters or the function itself in the database",
        )
    if not found:
        listed = ", ".join(sorted(arguments))
        raise WireError(
            404,
            code="PGRST202",
            message=f"Could not find the function public.{function}({listed}) in the schema cache",
            details=f"Searched for the function public.{function} with parameters {listed}.",
            hint=None,
        )
    names, _, types, is_set, result, may_write = found[0]
    # Also by POST: a function that says it only reads is held to it.
    if by == "GET" or not may_write:
        connection.execute("set transaction read only")
    rows = connection.execute(
        _statement(function, [(n, t) for n, t in zip(names, types, strict=True) if n in arguments]),
        {"body": json.dumps(arguments)},
    ).fetchall()
    if result == "void":
        return Reply(status=204)
    if is_set:
        return Reply(body=[json.loads(row[0]) for row in rows])
    return Reply(body=json.loads(rows[0][0]) if rows and rows[0][0] is not None else None)


def _statement(function: str, given: list[tuple[str, str]]) -> sql.Composed:
    """The call: each argument is read out of the body as its parameter's type."""
    call = sql.SQL("public.{}({})").format(
        sql.Identifier(function),
        sql.SQL(", ").join(
            sql.SQL("{0} := body.{0}").format(sql.Identifier(name)) for name, _ in given
        ),
    )
    if not given:
        return sql.SQL("select to_json(r)::text from {} as r").format(call)
    columns = sql.SQL(", ").join(
        sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(kind)) for name, kind in given
    )
    return sql.SQL(
        "select to_json(r)::text from json_to_record(%(body)s::json) as body({}), lateral {} as r"
    ).format(columns, call)


def _refusal(exc: psycopg.Error, speaker: Speaker) -> WireError:
    state = exc.sqlstate
    if state is None:
        return WireError(
            503,
            code="PGRST001",
            message="Database connection error. Retrying the connection.",
            details=None,
            hint=None,
        )
    status = _STATUS_BY_STATE.get(state) or _STATUS_BY_STATE.get(state[:2], 400)
    if state.startswith("PT"):
        status = int(state[2:])
    if state == "42501":
        status = 401 if speaker.role == "anon" else 403
    return WireError(
        status,
        code=state,
        message=exc.diag.message_primary,
        details=exc.diag.message_detail,
        hint=exc.diag.message_hint,
    )
