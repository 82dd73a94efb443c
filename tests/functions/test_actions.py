"""What each action does and answers."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID, uuid4

import pytest
import redis

from core.store import Store
from tests.functions.served import PATH, Server
from tests.functions.worker import claim, finish_check, next_operation


def test_health_needs_no_credentials_and_names_the_parts(server: Server) -> None:
    answer = server.get("health")

    assert answer.status == 200
    assert answer.body == {
        "status": "ok",
        "database": "ok",
        "queue": "ok",
        "workers": 0,
        "schedulers": 0,
        "version": "0.1.0",
    }


def test_a_retraining_is_queued_and_its_bell_is_rung(
    server: Server,
    keys: dict[str, str],
    make_type: Callable[..., str],
    store: Store,
    module_redis_url: str,
) -> None:
    name = make_type()

    answer = server.post(
        "trigger_retraining",
        {"model_types": [name], "force": True, "environment": "staging", "reason": "by hand"},
        key=keys["operator"],
    )

    assert answer.status == 202
    (job,) = answer.body["jobs"]
    assert job == {"id": job["id"], "model_type": name, "status": "queued", "coalesced": False}
    row = store.get_training_job(UUID(job["id"]))
    assert (row["force"], row["environment"], row["reason"]) == (True, "staging", "by hand")
    assert row["auto_validate"]
    assert row["auto_deploy"]
    assert row["requested_by"]["name"] == "operator key"
    with redis.Redis.from_url(module_redis_url) as client:
        messages = [json.loads(m) for m in client.hvals("refit:refit.msgs")]
    assert {"actor": "retrain", "id": job["id"]} in [
        {"actor": m["actor_name"], "id": m["args"][0]} for m in messages
    ]


def test_an_empty_body_retrains_every_enabled_model_type(
    server: Server, keys: dict[str, str], make_type: Callable[..., str]
) -> None:
    names = {make_type(), make_type()}

    for body in (b"", b" ", b"{}"):
        answer = server.ask("POST", f"{PATH}?action=trigger_retraining", body, key=keys["operator"])
        assert answer.status == 202
        assert names <= {job["model_type"] for job in answer.body["jobs"]}


def test_a_second_retraining_joins_the_first(
    server: Server, keys: dict[str, str], make_type: Callable[..., str]
) -> None:
    body = {"model_types": [make_type()]}

    first = server.post("trigger_retraining", body, key=keys["operator"])
    second = server.post("trigger_retraining", body, key=keys["operator"])

    assert second.status == 202
    assert not first.body["jobs"][0]["coalesced"]
    assert second.body["jobs"][0]["coalesced"]
    assert second.body["jobs"][0]["id"] == first.body["jobs"][0]["id"]


def test_the_request_id_travels_into_the_job_and_back(
    server: Server, keys: dict[str, str], make_type: Callable[..., str], store: Store
) -> None:
    answer = server.ask(
        "POST",
        f"{PATH}?action=trigger_retraining",
        json.dumps({"model_types": [make_type()]}).encode(),
        key=keys["operator"],
        headers={"X-Request-Id": "n8n:4711"},
    )

    assert answer.headers["X-Request-Id"] == "n8n:4711"
    assert store.get_training_job(UUID(answer.body["jobs"][0]["id"]))["request_id"] == "n8n:4711"


def test_a_queued_job_is_shown_and_cancelled(
    server: Server, keys: dict[str, str], make_type: Callable[..., str]
) -> None:
    asked = server.post("trigger_retraining", {"model_types": [make_type()]}, key=keys["operator"])
    job_id = asked.body["jobs"][0]["id"]

    shown = server.get("job", keys["viewer"], id=job_id)
    cancelled = server.post("cancel_job", {"id": job_id}, key=keys["operator"])

    assert (shown.status, shown.body["status"], shown.body["log"]) == (200, "queued", [])
    assert cancelled.status == 200
    assert cancelled.body["job"]["status"] == "cancelled"


def test_an_operation_is_cancelled_by_its_id(
    server: Server, keys: dict[str, str], make_type: Callable[..., str]
) -> None:
    body = {"model_types": [make_type()], "wait_seconds": 0}
    asked = server.post("check_performance", body, key=keys["operator"]).body["operation_id"]

    cancelled = server.post("cancel_job", {"id": asked}, key=keys["operator"])

    assert cancelled.status == 200
    assert (cancelled.body["operation"]["id"], cancelled.body["operation"]["status"]) == (
        asked,
        "cancelled",
    )


def test_a_job_that_has_ended_is_not_cancelled(
    server: Server, keys: dict[str, str], trained_model: Callable[..., str]
) -> None:
    trained_model()
    job = server.get("history", keys["viewer"], status="succeeded", limit=1).body["items"][0]

    answer = server.post("cancel_job", {"id": job["id"]}, key=keys["operator"])

    assert answer.status == 409
    assert answer.body["type"] == "urn:refit:problem:illegal_transition"


def test_a_rollback_goes_back_to_the_model_before(
    server: Server,
    keys: dict[str, str],
    make_type: Callable[..., str],
    trained_model: Callable[..., str],
) -> None:
    name = make_type()
    earlier, _later = (trained_model(name, deploy=True) for _ in range(2))

    answer = server.post(
        "rollback_model", {"model_type": name, "reason": "too slow"}, key=keys["admin"]
    )
    again = server.post(
        "rollback_model", {"model_type": name, "reason": "too slow"}, key=keys["admin"]
    )

    assert answer.status == 200
    assert answer.body["deployment"]["model_id"] == earlier
    assert again.status == 409
    served = server.get("deployments", keys["viewer"], model_type=name, status="active")
    assert [d["model_id"] for d in served.body["items"]] == [earlier]


def test_what_is_not_approved_is_not_deployed_but_by_force(
    server: Server, keys: dict[str, str], trained_model: Callable[..., str]
) -> None:
    body = {"model_ids": [trained_model(verdict="rejected")], "wait_seconds": 0}

    plain = server.post("deploy_model", body, key=keys["operator"])
    forced = server.post("deploy_model", {**body, "force": True}, key=keys["operator"])
    allowed = server.post("deploy_model", {**body, "force": True}, key=keys["admin"])

    assert (plain.status, plain.body["type"]) == (409, "urn:refit:problem:not_approved")
    assert (forced.status, forced.body["type"]) == (403, "urn:refit:problem:forbidden")
    assert allowed.status == 202


def test_a_validation_names_its_models_by_id_type_or_job(
    server: Server,
    keys: dict[str, str],
    make_type: Callable[..., str],
    trained_model: Callable[..., str],
) -> None:
    name = make_type()
    model = trained_model(name)
    job = server.get("history", keys["viewer"], model_type=name).body["items"][0]["id"]

    for named in ({"model_ids": [model]}, {"model_types": [name]}, {"job_ids": [job]}):
        answer = server.post("validate_models", {**named, "wait_seconds": 0}, key=keys["operator"])
        assert answer.status == 202
        operation = server.get("operation", keys["viewer"], id=answer.body["operation_id"])
        assert operation.status == 200
        assert operation.body["kind"] == "validation"
        assert operation.body["parameters"]["model_ids"] == [model]


def test_the_status_shows_models_champions_jobs_and_rates(
    server: Server,
    keys: dict[str, str],
    make_type: Callable[..., str],
    trained_model: Callable[..., str],
) -> None:
    name = make_type()
    model = trained_model(name, deploy=True)
    server.post("trigger_retraining", {"model_types": [name]}, key=keys["operator"])

    answer = server.get("status", keys["viewer"])
    elsewhere = server.get("status", keys["viewer"], environment="development")

    assert answer.status == 200
    assert answer.body["environment"] == "production"
    assert model in [c["model_id"] for c in answer.body["champions"]]
    assert name in [j["model_type"] for j in answer.body["active_jobs"]]
    assert answer.body["models"]["total"] >= 1
    assert answer.body["success_rate"] is not None
    assert elsewhere.body["champions"] == []


LISTS = ["models", "metrics", "history", "deployments", "alerts", "audit", "schedules"]


@pytest.mark.parametrize("action", LISTS)
def test_a_list_is_paged_from_newest_to_oldest(
    server: Server,
    keys: dict[str, str],
    make_type: Callable[..., str],
    trained_model: Callable[..., str],
    store: Store,
    action: str,
) -> None:
    name = make_type()
    for _ in range(2):
        trained_model(name, deploy=True)
        finish_check(store, claim(store, store.request_check(model_types=[name])))
    whole = server.get(action, keys["viewer"], model_type=name)
    assert whole.status == 200
    expected = [item["id"] for item in whole.body["items"]]
    assert expected

    seen, query = [], {"model_type": name, "limit": 1}
    for _ in expected:
        page = server.get(action, keys["viewer"], **query).body
        seen += [item["id"] for item in page["items"]]
        query["cursor"] = page["next_cursor"]

    assert seen == expected
    assert query["cursor"] is None


def test_a_list_keeps_to_its_filters(
    server: Server, keys: dict[str, str], make_type: Callable[..., str]
) -> None:
    names = [make_type(), make_type()]
    asked = {"model_types": names, "environment": "staging"}
    server.post("trigger_retraining", asked, key=keys["operator"])

    def found(**query: str) -> list[str]:
        items = server.get("history", keys["viewer"], **query).body["items"]
        return sorted({item["model_type"] for item in items} & set(names))

    assert found(environment="staging", status="queued") == sorted(names)
    assert found(model_type=names[0]) == [names[0]]
    assert found(environment="production") == []
    assert found(status="failed") == []


# What each list takes as a status, and one that it does not know.
STATUSES = {
    "models": "approved",
    "metrics": "degraded",
    "history": "succeeded",
    "deployments": "active",
    "alerts": "open",
    "audit": "succeeded",
    "schedules": "enabled",
}


@pytest.mark.parametrize("action", LISTS)
def test_every_list_takes_model_type_environment_and_status(
    server: Server,
    keys: dict[str, str],
    trained_model: Callable[..., str],
    make_type: Callable[..., str],
    store: Store,
    action: str,
) -> None:
    name = make_type()
    trained_model(name, deploy=True)
    finish_check(store, claim(store, store.request_check(model_types=[name])))
    query = {"model_type": name, "environment": "production", "status": STATUSES[action]}

    found = server.get(action, keys["viewer"], **query)
    elsewhere = server.get(action, keys["viewer"], **query | {"environment": "staging"})

    assert found.status == elsewhere.status == 200
    assert found.body["items"]
    assert elsewhere.body == {"items": [], "next_cursor": None}
    if action != "audit":  # where it is whatever something may become
        wrong = server.get(action, keys["viewer"], status="finished")
        assert wrong.status == 422
        assert wrong.body["errors"][0]["field"] == "status"


def test_the_schedules_of_a_model_type_are_listed(
    server: Server, keys: dict[str, str], make_type: Callable[..., str]
) -> None:
    answer = server.get("schedules", keys["viewer"], model_type=make_type())

    assert answer.status == 200
    assert {s["kind"] for s in answer.body["items"]} == {"performance_check", "forced_retraining"}


@pytest.mark.parametrize("action", ["job", "operation"])
def test_what_does_not_exist_is_not_found(
    server: Server, keys: dict[str, str], action: str
) -> None:
    answer = server.get(action, keys["viewer"], id=str(uuid4()))

    assert answer.status == 404
    assert answer.is_problem


# As people copy them from the specification; a key is all that is added.
TRIGGER = """
curl -X POST http://localhost:3000/api/workflows/ml/auto-retraining?action=trigger_retraining \\
  -H "Content-Type: application/json" \\
  -d '{
    "force": true,
    "model_types": ["content_performance", "engagement_prediction"],
    "webhook_url": "http://localhost:5678/webhook/training-complete"
  }'
