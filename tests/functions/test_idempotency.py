"""A request that is sent again under the same key is carried out once."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from core.store import Store
from tests.functions.served import PATH, Answer, Server
from tests.functions.worker import claim, finish_check


def send(server: Server, action: str, body: Any, *, key: str, once: str) -> Answer:
    return server.ask(
        "POST",
        f"{PATH}?action={action}",
        json.dumps(body).encode(),
        key=key,
        headers={"Idempotency-Key": once},
    )


def jobs_of(url: str, model_type: str) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute(
            "select count(*) from ml_training_jobs where model_type = %s", [model_type]
        ).fetchone()
    assert row is not None
    return int(row[0])


def test_a_replay_gives_the_first_answer_though_the_job_has_ended(
    server: Server,
    keys: dict[str, str],
    make_type: Callable[..., str],
    module_database_url: str,
) -> None:
    name, once = make_type(), uuid4().hex
    body = {"model_types": [name], "force": True}
    first = send(server, "trigger_retraining", body, key=keys["operator"], once=once)
    server.post("cancel_job", {"id": first.body["jobs"][0]["id"]}, key=keys["operator"])

    again = send(server, "trigger_retraining", body, key=keys["operator"], once=once)
    other = server.post("trigger_retraining", body, key=keys["operator"])

    assert (first.status, again.status, again.body) == (202, 202, first.body)
    assert first.headers["Idempotency-Replayed"] is None
    assert again.headers["Idempotency-Replayed"] == "true"
    assert other.body["jobs"][0]["id"] != first.body["jobs"][0]["id"]
    assert jobs_of(module_database_url, name) == 2


def test_of_two_at_once_one_is_carried_out(
    server: Server,
    keys: dict[str, str],
    pool: ThreadPoolExecutor,
    module_database_url: str,
) -> None:
    event = {"workflow": uuid4().hex, "execution_id": "7", "step": "start", "outcome": "ok"}
    once = uuid4().hex

    def ask(_: int) -> Answer:
        return send(server, "record_event", event, key=keys["operator"], once=once)

    answers = list(pool.map(ask, range(8)))

    assert {a.status for a in answers} == {201}
    assert len({a.body["id"] for a in answers}) == 1
    assert [a.headers["Idempotency-Replayed"] for a in answers].count(None) == 1
    with psycopg.connect(module_database_url) as connection:
        rows = connection.execute(
            "select id from workflow_audit_logs where entity = %s", [event["workflow"]]
        ).fetchall()
    assert [str(row[0]) for row in rows] == [answers[0].body["id"]]


def test_another_body_under_the_same_key_is_refused(
    server: Server, keys: dict[str, str], make_type: Callable[..., str]
) -> None:
    once, name = uuid4().hex, make_type()
    send(server, "trigger_retraining", {"model_types": [name]}, key=keys["operator"], once=once)

    answer = send(
        server,
        "trigger_retraining",
        {"model_types": [name], "force": True},
        key=keys["operator"],
        once=once,
    )

    assert (answer.status, answer.fields) == (422, {"Idempotency-Key"})
    assert answer.body["type"] == "urn:refit:problem:idempotency_key_reused"


def test_the_same_fields_written_otherwise_are_the_same_body(
    server: Server, keys: dict[str, str], make_type: Callable[..., str]
) -> None:
    once, name = uuid4().hex, make_type()
    send(server, "trigger_retraining", {"model_types": [name]}, key=keys["operator"], once=once)

    again = send(
        server,
        "trigger_retraining",
        {"force": False, "model_types": [name]},
        key=keys["operator"],
        once=once,
    )

    assert again.headers["Idempotency-Replayed"] == "true"


def test_an_object_may_name_its_fields_in_any_order(server: Server, keys: dict[str, str]) -> None:
    once, event = uuid4().hex, {"workflow": "n8n", "execution_id": "1", "step": "s"}
    orders = ({"sent": 3, "to": {"a": 1, "b": 2}}, {"to": {"b": 2, "a": 1}, "sent": 3})

    first, again = (
        send(
            server,
            "record_event",
            {**event, "outcome": "ok", "detail": detail},
            key=keys["operator"],
            once=once,
        )
        for detail in orders
    )

    assert (first.status, again.status, again.body) == (201, 201, first.body)


def test_a_null_that_changes_something_is_another_body(
    server: Server, keys: dict[str, str], make_type: Callable[..., str]
) -> None:
    once, name = uuid4().hex, make_type()
    send(server, "update_model_type", {"name": name}, key=keys["admin"], once=once)

    answer = send(
        server,
        "update_model_type",
        {"name": name, "monthly_retraining_budget": None},
        key=keys["admin"],
        once=once,
    )

    assert (answer.status, answer.fields) == (422, {"Idempotency-Key"})


def test_a_key_is_its_senders_and_its_actions_own(
    server: Server, keys: dict[str, str], make_type: Callable[..., str]
) -> None:
    once, name = uuid4().hex, make_type()
    send(server, "trigger_retraining", {"model_types": [name]}, key=keys["operator"], once=once)

    for key, action in (("admin", "trigger_retraining"), ("operator", "check_performance")):
        body = {"model_types": [name]} | ({"wait_seconds": 0} if "check" in action else {})
        answer = send(server, action, body, key=keys[key], once=once)
        assert answer.status == 202
        assert answer.headers["Idempotency-Replayed"] is None


def test_an_error_is_not_kept(
    server: Server, keys: dict[str, str], make_type: Callable[..., str]
) -> None:
    once, name = uuid4().hex, f"late_{uuid4().hex[:8]}"
    body = {"model_types": [name]}

    early = send(server, "trigger_retraining", body, key=keys["operator"], once=once)
    make_type(name)
    late = send(server, "trigger_retraining", body, key=keys["operator"], once=once)

    assert (early.status, late.status) == (422, 202)
    assert late.headers["Idempotency-Replayed"] is None


def test_a_day_later_the_key_is_new(
    server: Server,
    keys: dict[str, str],
    make_type: Callable[..., str],
    module_database_url: str,
) -> None:
    once, body = uuid4().hex, {"model_types": [make_type()]}
    first = send(server, "trigger_retraining", body, key=keys["operator"], once=once)

    def age(hours: float) -> None:
        with psycopg.connect(module_database_url) as connection:
            aged = connection.execute(
                "update private.idempotency_keys set created_at = now() - %s * interval '1 hour'"
                " where idempotency_key = %s",
                [hours, once],
            )
            assert aged.rowcount == 1

    age(23.9)
    within = send(server, "trigger_retraining", body, key=keys["operator"], once=once)
    age(24.1)
    other = {**body, "force": True}
    beyond = send(server, "trigger_retraining", other, key=keys["operator"], once=once)
    again = send(server, "trigger_retraining", other, key=keys["operator"], once=once)

    assert within.headers["Idempotency-Replayed"] == "true"
    assert beyond.headers["Idempotency-Replayed"] is None
    assert beyond.body["jobs"][0] == {**first.body["jobs"][0], "coalesced": True}
    assert again.headers["Idempotency-Replayed"] == "true"


def test_a_replayed_check_waits_for_the_operation_of_the_first(
    server: Server, keys: dict[str, str], make_type: Callable[..., str], store: Store
) -> None:
    once, body = uuid4().hex, {"model_types": [make_type()], "wait_seconds": 1}

    first = send(server, "check_performance", body, key=keys["operator"], once=once)
    finish_check(store, claim(store, UUID(first.body["operation_id"])))
    again = send(server, "check_performance", body, key=keys["operator"], once=once)

    assert (first.status, again.status) == (202, 200)
    assert again.body["operation_id"] == first.body["operation_id"]
    assert again.body["needs_retraining"] is True
    assert again.headers["Idempotency-Replayed"] == "true"


CREATED = {
    "task": "regression",
    "source_relation": "public.rows",
    "key_columns": ["id"],
    "time_column": "happened_at",
    "target_column": "amount",
    "feature_columns": ["a"],
    "metric": "rmse",
    "engine_parameters": {"max_iter": 50, "learning_rate": None},
}


@pytest.mark.parametrize("once", [None, "once"])
def test_every_kind_of_argument_arrives_the_same_with_a_key(
    server: Server, keys: dict[str, str], trained_model: Callable[..., str], once: str | None
) -> None:
    def ask(action: str, body: dict[str, Any]) -> Answer:
        if once is None:
            return server.post(action, body, key=keys["admin"])
        return send(server, action, body, key=keys["admin"], once=f"{once} {action}")

    name = f"kinds_{uuid4().hex[:8]}"
    made = ask("create_model_type", {"name": name, **CREATED})
    changed = ask("update_model_type", {"name": name, "monthly_retraining_budget": None})
    scheduled = ask(
        "create_schedule",
        {
            "model_type": name,
            "kind": "performance_check",
            "cron": "5 4 * * *",
            "time_zone": "Europe/Amsterdam",
            "environment": "staging",
        },
    )
    paused = ask("update_schedule", {"id": scheduled.body["schedule"]["id"], "enabled": False})
    models = [trained_model(name, deploy=True), trained_model(name, deploy=True)]
    validated = ask("validate_models", {"model_ids": models[:1], "wait_seconds": 0})
    deployed = ask("deploy_model", {"model_ids": models, "force": True, "wait_seconds": 0})
    rolled_back = ask("rollback_model", {"model_type": name, "reason": "worse"})

    assert (made.status, made.body["model_type"]["monthly_retraining_budget"]) == (201, 100)
    assert made.body["model_type"]["engine_parameters"] == CREATED["engine_parameters"]
    assert (changed.status, changed.body["model_type"]["monthly_retraining_budget"]) == (200, None)
    assert (scheduled.status, scheduled.body["schedule"]["time_zone"]) == (201, "Europe/Amsterdam")
    assert (paused.status, paused.body["schedule"]["enabled"]) == (200, False)
    assert (validated.status, deployed.status) == (202, 202)
    assert rolled_back.body["deployment"]["model_id"] == models[0]


@pytest.mark.parametrize("key", ["", "\u00e9", "x" * 256, "tab\there"])
def test_a_key_that_cannot_be_one_is_refused(
    server: Server, keys: dict[str, str], key: str
) -> None:
    answer = send(server, "trigger_retraining", {}, key=keys["operator"], once=key)

    assert (answer.status, answer.fields) == (422, {"Idempotency-Key"})


def test_a_tick_takes_a_key_and_needs_none(server: Server, keys: dict[str, str]) -> None:
    for _ in range(2):
        answer = send(server, "run_schedules", {}, key=keys["scheduler"], once="tick-1")
        assert answer.status == 200
        assert answer.headers["Idempotency-Replayed"] is None
