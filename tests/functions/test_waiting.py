"""Work that a worker does: its result when it comes in time, else its id."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest

from core.store import Store
from core.web.slots import WaitingSlots
from tests.functions.served import Server
from tests.functions.worker import claim, finish_check, next_operation


def test_a_result_that_comes_in_time_is_the_answer(
    server: Server,
    keys: dict[str, str],
    store: Store,
    module_database_url: str,
    make_type: Callable[..., str],
    trained_model: Callable[..., str],
    pool: ThreadPoolExecutor,
) -> None:
    name = make_type()
    model = trained_model(name, deploy=True)

    asked = pool.submit(
        server.post, "check_performance", {"model_types": [name]}, key=keys["operator"]
    )
    operation_id = next_operation(module_database_url, name)
    finish_check(store, claim(store, operation_id))
    finished = time.monotonic()
    answer = asked.result()

    assert time.monotonic() - finished < 2
    assert answer.status == 200
    assert answer.body["operation_id"] == str(operation_id)
    assert answer.body["needs_retraining"] is True
    (result,) = answer.body["results"]
    assert (result["model_id"], result["verdict"]) == (model, "degraded")


def test_what_takes_too_long_is_answered_by_its_id(
    server: Server, keys: dict[str, str], store: Store, make_type: Callable[..., str]
) -> None:
    body = {"model_types": [make_type()], "wait_seconds": 0.4}

    started = time.monotonic()
    answer = server.post("check_performance", body, key=keys["operator"])
    took = time.monotonic() - started

    assert answer.status == 202
    assert answer.body.keys() == {"operation_id"}
    assert 0.4 <= took < 5
    finish_check(store, claim(store, UUID(answer.body["operation_id"])))
    later = server.get("operation", keys["viewer"], id=answer.body["operation_id"])
    assert later.body["status"] == "succeeded"
    assert later.body["result"]["needs_retraining"] is True


@pytest.mark.parametrize(
    ("outcome", "status", "kind"),
    [
        (
            {
                "status": "failed",
                "error": {"type": "data", "status": 422, "detail": "There is no column label."},
            },
            422,
            "data",
        ),
        ({"status": "failed", "error": {"detail": "It broke."}}, 500, "internal"),
        ({"status": "cancelled"}, 409, "cancelled"),
    ],
)
def test_the_error_of_a_worker_is_the_answers(
    server: Server,
    keys: dict[str, str],
    store: Store,
    module_database_url: str,
    make_type: Callable[..., str],
    pool: ThreadPoolExecutor,
    outcome: dict[str, object],
    status: int,
    kind: str,
) -> None:
    name = make_type()

    asked = pool.submit(
        server.post, "check_performance", {"model_types": [name]}, key=keys["operator"]
    )
    claimed = claim(store, next_operation(module_database_url, name))
    store.finish_operation(claimed, outcome)
    answer = asked.result()

    assert answer.is_problem
    assert answer.status == status
    assert answer.body["type"] == f"urn:refit:problem:{kind}"
    assert answer.body["operation_id"] == str(claimed.id)


def test_half_of_the_threads_wait_and_the_others_serve(
    server: Server, keys: dict[str, str], make_type: Callable[..., str], pool: ThreadPoolExecutor
) -> None:
    body = {"model_types": [make_type()], "wait_seconds": 3}

    started = time.monotonic()
    asked = [pool.submit(timed, server, body, keys["operator"]) for _ in range(6)]
    time.sleep(1)
    status = server.get("status", keys["viewer"])
    answered = time.monotonic() - started
    answers = [request.result() for request in asked]

    assert status.status == 200
    assert answered < 3
    assert [a for a, _ in answers] == [202] * 6
    # Four threads: two requests wait their three seconds, four are answered at once.
    assert sum(took >= 3 for _, took in answers) == 2
    assert sum(took < 2 for _, took in answers) == 4


def test_a_server_of_one_thread_never_waits() -> None:
    with WaitingSlots(1).take() as taken:
        assert not taken


def timed(server: Server, body: dict[str, object], key: str) -> tuple[int, float]:
    started = time.monotonic()
    answer = server.post("check_performance", body, key=key)
    return answer.status, time.monotonic() - started


def test_a_deployment_is_answered_by_what_serves(
    server: Server,
    keys: dict[str, str],
    store: Store,
    make_type: Callable[..., str],
    trained_model: Callable[..., str],
) -> None:
    name = make_type()
    model = trained_model(name)
    body = {"model_types": [name], "wait_seconds": 0, "environment": "production"}

    operation_id = server.post("deploy_model", body, key=keys["operator"]).body["operation_id"]
    claimed = claim(store, UUID(operation_id))
    (target,) = claimed.targets
    assert target.model is not None
    ready = {"model_type": name, "model_id": model, "artifact_hash": target.model.artifact_hash}
    store.finish_operation(claimed, {"status": "succeeded", "results": [ready]})

    operation = server.get("operation", keys["viewer"], id=operation_id).body
    assert [d["model_id"] for d in operation["result"]["deployments"]] == [model]
    # A model that was compared with nothing, now that something serves, is stale.
    assert server.post("deploy_model", body, key=keys["operator"]).status == 202
    other = trained_model(name)
    trained_model(name, deploy=True)
    stale = server.post("deploy_model", {"model_ids": [other]}, key=keys["operator"])
    assert (stale.status, stale.body["type"]) == (409, "urn:refit:problem:stale_validation")
