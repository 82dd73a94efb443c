"""How often one sender may ask, and what they hear when it is too often."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import pytest

from core.domain import Actor, Role
from core.embedded.valkey import EmbeddedValkey
from core.errors import TooManyRequests
from core.keys import hash_key, make_key
from core.settings import Settings
from core.store import Store
from core.web.rate_limits import FailedAttempts, Kind, RateLimits
from core.web.shared_state import SharedState
from tests.functions.served import Answer, Server, free_port, serving


@pytest.fixture(scope="module")
def strict_server(
    tmp_path_factory: pytest.TempPathFactory, module_database_url: str, module_redis_url: str
) -> Iterator[Server]:
    """Five reads and three pieces of work in an hour, and four wrong credentials."""
    with serving(
        tmp_path_factory.mktemp("strict"),
        "main",
        DATABASE_URL=module_database_url,
        REDIS_URL=module_redis_url,
        REFIT_RATE_LIMIT_READS="5/hour",
        REFIT_RATE_LIMIT_WORK="3/hour",
        REFIT_RATE_LIMIT_FAILURES="4/hour",
        REFIT_CACHE_SECONDS="0",
    ) as server:
        yield server


@pytest.fixture
def make_caller(store: Store) -> Callable[[Role], str]:
    """Makes a key of its own, which has asked nothing yet."""

    def make(role: Role) -> str:
        key = make_key()
        store.create_api_key(name=f"caller {uuid4()}", role=role, key_hash=hash_key(key))
        return key

    return make


def standing(answer: Answer) -> tuple[int, int, int]:
    """Limit, what is left, and seconds to the next window."""
    names = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")
    limit, left, reset = (int(answer.headers[name]) for name in names)
    return limit, left, reset


def test_every_answer_to_a_key_says_what_is_left_and_then_it_is_too_many(
    strict_server: Server, make_caller: Callable[[Role], str]
) -> None:
    key = make_caller(Role.VIEWER)

    answers = [
        strict_server.get("status", key),
        strict_server.get("status", key, mistake=1),
        strict_server.get("job", key, id=str(uuid4())),
        strict_server.ask("HEAD", "/status", key=key),
        strict_server.get("models", key),
        strict_server.get("models", key),
    ]

    assert [a.status for a in answers] == [200, 422, 404, 200, 200, 429]
    assert [standing(a)[:2] for a in answers] == [(5, 4), (5, 3), (5, 2), (5, 1), (5, 0), (5, 0)]
    refused = answers[-1]
    assert refused.is_problem
    assert refused.body["type"] == "urn:refit:problem:too_many_requests"
    assert 3500 < int(refused.headers["Retry-After"]) <= 3600
    assert standing(refused)[2] == int(refused.headers["Retry-After"])


def test_work_and_reads_and_callers_are_counted_apart(
    strict_server: Server, make_caller: Callable[[Role], str]
) -> None:
    first, second = make_caller(Role.OPERATOR), make_caller(Role.OPERATOR)

    worked = [strict_server.post("check_performance", {"x": 1}, key=first) for _ in range(4)]

    assert [a.status for a in worked] == [422, 422, 422, 429]
    assert strict_server.get("status", first).status == 200
    assert strict_server.post("check_performance", {"x": 1}, key=second).status == 422


def test_whoever_may_not_ask_is_counted_too(
    strict_server: Server, make_caller: Callable[[Role], str]
) -> None:
    key = make_caller(Role.VIEWER)

    statuses = [strict_server.post("trigger_retraining", {}, key=key).status for _ in range(4)]

    assert statuses == [403, 403, 403, 429]


def test_ticks_go_on_when_the_same_key_asked_for_too_much(
    strict_server: Server, make_caller: Callable[[Role], str]
) -> None:
    key = make_caller(Role.ADMIN)

    worked = [strict_server.post("check_performance", {"x": 1}, key=key) for _ in range(4)]
    ticked = strict_server.post("run_schedules", {}, key=key)

    assert worked[-1].status == 429
    assert ticked.status == 200


def test_an_answer_to_nobody_says_nothing_about_limits(strict_server: Server) -> None:
    for answer in (strict_server.get("health"), strict_server.get("status")):
        assert "RateLimit-Limit" not in answer.headers


def test_wrong_keys_are_too_many_in_the_end_and_known_keys_go_on(
    tmp_path: Path,
    module_database_url: str,
    module_redis_url: str,
    make_caller: Callable[[Role], str],
    store: Store,
) -> None:
    known, unknown = make_caller(Role.VIEWER), make_caller(Role.VIEWER)
    with serving(
        tmp_path,
        "main",
        DATABASE_URL=module_database_url,
        REDIS_URL=module_redis_url,
        REFIT_RATE_LIMIT_FAILURES="4/hour",
    ) as server:
        assert server.get("status", known).status == 200
        guesses = [server.post("trigger_retraining", {}, key=make_key()) for _ in range(8)]
        nobody = [server.get("status") for _ in range(8)]
        after = server.get("status", known), server.get("status", unknown)

    assert [a.status for a in guesses] == [401] * 4 + [429] * 4
    assert int(guesses[-1].headers["Retry-After"]) > 3500
    # Without credentials nothing is tried, and nothing is asked of the database.
    assert {a.status for a in nobody} == {401}
    assert [a.status for a in after] == [200, 429]


def test_an_address_that_a_sender_claims_counts_for_nothing(
    tmp_path: Path, module_database_url: str, module_redis_url: str
) -> None:
    with serving(
        tmp_path,
        "main",
        DATABASE_URL=module_database_url,
        REDIS_URL=module_redis_url,
        REFIT_RATE_LIMIT_FAILURES="2/hour",
    ) as server:
        statuses = [
            server.ask(
                "GET",
                "/status",
                key=make_key(),
                headers={"X-Forwarded-For": f"10.0.0.{i}", "X-Real-IP": f"10.0.0.{i}"},
            ).status
            for i in range(4)
        ]

    assert statuses == [401, 401, 429, 429]


def test_limits_hold_for_all_processes_together(module_redis_url: str) -> None:
    caller = Actor(kind="key", id=str(uuid4()), name="n8n", role=Role.VIEWER)
    settings = Settings(REFIT_RATE_LIMIT_READS="10/hour")
    processes = [RateLimits(settings, SharedState(module_redis_url, "test")) for _ in range(2)]

    counts = [processes[i % 2].admit(caller, Kind.READS).standing.count for i in range(6)]

    assert counts == [1, 2, 3, 4, 5, 6]
    for process in processes:
        process._shared.close()


def test_a_window_ends(module_redis_url: str) -> None:
    shared = SharedState(module_redis_url, "test")
    limits = RateLimits(Settings(REFIT_RATE_LIMIT_READS="2/second"), shared)
    caller = Actor(kind="key", id=str(uuid4()), name="n8n", role=Role.VIEWER)

    for _ in range(2):
        limits.admit(caller, Kind.READS).standing.require()
    with pytest.raises(TooManyRequests) as refused:
        limits.admit(caller, Kind.READS).standing.require()
    time.sleep(1.1)
    limits.admit(caller, Kind.READS).standing.require()

    assert refused.value.retry_after_s == 1
    shared.close()


def test_wrong_credentials_are_counted_by_address() -> None:
    failures = FailedAttempts("2/minute")

    for _ in range(2):
        failures.require_patience("10.0.0.1")
        failures.count("10.0.0.1")

    with pytest.raises(TooManyRequests):
        failures.require_patience("10.0.0.1")
    with pytest.raises(TooManyRequests):
        failures.count("10.0.0.1")
    failures.require_patience("10.0.0.2")
    failures.count("10.0.0.2")


def test_when_valkey_is_killed_limits_hold_in_the_process_and_nobody_waits(
    tmp_path: Path, module_database_url: str, make_caller: Callable[[Role], str]
) -> None:
    tmp_path.chmod(0o711)
    key = make_caller(Role.VIEWER)
    valkey = EmbeddedValkey(tmp_path / "valkey")
    with serving(
        tmp_path,
        "main",
        DATABASE_URL=module_database_url,
        REDIS_URL=valkey.start(),
        REFIT_RATE_LIMIT_READS="6/hour",
    ) as server:
        before = [server.get("status", key) for _ in range(2)]
        valkey.stop()
        started = time.monotonic()
        after = [server.get("status", key) for _ in range(7)]
        took = time.monotonic() - started

        assert [a.status for a in before] == [200, 200]
        assert [a.status for a in after] == [200] * 6 + [429]
        assert took < 3
        away = [x for x in server.log_lines() if x["event"] == "shared_state_away"]
        assert len(away) == 1


def test_a_valkey_that_answers_nothing_costs_one_request_in_some_seconds_a_second(
    module_redis_url: str,
) -> None:
    import socket

    # It takes connections and never says a word.
    with socket.create_server(("127.0.0.1", free_port())) as silent:
        now = [1000.0]
        shared = SharedState(
            f"redis://127.0.0.1:{silent.getsockname()[1]}/0", "test", clock=lambda: now[0]
        )
        times = []
        for _ in range(3):
            started = time.monotonic()
            assert shared.count("a", 60) is None
            times.append(time.monotonic() - started)
        with ThreadPoolExecutor(4) as pool:
            now[0] += 6
            started = time.monotonic()
            seen = list(pool.map(lambda _: (shared.count("a", 60), time.monotonic()), range(4)))
        shared.close()

    assert times[0] < 3
    assert max(times[1:]) < 0.1
    # One looks whether it is back; the others go on at once.
    assert sum(ended - started > 0.5 for _, ended in seen) == 1


def test_a_rate_that_is_none_is_named_at_start(
    tmp_path: Path, module_database_url: str, module_redis_url: str
) -> None:
    with serving(
        tmp_path,
        "main",
        DATABASE_URL=module_database_url,
        REDIS_URL=module_redis_url,
        REFIT_RATE_LIMIT_WORK="many",
    ) as server:
        answer = server.get("status", make_key())

    assert answer.status == 500
    assert "REFIT_RATE_LIMIT_WORK" in answer.body["detail"]
