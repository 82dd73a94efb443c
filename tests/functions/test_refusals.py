"""Refused and forced requests are on record, without secrets, under the request's id."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from core.keys import make_key
from tests.functions.served import PATH, Answer, Server

Row = dict[str, Any]


def send(
    server: Server, action: str, body: Any, headers: dict[str, str], method: str = "POST"
) -> tuple[Answer, str]:
    """The answer, and the id that the request had."""
    request_id = uuid4().hex
    answer = server.ask(
        method,
        f"{PATH}?action={action}",
        None if method == "GET" else json.dumps(body).encode(),
        headers={"X-Request-Id": request_id, **headers},
    )
    return answer, request_id


def recorded(url: str, request_id: str) -> list[Row]:
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            "select to_jsonb(a) from workflow_audit_logs as a where request_id = %s"
            " order by created_at",
            [request_id],
        ).fetchall()
    return [row[0] for row in rows]


def test_a_role_that_is_too_low_is_on_record(
    server: Server, keys: dict[str, str], module_database_url: str
) -> None:
    answer, request_id = send(
        server, "deploy_model", {"model_types": ["churn"]}, {"X-API-Key": keys["viewer"]}
    )

    assert answer.status == 403
    (row,) = recorded(module_database_url, request_id)
    assert (row["action"], row["entity"], row["entity_id"]) == (
        "request.refused",
        "action",
        "deploy_model",
    )
    assert (row["actor"]["name"], row["actor"]["role"]) == ("viewer key", "viewer")
    assert (row["detail"]["status"], row["detail"]["problem"]) == (403, "forbidden")


def test_what_the_state_does_not_allow_is_on_record(
    server: Server,
    keys: dict[str, str],
    trained_model: Callable[..., str],
    module_database_url: str,
) -> None:
    body = {"model_ids": [trained_model(verdict="rejected")]}

    answer, request_id = send(server, "deploy_model", body, {"X-API-Key": keys["operator"]})

    assert answer.status == 409
    (row,) = recorded(module_database_url, request_id)
    assert row["detail"]["problem"] == "not_approved"
    assert "is not approved for production" in row["detail"]["detail"]


def test_a_force_that_sql_refuses_is_on_record(
    server: Server,
    keys: dict[str, str],
    make_type: Callable[..., str],
    module_database_url: str,
) -> None:
    body = {"model_types": [make_type()], "override_limits": True}

    answer, request_id = send(server, "trigger_retraining", body, {"X-API-Key": keys["operator"]})

    assert answer.status == 403
    assert [r["action"] for r in recorded(module_database_url, request_id)] == ["request.refused"]


def test_wrong_credentials_are_on_record_without_the_key(
    server: Server, module_database_url: str
) -> None:
    key = make_key()

    answer, request_id = send(
        server,
        "trigger_retraining",
        {"webhook_url": "https://example.org/hook?token=s3cret"},
        {"X-API-Key": key, "Idempotency-Key": "my-very-own"},
    )

    assert answer.status == 401
    (row,) = recorded(module_database_url, request_id)
    assert row["actor"]["kind"] == "unknown"
    text = json.dumps(row)
    assert not any(secret in text for secret in (key, key[4:], "s3cret", "my-very-own"))


@pytest.mark.parametrize(
    ("method", "action", "body", "status"),
    [
        ("POST", "trigger_retraining", {}, 401),  # no credentials: nothing was attempted
        ("GET", "status", None, 401),
        ("POST", "trigger_retraining", {"forse": True}, 422),
        ("GET", "job", None, 422),
    ],
)
def test_what_attempts_nothing_is_not_on_record(
    server: Server,
    keys: dict[str, str],
    module_database_url: str,
    method: str,
    action: str,
    body: Row | None,
    status: int,
) -> None:
    headers = {"X-API-Key": keys["operator"]} if status == 422 else {}

    answer, request_id = send(server, action, body, headers, method)

    assert answer.status == status
    assert recorded(module_database_url, request_id) == []


def test_a_forced_retraining_says_so_with_its_reason(
    server: Server,
    keys: dict[str, str],
    make_type: Callable[..., str],
    module_database_url: str,
) -> None:
    body = {
        "model_types": [make_type()],
        "force": True,
        "override_limits": True,
        "reason": "A new season.",
    }

    _, request_id = send(server, "trigger_retraining", body, {"X-API-Key": keys["admin"]})

    (row,) = recorded(module_database_url, request_id)
    assert row["action"] == "training_job.created"
    assert row["after"]["force"]
    assert row["after"]["override_limits"]
    assert row["after"]["reason"] == "A new season."
    assert row["actor"]["name"] == "admin key"
    assert "request_id" not in row["actor"]


def test_a_forced_deployment_says_so_with_its_reason(
    server: Server,
    keys: dict[str, str],
    trained_model: Callable[..., str],
    module_database_url: str,
) -> None:
    body = {
        "model_ids": [trained_model(verdict="rejected")],
        "force": True,
        "reason": "The judge was wrong.",
        "wait_seconds": 0,
    }

    _, request_id = send(server, "deploy_model", body, {"X-API-Key": keys["admin"]})

    (row,) = recorded(module_database_url, request_id)
    assert row["action"] == "operation.created"
    assert row["after"]["parameters"]["force"]
    assert row["after"]["parameters"]["reason"] == "The judge was wrong."


def test_every_row_of_a_request_has_its_id(
    server: Server,
    keys: dict[str, str],
    make_type: Callable[..., str],
    trained_model: Callable[..., str],
    module_database_url: str,
) -> None:
    name = make_type()
    for _ in range(2):
        trained_model(name, deploy=True)

    _, rolled_back = send(
        server,
        "rollback_model",
        {"model_type": name, "reason": "It is slow."},
        {"X-API-Key": keys["admin"]},
    )
    asked = server.post("trigger_retraining", {"model_types": [name]}, key=keys["operator"])
    _, cancelled = send(
        server,
        "cancel_job",
        {"id": asked.body["jobs"][0]["id"]},
        {"X-API-Key": keys["operator"], "Idempotency-Key": uuid4().hex},
    )

    actions = [row["action"] for row in recorded(module_database_url, rolled_back)]
    assert sorted(actions) == [
        "deployment.created",
        "deployment.rolled_back",
        "model.updated",
    ]
    (row,) = recorded(module_database_url, cancelled)
    assert row["action"] == "training_job.cancelled"


def test_a_flood_of_wrong_keys_does_not_flood_the_record(
    server: Server, module_database_url: str
) -> None:
    for _ in range(40):
        answer, _ = send(server, "trigger_retraining", {}, {"X-API-Key": make_key()})
        assert answer.status == 401

    with psycopg.connect(module_database_url) as connection:
        row = connection.execute(
            "select count(*) from workflow_audit_logs where actor ->> 'kind' = 'unknown'"
        ).fetchone()
    assert row is not None
    assert 1 <= row[0] <= 30
