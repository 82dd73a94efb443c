"""The database ticks by itself: pg_cron calls, a stand-in for pg_net sends, functions answer."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.rows import dict_row

from core.database import PostgresDatabase
from core.database.migrations import migrate
from core.domain import Role
from core.embedded.guardian import Guardian
from core.keys import hash_key, make_key
from core.store import LOCAL_ADMIN, Store
from tests.database.factories import definition
from tests.functions.served import Server, free_port, serving
from tests.triggers.debian_postgres import (
    STAND_INS,
    Relay,
    programs_with_pg_cron,
    running_debian_postgres,
)
from tests.triggers.ticking_database import TickingDatabase
from tests.worker.lab import empty_queue

MINUTE_OF_CRON_S = 75.0


@pytest.fixture(scope="module")
def programs() -> Path:
    programs = programs_with_pg_cron()
    if programs is None:
        reason = "there is no pg_cron: install Debian's postgresql-N-cron"
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(reason)
    return programs


@pytest.fixture(scope="module")
def cron_database_url(programs: Path, memory_folder: Path, guardian: Guardian) -> Iterator[str]:
    with running_debian_postgres(programs, memory_folder / "pg_cron", guardian) as url:
        with psycopg.connect(url, autocommit=True) as owner:
            owner.execute(STAND_INS)
        migrate(url)
        yield url


@pytest.fixture(scope="module")
def server(
    cron_database_url: str, valkey_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    variables = {"DATABASE_URL": cron_database_url, "REDIS_URL": empty_queue(valkey_url)}
    with serving(tmp_path_factory.mktemp("functions"), "main", **variables) as server:
        yield server


@pytest.fixture(scope="module")
def cron(cron_database_url: str, server: Server) -> Iterator[TickingDatabase]:
    database = PostgresDatabase(cron_database_url)
    store, key = Store(database, actor=LOCAL_ADMIN), make_key()
    store.create_api_key(name="pg_cron", role=Role.SCHEDULER, key_hash=hash_key(key))
    store.create_model_type(definition())
    with (
        psycopg.connect(cron_database_url, autocommit=True, row_factory=dict_row) as owner,
        Relay(cron_database_url) as relay,
    ):
        yield TickingDatabase(
            owner=owner, store=store, relay=relay, api_url=server.address, key=key
        )
    database.close()


@pytest.fixture
def by_hand(cron: TickingDatabase) -> Iterator[TickingDatabase]:
    """Nothing has been sent, the secrets are there, and only the test ticks."""
    cron.owner.execute("select cron.unschedule(jobid) from cron.job")
    cron.wait_until_sent()
    cron.owner.execute(
        "delete from private.tick_requests; delete from net._http_response;"
        "update ml_training_jobs set status = 'cancelled', finished_at = now()"
        " where status = 'queued'; delete from ml_training_jobs"
    )
    cron.set_secret("refit_api_url", cron.api_url)
    cron.set_secret("refit_scheduler_key", cron.key)
    cron.relay.loses_answers = False
    yield cron
    cron.relay.loses_answers = False


def test_a_minute_of_pg_cron_starts_what_is_due(cron: TickingDatabase) -> None:
    (job,) = cron.rows("select jobname, schedule, command from cron.job")
    assert job == {
        "jobname": "refit-tick",
        "schedule": "* * * * *",
        "command": "select private.tick()",
    }
    # All that is left to do after the migrations.
    cron.owner.execute("select vault.create_secret(%s, 'refit_api_url')", [cron.api_url + "/"])
    cron.owner.execute("select vault.create_secret(%s, 'refit_scheduler_key')", [cron.key])
    cron.make_due()

    (job,) = cron.wait_for(
        lambda: cron.rows("select trigger, requested_by from ml_training_jobs"), MINUTE_OF_CRON_S
    )

    assert (job["trigger"], job["requested_by"]["name"]) == ("schedule", "scheduler")
    done = cron.wait_for(
        lambda: cron.rows("select status from cron.job_run_details where status <> 'running'")
    )
    assert done[-1]["status"] == "succeeded"


def test_every_tick_is_posted_with_the_key_and_an_idempotency_key_and_settled(
    by_hand: TickingDatabase,
) -> None:
    by_hand.tick()
    by_hand.wait_until_sent()
    by_hand.tick()

    first, second = by_hand.requests()
    assert (first["status"], first["attempts"], first["error"]) == (200, 1, None)
    assert first["answered_at"] is not None
    assert second["answered_at"] is None
    assert first["idempotency_key"] != second["idempotency_key"]


def test_a_post_that_was_lost_is_repeated_under_its_key(by_hand: TickingDatabase) -> None:
    by_hand.make_due()
    # What pg_net forgets when PostgreSQL crashes.
    with by_hand.owner.transaction():
        by_hand.tick()
        by_hand.owner.execute("delete from net.http_request_queue")
    (lost,) = by_hand.requests()
    by_hand.tick()  # a moment later: there is still time
    assert [request["attempts"] for request in by_hand.requests()] == [1, 1]
    by_hand.let_time_pass()

    with by_hand.owner.transaction():
        by_hand.tick()
        queued = by_hand.rows("select headers from net.http_request_queue")
    by_hand.wait_until_sent()
    by_hand.tick()

    keys = [request["headers"]["Idempotency-Key"] for request in queued]
    assert keys.count(str(lost["idempotency_key"])) == 1
    repeated = {r["idempotency_key"]: r for r in by_hand.requests()}[lost["idempotency_key"]]
    assert (repeated["attempts"], repeated["status"]) == (2, 200)
    assert by_hand.jobs() == 1


def test_two_ticks_at_once_repeat_a_lost_post_once_and_do_not_wait(
    by_hand: TickingDatabase, cron_database_url: str
) -> None:
    with by_hand.owner.transaction():
        by_hand.tick()
        by_hand.owner.execute("delete from net.http_request_queue")
    (lost,) = by_hand.requests()
    by_hand.let_time_pass()

    with psycopg.connect(cron_database_url) as other:
        other.execute("select private.tick()")
        with by_hand.owner.transaction():
            by_hand.owner.execute("set local lock_timeout = '1s'")
            by_hand.tick()
    by_hand.wait_until_sent()
    by_hand.tick()

    found = {r["idempotency_key"]: r for r in by_hand.requests()}
    assert (found[lost["idempotency_key"]]["attempts"], len(found)) == (2, 4)
    assert [r["status"] for r in found.values()].count(200) == 3


def test_a_post_whose_answer_was_lost_does_no_harm_when_it_is_repeated(
    by_hand: TickingDatabase,
) -> None:
    by_hand.make_due()
    by_hand.relay.loses_answers = True
    by_hand.tick()
    by_hand.wait_for(lambda: by_hand.jobs() or None)
    by_hand.relay.loses_answers = False
    by_hand.let_time_pass()

    by_hand.tick()
    by_hand.wait_until_sent()
    by_hand.tick()

    first = by_hand.requests()
    assert sorted((r["attempts"], r["status"]) for r in first if r["status"]) == [
        (1, 200),
        (2, 200),
    ]
    assert by_hand.jobs() == 1


def test_what_never_gets_through_is_given_up_after_three_times(by_hand: TickingDatabase) -> None:
    by_hand.set_secret("refit_api_url", f"http://127.0.0.1:{free_port()}")
    by_hand.tick()
    (first,) = by_hand.requests()
    for _ in range(3):
        by_hand.wait_until_sent()
        by_hand.tick()

    found = {r["idempotency_key"]: r for r in by_hand.requests()}[first["idempotency_key"]]
    assert (found["attempts"], found["status"]) == (3, None)
    assert "refused" in found["error"]
    assert found["answered_at"] is not None


def test_a_key_that_is_refused_is_told_and_not_repeated(by_hand: TickingDatabase) -> None:
    said: list[str] = []
    by_hand.owner.add_notice_handler(lambda notice: said.append(notice.message_primary or ""))
    by_hand.set_secret("refit_scheduler_key", make_key())
    by_hand.tick()
    by_hand.wait_until_sent()
    by_hand.tick()

    first, second = by_hand.requests()
    assert (first["status"], first["attempts"]) == (401, 1)
    assert second["attempts"] == 1
    assert said == ["run_schedules was refused with status 401."]


@pytest.mark.parametrize("name", ["refit_api_url", "refit_scheduler_key"])
@pytest.mark.parametrize("value", ["", None])
def test_without_a_secret_nothing_is_sent(
    by_hand: TickingDatabase, name: str, value: str | None
) -> None:
    by_hand.set_secret(name, value)
    with pytest.raises(psycopg.errors.RaiseException, match=f"The secret {name} is missing"):
        by_hand.tick()

    by_hand.owner.execute("delete from vault.secrets where name = %s", [name])
    with pytest.raises(psycopg.errors.RaiseException, match=f"The secret {name} is missing"):
        by_hand.tick()

    assert by_hand.requests() == []
    assert by_hand.rows("select from net.http_request_queue") == []


def test_ticks_can_be_scheduled_anew_and_stopped(by_hand: TickingDatabase) -> None:
    by_hand.owner.execute("select private.schedule_ticks()")
    by_hand.owner.execute("select private.schedule_ticks('*/5 * * * *')")
    assert [job["schedule"] for job in by_hand.rows("select * from cron.job")] == ["*/5 * * * *"]

    by_hand.owner.execute("select cron.unschedule('refit-tick')")
    assert by_hand.rows("select * from cron.job") == []


def test_a_server_that_has_not_loaded_pg_cron_takes_the_migrations(
    programs: Path, memory_folder: Path, guardian: Guardian
) -> None:
    folder = memory_folder / "pg_cron_not_loaded"
    with running_debian_postgres(programs, folder, guardian, preload=False) as url:
        applied = migrate(url)

    assert any("database_ticks" in name for name in applied)


def test_a_database_without_pg_cron_says_what_it_lacks(database_url: str) -> None:
    with (
        psycopg.connect(database_url) as owner,
        pytest.raises(
            psycopg.errors.RaiseException,
            match="This database lacks pg_cron, pg_net, supabase_vault",
        ),
    ):
        owner.execute("select private.schedule_ticks()")
