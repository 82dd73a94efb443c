"""The OpenAPI document: valid, whole, and what is really answered."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import jsonschema_rs
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from core.store import Store
from functions.actions import ACTIONS
from tests.functions.served import PATH, Answer, Server, serving
from tests.functions.worker import claim, finish_check, next_operation

Json = dict[str, Any]


@pytest.fixture(scope="module")
def document(server: Server) -> Json:
    answer = server.get("openapi")
    assert answer.status == 200
    return answer.body


def operations(document: Json) -> Iterator[Json]:
    for item in document["paths"].values():
        yield from item.values()


def require_conformance(document: Json, action: str, answer: Answer) -> None:
    """Fail unless the answer is one that the document allows, headers included."""
    (described,) = document["paths"][f"/{action}"].values()
    response = described["responses"][str(answer.status)]
    (schema,) = [kind["schema"] for kind in response["content"].values()]
    assert list(response["content"]) == [answer.headers.get_content_type()]
    jsonschema_rs.validate(
        {**schema, "components": document["components"]}, answer.body, validate_formats=True
    )
    for name, reference in response["headers"].items():
        header = document["components"]["headers"][reference["$ref"].rpartition("/")[2]]
        assert not header.get("required") or answer.headers[name], name


def test_the_document_is_valid(document: Json) -> None:
    OpenAPIV31SpecValidator(document).validate()


def test_the_document_is_a_path_too_and_needs_no_credentials(server: Server) -> None:
    assert server.ask("GET", "/openapi").body == server.get("openapi").body


def test_every_action_is_in_the_document_and_nothing_else(document: Json) -> None:
    assert {path.removeprefix("/") for path in document["paths"]} == set(ACTIONS)
    for action, function in ACTIONS.items():
        assert list(document["paths"][f"/{action}"]) == [function.form.method.lower()]


def test_everything_is_described(document: Json) -> None:
    for operation in operations(document):
        assert operation["summary"]
        assert operation["description"]
        for response in operation["responses"].values():
            assert response["description"]
    for name, schema in document["components"]["schemas"].items():
        assert schema.get("description") or "enum" in schema, name


def test_each_action_says_who_may_ask_and_what_can_go_wrong(document: Json) -> None:
    for action, function in ACTIONS.items():
        (operation,) = document["paths"][f"/{action}"].values()
        statuses = set(operation["responses"])
        if function.form.role is None:
            assert operation["security"] == []
            assert not statuses & {"401", "403"}
        else:
            assert f"role {function.form.role}" in operation["description"]
            assert {"401", "403", "429"} <= statuses
        assert {"422", "503"} <= statuses
        assert ("413" in statuses) == (function.form.method == "POST")


def test_unknown_fields_are_refused_as_the_document_says(
    document: Json, server: Server, keys: dict[str, str]
) -> None:
    for action, function in ACTIONS.items():
        if function.form.method != "POST":
            continue
        name = function.form.parameters.__name__
        assert document["components"]["schemas"][name]["additionalProperties"] is False
        answer = server.post(action, {"surprise": 1}, key=keys["admin"])
        assert answer.status == 422
        assert "surprise" in answer.fields
        require_conformance(document, action, answer)


def test_a_body_is_one_object_and_not_one_of_several(document: Json) -> None:
    """A generator of clients makes nothing else than the rule of what has one beside its fields."""
    for name, schema in document["components"]["schemas"].items():
        assert "properties" not in schema or not {"oneOf", "anyOf"} & schema.keys(), name


def test_every_list_says_what_it_is_a_list_of(document: Json) -> None:
    """Without that a generator of clients leaves out the action."""
    left: list[Any] = [document["components"]["schemas"], document["paths"]]
    lists = []
    while left:
        part = left.pop()
        if isinstance(part, dict):
            left += part.values()
            lists += [part] if part.get("type") == "array" else []
        elif isinstance(part, list):
            left += part

    assert lists
    assert all("items" in each or "prefixItems" in each for each in lists)


def test_every_read_has_a_tag_and_may_answer_that_nothing_changed(document: Json) -> None:
    for action, function in ACTIONS.items():
        (operation,) = document["paths"][f"/{action}"].values()
        tagged = function.form.method == "GET"
        assert ("304" in operation["responses"]) == tagged
        assert any("ETag" in r["headers"] for r in operation["responses"].values()) == tagged
        assert any(p["name"] == "If-None-Match" for p in operation["parameters"]) == tagged


def test_the_address_of_the_api_is_a_setting(tmp_path: Path) -> None:
    with serving(
        tmp_path,
        "main",
        # Nothing is asked of either.
        DATABASE_URL="postgresql://127.0.0.1:1/none",
        REDIS_URL="redis://127.0.0.1:1/0",
        API_BASE_URL="https://models.example.org/api",
    ) as server:
        document = server.get("openapi").body

    assert document["servers"] == [{"url": f"https://models.example.org{PATH}"}]


def test_an_action_below_the_one_address_is_the_action(
    server: Server, keys: dict[str, str]
) -> None:
    assert server.ask("GET", f"{PATH}/health").status == 200
    assert server.ask("GET", f"{PATH}/status", key=keys["viewer"]).status == 200
    assert server.ask("GET", f"{PATH}/status?action=models", key=keys["viewer"]).status == 422


def test_what_is_read_has_the_shape_of_the_document(
    document: Json,
    server: Server,
    keys: dict[str, str],
    make_type: Callable[..., str],
    trained_model: Callable[..., str],
    store: Store,
) -> None:
    name = make_type()
    for _ in range(2):
        trained_model(name, deploy=True)
    operation = store.request_check(model_types=[name])
    finish_check(store, claim(store, operation))
    job = server.post("trigger_retraining", {"model_types": [name]}, key=keys["admin"])
    queries: dict[str, Json] = {
        "job": {"id": job.body["jobs"][0]["id"]},
        "operation": {"id": str(operation)},
    }

    for action, function in ACTIONS.items():
        if function.form.method != "GET":
            continue
        answer = server.get(action, keys["viewer"], **queries.get(action, {}))
        assert answer.status == 200, action
        require_conformance(document, action, answer)
        if action in {"metrics", "models", "history", "deployments", "schedules", "audit"}:
            assert answer.body["items"], action

    done = server.get("history", keys["viewer"], model_type=name, status="succeeded").body["items"]
    finished = server.get("job", keys["viewer"], id=done[0]["id"])
    assert finished.body["validation"]
    require_conformance(document, "job", finished)
    for id_ in (str(uuid4()), "no-uuid"):
        require_conformance(document, "job", server.get("job", keys["viewer"], id=id_))
    require_conformance(document, "job", server.get("job", id=str(uuid4())))


def test_what_is_asked_for_is_answered_in_the_shape_of_the_document(
    document: Json,
    server: Server,
    keys: dict[str, str],
    trained_model: Callable[..., str],
    make_type: Callable[..., str],
) -> None:
    def ask(action: str, status: int, body: Json, key: str = "admin") -> Answer:
        answer = server.post(action, body, key=keys[key])
        assert answer.status == status, answer.text
        require_conformance(document, action, answer)
        return answer

    name = make_type()
    models = [trained_model(name, deploy=True) for _ in range(2)]
    queued = ask("trigger_retraining", 202, {"model_types": [name]})
    ask("cancel_job", 200, {"id": queued.body["jobs"][0]["id"]})
    pending = ask("check_performance", 202, {"model_types": [name], "wait_seconds": 0})
    ask("cancel_job", 200, {"id": pending.body["operation_id"]})
    ask("validate_models", 202, {"model_ids": models, "wait_seconds": 0})
    ask("deploy_model", 202, {"model_types": [name], "wait_seconds": 0})
    ask("rollback_model", 200, {"model_type": name, "reason": "It is slow."})
    ask("rollback_model", 409, {"model_type": name, "reason": "It is slow."})
    ask("run_schedules", 200, {})
    ask("run_schedules", 403, {}, key="viewer")


def test_a_check_that_is_done_has_the_shape_of_the_document(
    document: Json,
    server: Server,
    keys: dict[str, str],
    trained_model: Callable[..., str],
    make_type: Callable[..., str],
    store: Store,
    pool: ThreadPoolExecutor,
    module_database_url: str,
) -> None:
    name = make_type()
    trained_model(name, deploy=True)
    body = {"model_types": [name]}

    asked = pool.submit(server.post, "check_performance", body, key=keys["operator"])
    finish_check(store, claim(store, next_operation(module_database_url, name)))
    answer = asked.result()

    assert answer.status == 200
    require_conformance(document, "check_performance", answer)
    assert json.loads(answer.text)["results"][0]["verdict"] == "degraded"


def test_work_that_is_done_has_the_shape_of_the_document(
    document: Json,
    server: Server,
    keys: dict[str, str],
    trained_model: Callable[..., str],
    store: Store,
) -> None:
    model = trained_model()
    served = store.list_models(limit=1)["items"][0]["artifact_hash"]
    judged = {
        "champion_deployment_id": None,
        "verdict": "approved",
        "auto_deployable": True,
        "improvement": None,
        "confidence_interval": None,
        "samples": 600,
        "gates": [
            {"name": "enough_rows", "passed": True, "value": 600, "threshold": 100, "detail": "."}
        ],
        "reason": "There is no champion.",
    }
    for action, result in (
        ("validate_models", judged),
        ("deploy_model", {"artifact_hash": served}),
    ):
        once = {"X-API-Key": keys["admin"], "Idempotency-Key": uuid4().hex}
        body = json.dumps({"model_ids": [model], "wait_seconds": 1}).encode()
        asked = server.ask("POST", f"/{action}", body, headers=once)
        require_conformance(document, action, asked)
        claimed = claim(store, UUID(asked.body["operation_id"]))
        store.finish_operation(
            claimed, {"status": "succeeded", "results": [{"model_id": model, **result}]}
        )

        answer = server.ask("POST", f"/{action}", body, headers=once)

        assert (asked.status, answer.status) == (202, 200), answer.text
        require_conformance(document, action, answer)
        assert answer.body.get("results") or answer.body["deployments"]
