"""Parts that are away, and errors of our own."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from core.domain import Role
from core.keys import hash_key, make_key
from core.store import Store
from tests.functions.served import Server, free_port, serving
from tests.functions.worker import next_operation


@pytest.fixture(scope="module")
def lonely_server(
    tmp_path_factory: pytest.TempPathFactory, module_database_url: str
) -> Iterator[Server]:
    """A server whose queue is away."""
    folder: Path = tmp_path_factory.mktemp("lonely")
    with serving(
        folder,
        "main",
        DATABASE_URL=module_database_url,
        REDIS_URL=f"redis://127.0.0.1:{free_port()}/0",
        REFIT_ENVIRONMENT="staging",
    ) as server:
        yield server


@contextmanager
def closed(database_url: str, admin: psycopg.Connection) -> Iterator[None]:
    """The database refuses everybody, and ends the connections that there are."""
    name = database_url.rpartition("/")[2]
    change = sql.SQL("alter database {} allow_connections {}")
    admin.execute(change.format(sql.Identifier(name), sql.SQL("false")))
    admin.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", [name]
    )
    try:
        yield
    finally:
        admin.execute(change.format(sql.Identifier(name), sql.SQL("true")))


def test_without_the_queue_work_is_taken_all_the_same(
    lonely_server: Server, keys: dict[str, str], make_type: Callable[..., str], store: Store
) -> None:
    names = [make_type() for _ in range(3)]

    started = time.monotonic()
    answer = lonely_server.post("trigger_retraining", {"model_types": names}, key=keys["operator"])
    took = time.monotonic() - started
    check = lonely_server.post(
        "check_performance", {"model_types": names, "wait_seconds": 0}, key=keys["operator"]
    )

    assert answer.status == 202
    assert took < 5
    assert check.status == 202
    for name in names:
        (job,) = store.list_training_jobs(model_type=name)["items"]
        assert job["status"] == "queued"


def test_a_request_that_names_no_environment_means_the_configured_one(
    lonely_server: Server, keys: dict[str, str], make_type: Callable[..., str], store: Store
) -> None:
    name = make_type()

    lonely_server.post("trigger_retraining", {"model_types": [name]}, key=keys["operator"])

    (job,) = store.list_training_jobs(model_type=name)["items"]
    assert job["environment"] == "staging"
    status = lonely_server.get("status", keys["viewer"])
    assert status.body["environment"] == "staging"


def test_health_says_which_part_is_down(lonely_server: Server) -> None:
    answer = lonely_server.get("health")

    assert answer.status == 503
    assert (answer.body["status"], answer.body["database"]) == ("down", "ok")
    assert answer.body["queue"] == "down"


def test_without_the_database_nothing_is_half_done_and_then_all_is_well(
    server: Server,
    keys: dict[str, str],
    make_type: Callable[..., str],
    store: Store,
    module_database_url: str,
    postgres_admin: psycopg.Connection,
    pool: ThreadPoolExecutor,
) -> None:
    name = make_type()

    with closed(module_database_url, postgres_admin):
        asked = pool.submit(
            server.post, "trigger_retraining", {"model_types": [name]}, key=keys["operator"]
        )
        health = server.get("health")
        answer = asked.result()

    assert answer.status == 503
    assert answer.is_problem
    assert int(answer.headers["Retry-After"]) > 0
    assert (health.status, health.body["database"]) == (503, "down")
    assert health.body["queue"] == "ok"
    assert store.list_training_jobs(model_type=name)["items"] == []
    again = server.post("trigger_retraining", {"model_types": [name]}, key=keys["operator"])
    assert again.status == 202
    assert again.body["jobs"][0]["coalesced"] is False


def test_a_database_that_leaves_while_a_request_waits_does_not_lose_the_id(
    server: Server,
    keys: dict[str, str],
    make_type: Callable[..., str],
    module_database_url: str,
    postgres_admin: psycopg.Connection,
    pool: ThreadPoolExecutor,
) -> None:
    name = make_type()

    asked = pool.submit(
        server.post, "check_performance", {"model_types": [name]}, key=keys["operator"]
    )
    operation_id = next_operation(module_database_url, name)
    with closed(module_database_url, postgres_admin):
        answer = asked.result()

    assert answer.status == 202
    assert answer.body == {"operation_id": str(operation_id)}


def test_an_error_of_our_own_is_logged_and_not_shown(
    server: Server, store: Store, module_database_url: str
) -> None:
    key = make_key()  # one that the server does not remember
    store.create_api_key(name="not met yet", role=Role.VIEWER, key_hash=hash_key(key))
    define = "create or replace function public.find_api_key(p_key_hash text) returns jsonb"
    with psycopg.connect(module_database_url, autocommit=True) as connection:
        # The database answers what nobody expects.
        connection.execute(f"{define} language sql return '{{\"surprise\": true}}'::jsonb")
        answer = server.get("schedules", key)
        connection.execute(f"{define} language sql return private.find_api_key(p_key_hash)")

    assert answer.status == 500
    assert answer.is_problem
    assert "KeyError" not in answer.text
    request_id = answer.headers["X-Request-Id"]
    assert request_id in answer.body["detail"]
    (line,) = [
        x
        for x in server.log_lines()
        if x.get("request_id") == request_id and x["event"] == "request_failed"
    ]
    assert "KeyError" in line["exception"]
    assert key not in line["exception"]
