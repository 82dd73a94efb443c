"""Calling SQL functions over PostgreSQL: values there and back, rights per call, errors by name."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
import pytest

from core.database import PostgresDatabase
from core.database.migrations import migrate
from core.domain import Environment
from core.embedded.guardian import Guardian
from core.embedded.postgres import EmbeddedPostgres
from core.errors import (
    ConfigurationError,
    Conflict,
    DatabaseUnavailable,
    Forbidden,
    InvalidRequest,
    NotFound,
    RefitError,
)
from core.store import LOCAL_ADMIN, Store
from tests.conftest import FAST_POSTGRES, running
from tests.database.factories import ADMIN, Owner, Row, Scene, claims, definition, user

# Functions of the tests' own, that show what arrived.
ECHOES = """
create function public.echo_json(p_value jsonb) returns jsonb
language sql as 'select p_value';
create function public.echo_uuids(p_value uuid []) returns jsonb
language sql as 'select to_jsonb(p_value)';
create function public.echo_texts(p_value text []) returns jsonb
language sql as 'select to_jsonb(p_value)';
create function public.echo_time(p_value timestamptz) returns jsonb
language sql as 'select to_jsonb(p_value)';
create function public.echo_void(p_value text) returns void
language sql as 'select';
create function public.raise_state(p_value text) returns void
language plpgsql as $$ begin raise exception 'It went wrong.' using errcode = p_value; end $$;
create function public.who() returns jsonb language sql as $$
    select jsonb_build_object(
        'role', current_setting('role'), 'user', current_user, 'claims', auth.jwt(),
        'actor', nullif(current_setting('refit.actor', true), ''), 'pid', pg_backend_pid()
    )
