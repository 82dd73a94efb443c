"""Requests that cannot be taken: each is refused with a problem that says what to mend."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest

from core.store import Store
from core.web.patterns import SENTENCES
from functions.actions import ACTIONS
from tests.functions.served import PATH, Server

TRIGGER = f"{PATH}?action=trigger_retraining"


@pytest.mark.parametrize(
    "path",
    [
        *(PATH, "/", f"{PATH}?action=", f"{PATH}?action=bake_bread", "/bake_bread", "/api/other"),
        f"{PATH}health",
    ],
)
def test_an_unknown_action_or_path_is_not_found(server: Server, path: str) -> None:
    for method in ("GET", "POST"):
        answer = server.ask(method, path)
        assert answer.status == 404
        assert answer.is_problem
        assert "trigger_retraining" in answer.body["detail"]


def test_each_action_is_a_path_of_its_own(server: Server, keys: dict[str, str]) -> None:
    assert server.ask("GET", "/health").status == 200
    assert server.ask("GET", "/status?environment=staging", key=keys["viewer"]).status == 200
    assert server.ask("GET", "/?action=health").status == 200
    assert server.ask("GET", f"{PATH}/?action=health").status == 200


def test_two_names_that_differ_are_refused(server: Server, keys: dict[str, str]) -> None:
    answer = server.ask("GET", "/status?action=models", key=keys["viewer"])

    assert (answer.status, answer.fields) == (422, {"action"})


@pytest.mark.parametrize(
    ("method", "action", "allow"),
    [
        ("GET", "trigger_retraining", "POST"),
        ("PUT", "check_performance", "POST"),
        ("POST", "status", "GET, HEAD"),
        ("DELETE", "job", "GET, HEAD"),
        ("OPTIONS", "models", "GET, HEAD"),
    ],
)
def test_a_wrong_method_is_told_the_right_one(
    server: Server, keys: dict[str, str], method: str, action: str, allow: str
) -> None:
    answer = server.ask(method, f"{PATH}?action={action}", key=keys["admin"])

    assert answer.status == 405
    assert answer.headers["Allow"] == allow
    assert answer.is_problem


def test_head_is_answered_as_get_without_a_body(server: Server, keys: dict[str, str]) -> None:
    answer = server.ask("HEAD", f"{PATH}?action=status", key=keys["viewer"])

    assert (answer.status, answer.text) == (200, "")


@pytest.mark.parametrize(
    "body", [b"{", b"force=true", b"\xff\xfe", b'{"force": tru}', b'{"reason": "\\ud800"}']
)
def test_malformed_json_is_refused(server: Server, keys: dict[str, str], body: bytes) -> None:
    answer = server.ask("POST", TRIGGER, body, key=keys["operator"])

    assert answer.status == 422
    assert answer.is_problem
    assert answer.fields


@pytest.mark.parametrize("body", ["[]", "null", "1", '"force"'])
def test_a_body_that_is_no_object_is_refused(
    server: Server, keys: dict[str, str], body: str
) -> None:
    answer = server.ask("POST", TRIGGER, body.encode(), key=keys["operator"])

    assert (answer.status, answer.fields) == (422, {"body"})


@pytest.mark.parametrize(
    ("method", "action", "fields", "named"),
    [
        ("POST", "trigger_retraining", {"model_types": ["nobody"]}, "model_types.0"),
        ("POST", "check_performance", {"model_types": ["nobody"]}, "model_types.0"),
        ("POST", "rollback_model", {"model_type": "nobody", "reason": "worse"}, "model_type"),
        ("GET", "history", {"model_type": "nobody"}, "model_type"),
    ],
)
def test_an_unknown_model_type_is_a_problem_of_its_own_type(
    server: Server,
    keys: dict[str, str],
    method: str,
    action: str,
    fields: dict[str, Any],
    named: str,
) -> None:
    key = keys["admin"]
    answer = (
        server.post(action, fields, key=key)
        if method == "POST"
        else server.get(action, key, **fields)
    )

    assert (answer.status, answer.fields) == (422, {named})
    assert answer.body["type"] == "urn:refit:problem:unknown_model_type"
    assert "There is no model type nobody." in answer.body["detail"]


@pytest.mark.parametrize(
    ("action", "body", "field"),
    [
        ("trigger_retraining", {"forse": True}, "forse"),
        ("trigger_retraining", {"force": "yes"}, "force"),
        ("trigger_retraining", {"force": 1}, "force"),
        ("trigger_retraining", {"model_types": "churn"}, "model_types"),
        ("trigger_retraining", {"model_types": []}, "model_types"),
        ("trigger_retraining", {"model_types": [7]}, "model_types.0"),
        ("trigger_retraining", {"model_types": ["a\x00b"]}, "model_types.0"),
        ("trigger_retraining", {"environment": "moon"}, "environment"),
        ("trigger_retraining", {"reason": "x" * 1001}, "reason"),
        ("trigger_retraining", {"webhook_url": "ftp://example.org"}, "webhook_url"),
        ("trigger_retraining", {"auto_validate": False}, "auto_deploy"),
        ("trigger_retraining", {"as_of": "yesterday"}, "as_of"),
        ("trigger_retraining", {"as_of": "2026-01-01T00:00:00"}, "as_of"),
        ("check_performance", {"threshold": 0}, "threshold"),
        ("check_performance", {"threshold": 1.5}, "threshold"),
        ("check_performance", {"threshold": True}, "threshold"),
        ("check_performance", {"time_window": 0}, "time_window"),
        ("check_performance", {"time_window": 7.5}, "time_window"),
        ("check_performance", {"time_window": "7"}, "time_window"),
        ("check_performance", {"wait_seconds": 26}, "wait_seconds"),
        ("check_performance", {"wait_seconds": -1}, "wait_seconds"),
        ("validate_models", {"model_ids": ["1"]}, "model_ids.0"),
        ("validate_models", {}, "body"),
        ("validate_models", {"model_ids": [str(uuid4())], "job_ids": [str(uuid4())]}, "body"),
        ("deploy_model", {}, "body"),
        ("deploy_model", {"job_ids": [str(uuid4())]}, "job_ids"),
        ("rollback_model", {"reason": "because"}, "model_type"),
        ("rollback_model", {"model_type": "churn", "reason": ""}, "reason"),
        ("cancel_job", {}, "id"),
        ("cancel_job", {"id": "7"}, "id"),
    ],
)
def test_a_wrong_field_is_named(
    server: Server, keys: dict[str, str], action: str, body: dict[str, Any], field: str
) -> None:
    answer = server.post(action, body, key=keys["admin"])

    assert answer.status == 422, answer.text
    assert answer.is_problem
    assert answer.fields >= {field}, answer.text


def test_a_number_that_is_none_is_refused(server: Server, keys: dict[str, str]) -> None:
    answer = server.ask(
        "POST",
        f"{PATH}?action=check_performance",
        b'{"threshold": NaN}',
        key=keys["operator"],
    )

    assert (answer.status, answer.fields) == (422, {"threshold"})


def test_the_model_type_or_model_that_does_not_exist_is_named(
    server: Server, keys: dict[str, str], make_type: Callable[..., str]
) -> None:
    name, model = make_type(), str(uuid4())

    for action in ("trigger_retraining", "check_performance", "validate_models", "deploy_model"):
        answer = server.post(action, {"model_types": [name, "unheard_of"]}, key=keys["admin"])
        assert (answer.status, answer.fields) == (422, {"model_types.1"})
        assert name in answer.body["detail"]
    validated = server.post("validate_models", {"model_ids": [model]}, key=keys["admin"])
    assert (validated.status, validated.fields) == (422, {"model_ids.0"})
    by_job = server.post("validate_models", {"job_ids": [model]}, key=keys["admin"])
    assert (by_job.status, by_job.fields) == (422, {"job_ids.0"})
    rolled_back = server.post(
        "rollback_model", {"model_type": "unheard_of", "reason": "why not"}, key=keys["admin"]
    )
    assert (rolled_back.status, rolled_back.fields) == (422, {"model_type"})


def test_another_time_is_for_admins_and_for_types_that_replay(
    server: Server, keys: dict[str, str], make_type: Callable[..., str]
) -> None:
    then = {"as_of": "2026-01-01T00:00:00Z"}
    body = {"model_types": [make_type()], **then}
    replayed = {"model_types": [make_type(replay=True)], **then}

    assert server.post("trigger_retraining", replayed, key=keys["operator"]).status == 403
    assert server.post("trigger_retraining", replayed, key=keys["admin"]).status == 202
    refused = server.post("trigger_retraining", body, key=keys["admin"])
    assert (refused.status, refused.fields) == (422, {"as_of"})


def test_a_request_with_a_mistake_changes_nothing(
    server: Server, keys: dict[str, str], make_type: Callable[..., str], store: Store
) -> None:
    name = make_type()

    server.post("trigger_retraining", {"model_types": [name, "unheard_of"]}, key=keys["admin"])

    assert store.list_training_jobs(model_type=name)["items"] == []


@pytest.mark.parametrize(
    ("action", "query", "field"),
    [
        ("history", {"limit": 201}, "limit"),
        ("history", {"limit": 0}, "limit"),
        ("history", {"limit": "many"}, "limit"),
        ("history", {"cursor": "bm90IG91cnM"}, "cursor"),
        ("history", {"cursor": "%"}, "cursor"),
        ("history", {"status": "done"}, "status"),
        ("history", {"environment": "moon"}, "environment"),
        ("history", {"model_type": "unheard_of"}, "model_type"),
        ("schedules", {"model_type": "unheard_of"}, "model_type"),
        ("models", {"status": "queued"}, "status"),
        ("metrics", {"page": 2}, "page"),
        ("status", {"environment": ""}, "environment"),
        ("job", {}, "id"),
        ("operation", {"id": "7"}, "id"),
        ("audit", {"model_type": "a\x00b"}, "model_type"),
    ],
)
def test_a_wrong_query_parameter_is_named(
    server: Server, keys: dict[str, str], action: str, query: dict[str, Any], field: str
) -> None:
    answer = server.get(action, keys["viewer"], **query)

    assert answer.status == 422, answer.text
    assert answer.is_problem
    assert answer.fields == {field}, answer.text


def test_a_query_parameter_is_given_once_and_never_to_a_post(
    server: Server, keys: dict[str, str]
) -> None:
    twice = server.ask("GET", f"{PATH}?action=models&limit=1&limit=2", key=keys["viewer"])
    stray = server.ask("POST", f"{TRIGGER}&force=true", b"", key=keys["operator"])

    assert (twice.status, twice.fields) == (422, {"limit"})
    assert (stray.status, stray.fields) == (422, {"force"})


def test_the_content_type_of_json_may_say_anything(
    server: Server, keys: dict[str, str], make_type: Callable[..., str]
) -> None:
    body = json.dumps({"model_types": [make_type()]}).encode()

    for content_type in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        answer = server.ask(
            "POST", TRIGGER, body, key=keys["operator"], headers={"Content-Type": content_type}
        )
        assert answer.status == 202, answer.text


def test_a_body_over_one_mebibyte_is_too_large(server: Server, keys: dict[str, str]) -> None:
    fits = b'{"reason": "' + b" " * ((1 << 20) - 14) + b'"}'
    assert len(fits) == 1 << 20

    def chunks() -> Iterator[bytes]:
        for _ in range(32):
            yield b" " * (1 << 16)

    assert server.ask("POST", TRIGGER, fits, key=keys["operator"]).fields == {"reason"}
    for body in (fits + b" ", b" " * (4 << 20), chunks()):
        answer = server.ask("POST", TRIGGER, body, key=keys["operator"])
        assert answer.status == 413
        assert answer.is_problem
    assert server.ask("POST", TRIGGER, fits + b" ").status == 413


def test_a_body_that_is_announced_as_very_large_is_refused_before_it_comes(server: Server) -> None:
    host, _, port = server.address.removeprefix("http://").partition(":")
    head = f"POST /trigger_retraining HTTP/1.1\r\nHost: x\r\nContent-Length: {100 << 20}\r\n\r\n"

    with socket.create_connection((host, int(port)), timeout=5) as client:
        client.sendall(head.encode())
        answer = client.makefile("rb").readline()

    assert b" 413 " in answer


def test_a_body_that_does_not_arrive_as_announced_is_refused(
    server: Server, keys: dict[str, str]
) -> None:
    host, _, port = server.address.removeprefix("http://").partition(":")
    head = f"POST /trigger_retraining HTTP/1.1\r\nHost: x\r\nX-API-Key: {keys['operator']}\r\n"

    for rest in ("Content-Length: 9\r\n\r\n{}", "Transfer-Encoding: chunked\r\n\r\nzz\r\n{}"):
        with socket.create_connection((host, int(port)), timeout=10) as client:
            client.sendall((head + rest).encode())
            client.shutdown(socket.SHUT_WR)
            answer = client.makefile("rb").readline()
        assert b" 422 " in answer


def test_very_many_mistakes_get_a_short_answer(server: Server, keys: dict[str, str]) -> None:
    answer = server.post(
        "trigger_retraining", {f"unknown_{i}": 0 for i in range(10_000)}, key=keys["operator"]
    )

    assert answer.status == 422
    assert len(answer.text) < 10_000


def test_every_answer_has_a_request_id_and_stays_out_of_shared_caches(
    server: Server, keys: dict[str, str]
) -> None:
    answers = [
        server.get("health"),
        server.get("nothing"),
        server.get("status"),
        server.get("status", keys["viewer"]),
        server.post("status", key=keys["viewer"]),
    ]

    assert [a.status for a in answers] == [200, 404, 401, 200, 405]
    read = "private, no-cache"
    assert [a.headers["Cache-Control"] for a in answers] == [
        *(read, "no-store", "no-store", read, "no-store")
    ]
    assert len({a.headers["X-Request-Id"] for a in answers}) == len(answers)
    for bad in ("a b", "x" * 200):
        answer = server.ask("GET", "/health", headers={"X-Request-Id": bad})
        assert answer.headers["X-Request-Id"] not in {"", bad}


def test_a_text_that_does_not_fit_is_told_what_would(
    server: Server, keys: dict[str, str], make_type: Callable[..., str]
) -> None:
    answer = server.post(
        "rollback_model", {"model_type": make_type(), "reason": "  "}, key=keys["admin"]
    )

    assert answer.status == 422
    assert answer.body["errors"] == [
        {
            "field": "reason",
            "detail": "It must hold more than blanks, and not the character NUL.",
        }
    ]


def test_every_pattern_of_a_field_has_its_sentence() -> None:
    found = {
        pattern
        for function in ACTIONS.values()
        for pattern in patterns_in(function.form.parameters.model_json_schema())
    }

    assert found == SENTENCES.keys()


def patterns_in(schema: Any) -> Iterator[str]:
    """Each pattern anywhere in a schema."""
    if isinstance(schema, dict):
        if isinstance(pattern := schema.get("pattern"), str):
            yield pattern
        for value in schema.values():
            yield from patterns_in(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from patterns_in(value)


def test_a_cursor_of_another_list_is_refused(
    server: Server, keys: dict[str, str], make_type: Callable[..., str], store: Store
) -> None:
    names = [make_type(), make_type()]
    store.trigger_retraining(model_types=names, force=True)
    cursor = server.get("history", keys["viewer"], limit=1).body["next_cursor"]
    assert cursor is not None

    own = server.get("history", keys["viewer"], cursor=cursor)
    other = server.get("models", keys["viewer"], cursor=cursor)

    assert own.status == 200
    assert (other.status, other.fields) == (422, {"cursor"})
