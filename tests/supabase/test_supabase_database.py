"""The Data API as a database: which credentials go with a call, and what its faults mean."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import psycopg
import pytest
from pydantic import SecretStr

from core.database import PostgresDatabase, SupabaseDatabase, open_database
from core.database import supabase as adapter
from core.domain import Role, User
from core.errors import (
    ConfigurationError,
    DatabaseUnavailable,
    Forbidden,
    InvalidToken,
    RefitError,
)
from core.settings import Settings, get_settings
from core.store import LOCAL_ADMIN, Store
from tests.supabase.project import Project, running_project
from tests.supabase.wire import Reply


def opened(project: Project, **changes: str | None) -> SupabaseDatabase:
    keys: dict[str, str | None] = {
        "secret_key": project.secret_key,
        "publishable_key": project.publishable_key,
        **changes,
    }
    assert keys["secret_key"] is not None
    return SupabaseDatabase(
        project.address, secret_key=keys["secret_key"], publishable_key=keys["publishable_key"]
    )


@pytest.fixture(autouse=True)
def everything_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)


# Credentials --------------------------------------------------------------------------------


def test_refits_own_calls_go_under_the_secret_key(
    project: Project, data_api: SupabaseDatabase
) -> None:
    Store(data_api, actor=LOCAL_ADMIN).list_model_types()

    (call,) = project.requests
    assert call.path == "/rest/v1/rpc/list_model_types"
    assert call.headers["apikey"] == project.secret_key
    assert call.headers["authorization"] == f"Bearer {project.secret_key}"


def test_a_users_calls_go_under_their_token_and_never_the_secret_key(
    project: Project, data_api: SupabaseDatabase
) -> None:
    person = project.user("viewer")

    Store(data_api, actor=person).list_model_types()

    (call,) = project.requests
    assert call.headers["apikey"] == project.publishable_key
    assert call.headers["authorization"] == f"Bearer {person.token}"
    assert project.secret_key not in str(call.headers) + call.body.decode()


def test_the_legacy_keys_work_too(project: Project) -> None:
    database = opened(
        project,
        secret_key=project.legacy_key("service_role"),
        publishable_key=project.legacy_key("anon"),
    )

    assert Store(database, actor=LOCAL_ADMIN).list_model_types() == []
    assert Store(database, actor=project.user("viewer")).list_model_types() == []
    with pytest.raises(Forbidden):
        Store(database, actor=project.user(None)).list_model_types()
    database.close()


def test_without_a_publishable_key_no_user_is_served(project: Project) -> None:
    database = opened(project, publishable_key=None)

    assert Store(database, actor=LOCAL_ADMIN).list_model_types() == []
    with pytest.raises(ConfigurationError, match="SUPABASE_PUBLISHABLE_KEY"):
        Store(database, actor=project.user("admin")).list_model_types()
    database.close()


@pytest.mark.parametrize("changes", [{"exp": int(time.time()) - 3600}, {"aud": "other"}])
def test_a_token_that_supabase_refuses_is_the_users_to_mend(
    project: Project, data_api: SupabaseDatabase, changes: dict[str, object]
) -> None:
    person = project.user("viewer", **changes)

    with pytest.raises(InvalidToken, match="Supabase refused the token") as refused:
        Store(data_api, actor=person).list_model_types()

    assert refused.value.status == 401


def test_a_forged_token_is_refused(project: Project, data_api: SupabaseDatabase) -> None:
    head, body, signature = project.token("admin").split(".")
    forged = User(claims=project.user("admin").claims, token=f"{head}.{body}.{signature[::-1]}")

    with pytest.raises(InvalidToken):
        Store(data_api, actor=forged).list_model_types()


@pytest.mark.parametrize("key", ["sb_secret_wrong", "eyJhbGciOiJIUzI1NiJ9.e30.wrong"])
def test_a_wrong_key_is_refits_operators_to_mend(
    project: Project, key: str, caplog: pytest.LogCaptureFixture
) -> None:
    database = opened(project, secret_key=key, publishable_key=key)

    for actor in (LOCAL_ADMIN, project.user("viewer")):
        with pytest.raises(ConfigurationError, match="SUPABASE_SECRET_KEY") as refused:
            Store(database, actor=actor).list_model_types()
        assert refused.value.status == 500
        assert key not in f"{refused.value!r} {refused.value} {refused.value.__cause__!r}"

    database.close()
    assert key not in caplog.text


def test_a_publishable_key_as_secret_key_does_nothing(project: Project) -> None:
    database = opened(project, secret_key=project.publishable_key)

    with pytest.raises(RefitError):
        Store(database, actor=LOCAL_ADMIN).list_model_types()
    database.close()


@pytest.mark.parametrize("key", ["sb_secret_x\n", " sb_secret_x", "sb_secret_ü", "sb secret", ""])
def test_a_key_that_no_header_can_carry_is_named_and_not_shown(key: str) -> None:
    with pytest.raises(ConfigurationError, match="SUPABASE_SECRET_KEY") as refused:
        SupabaseDatabase("https://x.supabase.co", secret_key=key)

    assert not key.strip() or key.strip() not in str(refused.value)


@pytest.mark.parametrize(
    "url", ["x.supabase.co", "postgresql://db/x", "http://", "http://[x", "http://x:yes", ""]
)
def test_what_is_no_address_of_a_project_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match="SUPABASE_URL"):
        SupabaseDatabase(url, secret_key="sb_secret_x")


def test_an_address_may_end_in_a_slash(project: Project) -> None:
    database = SupabaseDatabase(f"{project.address}/", secret_key=project.secret_key)

    assert Store(database, actor=LOCAL_ADMIN).list_model_types() == []
    database.close()


# Faults -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer",
    [
        Reply(status=502, text="<html>Bad gateway</html>"),
        Reply(status=520, text=""),
        Reply(status=429, text="Too many requests"),
        Reply(status=503, body={"code": "PGRST002", "message": "No schema cache"}),
        Reply(status=504, body={"code": "PGRST003", "message": "Timed out"}),
        Reply(status=500, body={"code": "57014", "message": "canceling statement"}),
    ],
)
def test_a_project_that_cannot_answer_now_is_said(
    project: Project, data_api: SupabaseDatabase, answer: Reply
) -> None:
    project.only_answer = answer

    with pytest.raises(DatabaseUnavailable):
        data_api.call("list_model_types", {})

    # Trying again is the caller's to decide: a request may have been carried out.
    assert len(project.requests) == 1


@pytest.mark.parametrize(
    "answer",
    [
        Reply(status=404, text="<html>Not here</html>"),
        Reply(status=302, text=""),
        Reply(status=400, body={"code": "PGRST102", "message": "Empty or invalid json"}),
        Reply(status=418, body={}),
    ],
)
def test_an_answer_that_nobody_foresaw_is_no_callers_fault(
    project: Project, data_api: SupabaseDatabase, answer: Reply
) -> None:
    project.only_answer = answer

    with pytest.raises(RefitError) as refused:
        data_api.call("list_model_types", {})

    assert type(refused.value) is RefitError


def test_a_missing_function_says_how_to_mend_it(data_api: SupabaseDatabase) -> None:
    with pytest.raises(RefitError, match="get_weather.*refit migrate.*reload schema"):
        data_api.call("get_weather", {})


def test_a_project_whose_database_is_away_is_said() -> None:
    with running_project("postgresql://127.0.0.1:9/none") as project:
        database = opened(project)
        with pytest.raises(DatabaseUnavailable, match="does not answer"):
            database.call("list_model_types", {})
        database.close()


def test_a_silent_project_is_given_up(
    project: Project, data_api: SupabaseDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert adapter._ANSWER_TIMEOUT_S <= 10
    assert adapter._CONNECT_TIMEOUT_S <= 10
    monkeypatch.setattr(adapter, "_ANSWER_TIMEOUT_S", 0.3)
    project.delay_s = 1.0
    started = time.monotonic()

    with pytest.raises(DatabaseUnavailable, match="does not answer"):
        data_api.call("list_model_types", {})

    assert time.monotonic() - started < 0.9


@pytest.fixture
def dripping_server() -> Iterator[str]:
    """Gives its answer byte by byte, each soon after the one before, for a minute."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()

        def drip() -> None:
            with suppress(OSError):
                client, _ = listener.accept()
                with client:
                    client.recv(10_000)
                    client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 600\r\n\r\n")
                    for _ in range(600):
                        client.sendall(b" ")
                        time.sleep(0.1)

        thread = threading.Thread(target=drip)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def test_an_answer_that_never_ends_is_given_up(
    dripping_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapter, "_ANSWER_TIMEOUT_S", 0.5)
    database = SupabaseDatabase(dripping_server, secret_key="sb_secret_0")
    started = time.monotonic()

    with pytest.raises(DatabaseUnavailable, match="does not answer"):
        database.call("list_model_types", {})

    assert time.monotonic() - started < 3
    database.close()