$$;
"""


@pytest.fixture
def echoes(owner: Owner, database: PostgresDatabase) -> PostgresDatabase:
    owner.execute(ECHOES)
    return database


# Values -------------------------------------------------------------------------------------

SOME_ID = UUID("5f0c3a52-1f36-4f1c-a2cf-9a5b1f3c7a11")
NOON = datetime(2026, 6, 1, 12, 30, 0, 123456, tzinfo=UTC)


@pytest.mark.parametrize(
    "value",
    [{}, {"a": [1, 2.5, None, "ü"]}, [{"a": 1}], [{"a": 1}, {"b": "'; drop table x; --"}], None],
)
def test_json_arrives_as_it_was(echoes: PostgresDatabase, value: object) -> None:
    assert echoes.call("echo_json", {"p_value": value}) == value


def test_lists_arrive_as_arrays(echoes: PostgresDatabase) -> None:
    assert echoes.call("echo_uuids", {"p_value": [SOME_ID]}) == [str(SOME_ID)]
    assert echoes.call("echo_texts", {"p_value": ["a,b", '"', "NULL", ""]}) == [
        "a,b",
        '"',
        "NULL",
        "",
    ]
    assert echoes.call("echo_texts", {"p_value": ("churn", Environment.STAGING)}) == [
        "churn",
        "staging",
    ]
    for function in ("echo_uuids", "echo_texts"):
        assert echoes.call(function, {"p_value": []}) == []
        assert echoes.call(function, {"p_value": None}) is None


def test_times_arrive_to_the_microsecond_and_come_back_in_utc(echoes: PostgresDatabase) -> None:
    elsewhere = NOON.astimezone(timezone(timedelta(hours=5, minutes=30)))

    assert echoes.call("echo_time", {"p_value": elsewhere}) == "2026-06-01T12:30:00.123456+00:00"


def test_nothing_comes_back_as_none(echoes: PostgresDatabase) -> None:
    assert echoes.call("echo_void", {"p_value": "x"}) in {None, ""}


# Rights -------------------------------------------------------------------------------------


@pytest.fixture
def alone(database_url: str, owner: Owner) -> Iterator[PostgresDatabase]:
    """One connection for all calls: what one leaves behind, the next would find."""
    owner.execute(ECHOES)
    database = PostgresDatabase(database_url, max_connections=1)
    yield database
    database.close()


def test_each_call_has_only_its_own_callers_rights(alone: PostgresDatabase) -> None:
    service = alone.call("who", {})
    person = alone.call("who", {}, user=user("viewer"))
    again = alone.call("who", {})
    other = alone.call("who", {}, user=user())

    assert len({r["pid"] for r in (service, person, again, other)}) == 1
    assert (service["role"], service["user"], service["claims"]) == (
        "service_role",
        "service_role",
        {},
    )
    assert (person["role"], person["user"], person["claims"]) == (
        "authenticated",
        "authenticated",
        claims("viewer"),
    )
    assert again == service
    assert other["claims"] == claims()


def test_a_users_call_after_the_services_sees_only_theirs(alone: PostgresDatabase) -> None:
    Store(alone, actor=ADMIN).create_model_type(definition("churn"))
    alone.call("list_due_schedules", {})

    with pytest.raises(Forbidden, match="permission denied for function list_due_schedules"):
        alone.call("list_due_schedules", {}, user=user("admin"))
    with pytest.raises(Forbidden, match="no role"):
        alone.call("list_model_types", {}, user=user())
    assert alone.call("list_model_types", {}, user=user("viewer"))["items"]


def test_nothing_is_left_behind_after_an_error_either(alone: PostgresDatabase) -> None:
    with pytest.raises(NotFound):
        alone.call("get_operation", {"p_id": uuid4()}, user=user("viewer"))

    left = alone.call("who", {})

    assert (left["role"], left["claims"], left["actor"]) == ("service_role", {}, None)


def test_claims_in_use_by_many_threads_do_not_mix(echoes: PostgresDatabase) -> None:
    def ask(number: int) -> tuple[str, str]:
        token = user("viewer", sub=f"user-{number}")
        return token.id, echoes.call("who", {}, user=token)["claims"]["sub"]

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(64)))

    assert all(asked == answered for asked, answered in answers)


# Errors -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("function", "arguments", "message"),
    [
        ("get_operation", {"p_id": "no-uuid"}, 'uuid: "no-uuid"'),
        ("get_status", {"p_environment": "moon"}, 'ml_environment: "moon"'),
        ("trigger_retraining", {"p_as_of": "yesterday-ish"}, '"yesterday-ish"'),
        ("trigger_retraining", {"p_reason": "a\0b"}, "NUL"),
        ("record_event", {"p_detail": {"a": "\0"}}, "unsupported Unicode|does not exist"),
        ("list_models", {"p_limit": "ten"}, '"ten"'),
    ],
)
def test_a_bad_value_is_named(scene: Scene, function: str, arguments: Row, message: str) -> None:
    if function == "record_event":
        event = {"p_workflow": "w", "p_execution_id": "1", "p_step": "s", "p_outcome": "ok"}
        arguments = {**event, **arguments}
    with pytest.raises(InvalidRequest, match=message):
        scene.database.call(function, arguments)


@pytest.mark.parametrize(
    ("state", "error"),
    [
        ("PT404", NotFound),
        ("PT409", Conflict),
        ("22P02", InvalidRequest),
        ("23505", InvalidRequest),
        ("42501", Forbidden),
        ("40P01", DatabaseUnavailable),  # a deadlock
        ("55P03", DatabaseUnavailable),  # a lock that was not to be had
        ("57014", DatabaseUnavailable),  # a statement that took too long
        ("53300", DatabaseUnavailable),
        ("57P01", DatabaseUnavailable),
        ("P0001", RefitError),
        ("XX000", RefitError),
    ],
)
def test_an_error_state_has_its_class(
    echoes: PostgresDatabase, state: str, error: type[RefitError]
) -> None:
    with pytest.raises(RefitError) as raised:
        echoes.call("raise_state", {"p_value": state})

    assert type(raised.value) is error
    assert echoes.call("echo_json", {"p_value": {"a": 1}}) == {"a": 1}


def test_a_hint_reaches_the_caller(scene: Scene) -> None:
    with pytest.raises(InvalidRequest) as refused:
        scene.store.get_model_type("churn")

    assert refused.value.hint == "Known: none yet; refit model-types create makes one."


def test_a_database_without_migrations_says_how_to_mend_it(empty_database_url: str) -> None:
    database = PostgresDatabase(empty_database_url)

    with pytest.raises(RefitError, match="get_status.*refit migrate"):
        database.call("get_status", {})

    database.close()


def test_a_parameter_that_does_not_exist_is_no_callers_fault(database: PostgresDatabase) -> None:
    with pytest.raises(RefitError, match="p_colour") as raised:
        database.call("get_status", {"p_colour": "red"})

    assert raised.value.status == 500


# Being away ---------------------------------------------------------------------------------


def test_a_stopped_database_is_said_and_used_again_when_it_is_back(
    memory_folder: Path, guardian: Guardian
) -> None:
    home = memory_folder / "stopping"
    with running(EmbeddedPostgres(home, options=FAST_POSTGRES), guardian) as url:
        migrate(url)
        database = PostgresDatabase(url)
        Store(database, actor=LOCAL_ADMIN).create_model_type(definition("churn"))

    with pytest.raises(DatabaseUnavailable, match="does not answer"):
        database.call("list_model_types", {})

    with running(EmbeddedPostgres(home, options=FAST_POSTGRES), guardian) as again:
        assert again == url
        assert len(database.call("list_model_types", {})["items"]) == 1
        # Ended from outside, as a pooler or an administrator does.
        with psycopg.connect(url) as connection:
            connection.execute(
                "select pg_terminate_backend(pid, 5000) from pg_stat_activity "
                "where datname = current_database() and pid <> pg_backend_pid()"
            )
        assert len(database.call("list_model_types", {})["items"]) == 1
        database.close()
    shutil.rmtree(home)


def processes_below(pid: int) -> list[int]:
    """A process and its children."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *map(int, children)]