"""
CHECK = """
curl -X POST http://localhost:3000/api/workflows/ml/auto-retraining?action=check_performance \\
  -H "Content-Type: application/json" \\
  -d '{
    "model_types": ["content_performance"],
    "threshold": 0.03,
    "time_window": 7
  }'
"""
STATUS = """
curl http://localhost:3000/api/workflows/ml/auto-retraining?action=status
"""


def test_the_commands_of_the_specification_work_with_a_key(
    module_database_url: str,
    server: Server,
    keys: dict[str, str],
    make_type: Callable[..., str],
    store: Store,
    pool: ThreadPoolExecutor,
) -> None:
    for name in ("content_performance", "engagement_prediction"):
        make_type(name)

    def run(command: str) -> dict[str, object]:
        shown = command.strip().replace("http://localhost:3000", server.address)
        script = f'{shown} -sS -H "X-API-Key: {keys["operator"]}"'
        done = subprocess.run(
            ["sh", "-c", script], capture_output=True, text=True, check=True, timeout=30
        )
        answer: dict[str, object] = json.loads(done.stdout)
        return answer

    triggered = run(TRIGGER)
    checking = pool.submit(run, CHECK)
    wanted = next_operation(module_database_url, "content_performance")
    finish_check(store, claim(store, wanted))
    status = run(STATUS)

    assert len(triggered["jobs"]) == 2  # type: ignore[arg-type]  # a list
    assert checking.result()["needs_retraining"] is True
    assert status["environment"] == "production"