def test_a_connection_that_was_closed_is_not_used_again(project: Project) -> None:
    database = opened(project)
    assert database.call("list_model_types", {}) == {"items": []}
    database.close()

    assert database.call("list_model_types", {}) == {"items": []}
    database.close()


@pytest.fixture
def rude_server() -> Iterator[str]:
    """Takes a request and hangs up."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()

        def hang_up() -> None:
            try:
                while True:
                    client, _ = listener.accept()
                    client.recv(100)
                    client.close()
            except OSError:
                return

        thread = threading.Thread(target=hang_up)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def test_a_connection_that_breaks_is_said_without_the_token(
    rude_server: str, project: Project, caplog: pytest.LogCaptureFixture
) -> None:
    database = SupabaseDatabase(
        rude_server, secret_key=project.secret_key, publishable_key=project.publishable_key
    )
    person = project.user("viewer")

    with pytest.raises(DatabaseUnavailable) as broken:
        Store(database, actor=person).list_model_types()

    database.close()
    shown = f"{broken.value!r} {broken.value.__cause__!r} {caplog.text} {database!r}"
    for secret in (*person.token.split("."), project.secret_key, project.publishable_key):
        assert secret not in shown


# Which one ----------------------------------------------------------------------------------


def test_database_url_wins(database_url: str, project: Project) -> None:
    settings = Settings(
        DATABASE_URL=SecretStr(database_url),
        SUPABASE_URL=project.address,
        SUPABASE_SECRET_KEY=SecretStr(project.secret_key),
    )

    assert isinstance(open_database(settings), PostgresDatabase)
    without = settings.model_copy(update={"database_url": None})
    assert isinstance(open_database(without), SupabaseDatabase)


def test_what_is_missing_is_named() -> None:
    with pytest.raises(ConfigurationError, match="DATABASE_URL.*SUPABASE_URL"):
        open_database(Settings(DATABASE_URL=None, SUPABASE_URL=None))
    with pytest.raises(ConfigurationError, match="SUPABASE_SECRET_KEY"):
        open_database(Settings(DATABASE_URL=None, SUPABASE_URL="https://x.supabase.co"))


# Settings -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variable", "attribute"),
    [
        ("SUPABASE_SECRET_KEY", "supabase_secret_key"),
        ("SUPABASE_SERVICE_ROLE_KEY", "supabase_secret_key"),
        ("SUPABASE_PUBLISHABLE_KEY", "supabase_publishable_key"),
        ("SUPABASE_ANON_KEY", "supabase_publishable_key"),
        ("SUPABASE_JWT_SECRET", "supabase_jwt_secret"),
    ],
)
def test_a_key_is_read_by_either_name_and_never_shown(
    variable: str, attribute: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    secret = "s3cret-" * 6
    monkeypatch.setenv(variable, secret)

    settings = Settings()

    assert getattr(settings, attribute).get_secret_value() == secret
    assert "s3cret" not in f"{settings!r} {settings} {settings.model_dump()}"


def test_the_new_names_win_and_an_empty_one_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUPABASE_SECRET_KEY", "sb_secret_new")
    monkeypatch.setenv("SUPABASE_SERVICE_ROLE_KEY", "old")
    monkeypatch.setenv("SUPABASE_JWT_SECRET", "")

    settings = Settings()

    assert settings.supabase_secret_key == SecretStr("sb_secret_new")
    assert settings.supabase_jwt_secret is None


def test_a_secret_that_can_be_guessed_is_refused_and_not_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SUPABASE_JWT_SECRET", "too-short-s3cret")
    get_settings.cache_clear()

    with pytest.raises(ConfigurationError, match="SUPABASE_JWT_SECRET.*32") as refused:
        get_settings()

    get_settings.cache_clear()
    assert "s3cret" not in str(refused.value)


# The stand-in -------------------------------------------------------------------------------


def test_the_roles_that_a_database_has_are_those_of_the_project(
    project: Project, data_api: SupabaseDatabase, database_url: str
) -> None:
    with psycopg.connect(database_url) as owner:
        owner.execute(
            "create function public.who() returns text language sql as 'select current_user'"
        )

    assert data_api.call("who", {}) == "service_role"
    assert data_api.call("who", {}, user=project.user(Role.VIEWER)) == "authenticated"


def test_a_function_that_is_asked_by_get_cannot_write(project: Project) -> None:
    event = "p_workflow=w&p_execution_id=1&p_step=s&p_outcome=ok"

    answer = httpx.get(
        f"{project.address}/rest/v1/rpc/record_event?{event}",
        headers={"apikey": project.secret_key},
    )

    assert (answer.status_code, answer.json()["code"]) == (405, "25006")


def test_a_request_without_a_key_is_turned_away(project: Project) -> None:
    answer = httpx.post(f"{project.address}/rest/v1/rpc/list_model_types", json={})

    assert (answer.status_code, answer.json()["message"]) == (401, "No API key found in request")


def test_nobody_signed_in_is_anon_and_sees_nothing(project: Project) -> None:
    answer = httpx.post(
        f"{project.address}/rest/v1/rpc/list_model_types",
        json={},
        headers={"apikey": project.publishable_key},
    )

    assert (answer.status_code, answer.json()["code"]) == (401, "42501")
