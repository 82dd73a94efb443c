"""A tick over HTTP: what pg_cron and n8n ask for."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from core.store import Store
from tests.functions.served import Server

DUE = "update ml_retraining_schedules set next_run_at = case when model_type = %s and kind = %s "


@pytest.fixture
def make_due(module_database_url: str) -> Callable[[str], None]:
    """Makes the forced retraining of one model type due, and no other schedule."""

    def make(model_type: str) -> None:
        with psycopg.connect(module_database_url) as owner:
            owner.execute(
                DUE + "then now() - interval '1 hour' else now() + interval '1 day' end",
                [model_type, "forced_retraining"],
            )

    return make


@pytest.mark.parametrize("role", ["scheduler", "admin"])
def test_a_tick_starts_what_is_due_and_says_what_it_did(
    server: Server,
    keys: dict[str, str],
    make_type: Callable[..., str],
    make_due: Callable[[str], None],
    store: Store,
    role: str,
) -> None:
    name = make_type()
    make_due(name)

    answer = server.post("run_schedules", {}, key=keys[role])
    again = server.post("run_schedules", key=keys[role])

    assert (answer.status, again.status) == (200, 200)
    assert answer.body.keys() == {"lost_work", "schedules", "updates", "digests", "housekeeping"}
    assert (answer.body["schedules"], again.body["schedules"]) == (1, 0)
    (job,) = store.list_training_jobs(model_type=name)["items"]
    assert (job["trigger"], job["force"]) == ("schedule", True)


def test_ticks_at_once_start_a_slot_once(
    server: Server,
    keys: dict[str, str],
    make_type: Callable[..., str],
    make_due: Callable[[str], None],
    pool: ThreadPoolExecutor,
) -> None:
    make_due(make_type())

    answers = list(
        pool.map(lambda _: server.post("run_schedules", {}, key=keys["scheduler"]), range(8))
    )

    assert [answer.status for answer in answers] == [200] * 8
    assert sum(answer.body["schedules"] for answer in answers) == 1


@pytest.mark.parametrize("role", ["viewer", "operator"])
def test_who_may_not_tick_is_refused(server: Server, keys: dict[str, str], role: str) -> None:
    answer = server.post("run_schedules", {}, key=keys[role])

    assert answer.status == 403
    assert "needs the role scheduler" in answer.body["detail"]


def test_a_tick_takes_no_fields(server: Server, keys: dict[str, str]) -> None:
    answer = server.post("run_schedules", {"now": "2026-01-01"}, key=keys["scheduler"])

    assert answer.status == 422
    assert answer.fields == {"now"}


def test_all_ticks_of_a_server_are_one_scheduler_s(server: Server, keys: dict[str, str]) -> None:
    for _ in range(2):
        server.post("run_schedules", {}, key=keys["scheduler"])

    assert server.get("health").body["schedulers"] == 1