def test_a_frozen_database_is_said_in_time_and_used_again_when_it_thaws(
    memory_folder: Path, guardian: Guardian
) -> None:
    server = EmbeddedPostgres(memory_folder / "freezing", options=FAST_POSTGRES)
    with running(server, guardian) as url:
        postmaster = server.pid
        assert postmaster is not None

        def send(number: signal.Signals) -> None:
            for pid in processes_below(postmaster):
                os.kill(pid, number)

        def seconds(call: Callable[[], object]) -> float:
            started = time.monotonic()
            with pytest.raises(DatabaseUnavailable, match="does not answer"):
                call()
            return time.monotonic() - started

        with psycopg.connect(url, autocommit=True) as owner:
            owner.execute("create role service_role; grant service_role to postgres")
            owner.execute(
                "create function public.nap(p_seconds float) returns jsonb language sql as"
                " 'select to_jsonb(pg_sleep(p_seconds)::text)'"
            )
        database = PostgresDatabase(url)
        freeze = threading.Timer(0.3, send, [signal.SIGSTOP])
        try:
            freeze.start()
            # Frozen under a call, and then before one that a pooled connection is there for.
            during = seconds(lambda: database.call("nap", {"p_seconds": 1}))
            send(signal.SIGCONT)
            assert database.call("nap", {"p_seconds": 0}) == ""
            send(signal.SIGSTOP)
            before = seconds(lambda: database.call("nap", {"p_seconds": 0}))
        finally:
            freeze.join()
            send(signal.SIGCONT)

        assert database.call("nap", {"p_seconds": 0}) == ""
        database.close()
    shutil.rmtree(memory_folder / "freezing")
    assert during < 14
    assert before < 14


def test_a_busy_database_gives_up_before_its_client_does(
    echoes: PostgresDatabase, owner: Owner
) -> None:
    owner.execute(
        "create function public.timeout() returns text language sql as"
        " $$ select current_setting('statement_timeout') $$"
    )

    assert echoes.call("timeout", {}) == "8s"


def test_a_statement_that_takes_too_long_ends_and_leaves_nothing_behind(
    alone: PostgresDatabase, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner.execute(
        "create function public.nap(p_seconds float) returns text language sql as"
        " 'select pg_sleep(p_seconds)::text'"
    )
    before = alone.call("who", {})
    monkeypatch.setattr("core.database.postgres._STATEMENT_TIMEOUT_MS", "300")
    started = time.monotonic()

    with pytest.raises(DatabaseUnavailable):
        alone.call("nap", {"p_seconds": 6.0}, user=user("viewer"))

    assert time.monotonic() - started < 4
    assert alone.call("who", {}) == before


# One trip ----------------------------------------------------------------------------------

WRITING = """
create table public.written (a integer);
create function public.refuse() returns trigger language plpgsql as $$
begin
    if new.a = 2 then perform pg_terminate_backend(pg_backend_pid()); end if;
    if new.a > 0 then raise exception 'Refused at the commit.'; end if;
    return null;
end $$;
create constraint trigger refuse after insert on public.written
deferrable initially deferred for each row execute function public.refuse();
create function public.write(p_value integer) returns integer language sql security definer
as 'insert into public.written values (p_value) returning a';
"""


@pytest.mark.parametrize("value", [1, 2], ids=["refused", "lost"])
def test_what_fails_at_its_commit_is_never_told_as_done(
    alone: PostgresDatabase, owner: Owner, value: int
) -> None:
    owner.execute(WRITING)

    for _ in range(20):  # its answers may come together or apart
        with pytest.raises(DatabaseUnavailable):
            alone.call("write", {"p_value": value})

    assert alone.call("write", {"p_value": 0}) == 0
    assert owner.execute("select a from public.written").fetchall() == [{"a": 0}]


def test_where_the_role_cannot_be_taken_the_function_is_not_called(
    alone: PostgresDatabase, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner.execute(WRITING)
    before = alone.call("who", {})
    monkeypatch.setattr("core.database.postgres._STATEMENT_TIMEOUT_MS", "never")
    with pytest.raises(RefitError, match="statement_timeout"):
        alone.call("write", {"p_value": 0}, user=user("admin"))
    monkeypatch.undo()

    assert alone.call("who", {}) == before
    assert owner.execute("select a from public.written").fetchall() == []


def test_a_connection_goes_back_as_it_came(alone: PostgresDatabase) -> None:
    state = (
        "select current_user, current_setting('role'), current_setting('statement_timeout'),"
        " current_setting('timezone'), nullif(current_setting('request.jwt.claims', true), '')"
    )

    def look() -> object:
        with alone._opened_pool().connection() as connection:
            return connection.execute(state).fetchone()

    fresh = look()
    alone.call("who", {}, user=user("admin"))
    with pytest.raises(NotFound):
        alone.call("get_operation", {"p_id": uuid4()}, user=user("admin"))

    assert look() == fresh


# The address --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    [
        "postgresql//ada:s3cret@localhost/db",
        "postgresql://ada:s3c%ret@localhost/db",
        "postgresql://ada:s3/cret@localhost/db",
        "postgresql://ada:x@s3cret@localhost/db",
        "mysql://ada:s3cret@localhost/db",
        "host=localhost password='s3cret",
    ],
)
def test_an_address_of_something_else_names_the_variable_and_shows_nothing(
    address: str, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(ConfigurationError, match="DATABASE_URL is no address") as refused:
        PostgresDatabase(address)

    shown = f"{refused.value} {refused.value.__cause__} {caplog.text}"
    assert not any(part in shown for part in ("s3c", "cret", "ada"))


def test_a_host_that_cannot_be_reached_is_said_and_the_password_is_not(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        database = PostgresDatabase(
            f"postgresql://ada:s3cret@127.0.0.1:{taken.getsockname()[1]}/db"
        )

        with pytest.raises(DatabaseUnavailable, match="does not answer"):
            database.call("get_status", {})

    database.close()
    assert "Connection refused" in caplog.text  # why, for whoever reads the log
    assert "s3cret" not in caplog.text


def test_a_closed_pool_opens_again(database: PostgresDatabase) -> None:
    assert database.call("list_model_types", {}) == {"items": []}
    database.close()

    assert database.call("list_model_types", {}) == {"items": []}
