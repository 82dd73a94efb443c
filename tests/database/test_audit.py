"""The audit log: a row for each change, in the right name, without secrets, for good."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

import psycopg
import pytest

from core.domain import OperationKind, Role
from core.errors import InvalidRequest
from core.store import Store
from tests.database.factories import (
    ADMIN,
    FAILURE,
    WORKER,
    Row,
    Scene,
    check_of,
    claims,
    digest,
    judgement,
    trained_model,
    user,
)

SECRET_URL = "https://n8n.example.org/webhook/ml?token=7c9f1e"


def log(scene: Scene, *, since: int = 0) -> list[Row]:
    return scene.rows("select * from workflow_audit_logs order by created_at, id")[since:]


def actions(scene: Scene, *, since: int = 0) -> list[tuple[str, str]]:
    return [(r["action"], r["actor"]["id"]) for r in log(scene, since=since)]


def test_a_whole_retraining_is_on_record_step_by_step(scene: Scene) -> None:
    scene.model_type("churn")
    since = len(log(scene))

    scene.champion()

    assert actions(scene, since=since) == [
        ("training_job.created", ADMIN.id),
        ("training_job.running", WORKER),
        ("model.created", WORKER),
        ("validation.created", WORKER),
        ("model.approved", WORKER),
        ("deployment.created", WORKER),
        ("training_job.succeeded", WORKER),
    ]
    job = scene.row("select id from ml_training_jobs")
    claimed = log(scene, since=since)[1]
    assert (claimed["entity"], claimed["entity_id"]) == ("training_job", str(job["id"]))
    assert (claimed["model_type"], claimed["environment"]) == ("churn", "production")
    assert claimed["before"] == {"status": "queued", "attempt": 0}
    assert claimed["after"] == {"status": "running", "attempt": 1}


def test_a_heartbeat_is_no_change(scene: Scene) -> None:
    scene.model_type("churn")
    job = scene.running_job()
    since = len(log(scene))

    scene.store.heartbeat_training_job(job, stage="train", progress=0.5)

    assert actions(scene, since=since) == []


def test_settings_keys_and_alerts_are_on_record_with_who_changed_them(scene: Scene) -> None:
    scene.model_type("churn")
    champion = scene.champion()
    since = len(log(scene))

    scene.store.update_model_type("churn", {"title": "Churn", "metric": "accuracy"})
    schedule = scene.database.call("list_schedules", {})["items"][0]
    scene.database.call(
        "update_schedule",
        {
            "p_id": schedule["id"],
            "p_changes": {"enabled": False},
            "p_actor": ADMIN.as_json(),
        },
    )
    scene.store.create_api_key(name="n8n", role=Role.VIEWER, key_hash=digest("key"))
    scene.store.revoke_api_key("n8n")
    operation = scene.running_operation(OperationKind.CHECK)
    scene.store.finish_operation(
        operation, {"status": "succeeded", "results": [check_of(champion)]}
    )
    scene.database.call(
        "acknowledge_alert",
        {"p_id": scene.alerts()[0]["id"], "p_actor": ADMIN.as_json()},
    )

    assert actions(scene, since=since) == [
        ("model_type.updated", ADMIN.id),
        ("schedule.updated", ADMIN.id),
        ("api_key.created", ADMIN.id),
        ("api_key.updated", ADMIN.id),
        ("operation.created", ADMIN.id),
        ("operation.running", WORKER),
        ("alert.created", WORKER),
        ("operation.succeeded", WORKER),
        ("alert.acknowledged", ADMIN.id),
    ]
    assert log(scene, since=since)[0]["before"] == {"title": ""}
    assert log(scene, since=since)[0]["after"] == {"title": "Churn"}


def test_going_back_and_sweeping_are_on_record(scene: Scene) -> None:
    scene.model_type("churn")
    for text in ("first", "second"):
        scene.champion(text=text)
    scene.lost_job(scene.queued_job())
    since = len(log(scene))

    scene.as_user("admin").rollback_model("churn", reason="Bad.")
    scene.store.sweep_lost_work("worker-2")

    person = claims()["sub"]
    assert actions(scene, since=since) == [
        ("deployment.rolled_back", person),
        ("model.updated", person),
        ("deployment.created", person),
        ("training_job.queued", "worker-2"),
    ]


def test_what_a_user_did_is_on_record_under_their_name(scene: Scene) -> None:
    scene.model_type("churn")
    since = len(log(scene))

    scene.as_user("operator").trigger_retraining(request_id="req-1")

    row = log(scene, since=since)[0]
    assert row["actor"]["name"] == "ada@example.org"
    assert row["request_id"] == "req-1"


def by_request(scene: Scene) -> dict[str | None, list[str]]:
    """What is on record under each request id, oldest first."""
    found: dict[str | None, list[str]] = {}
    for row in log(scene):
        found.setdefault(row["request_id"], []).append(row["action"])
    return found


def ask(scene: Scene, request_id: str, **changes: Any) -> None:
    """As the functions ask: with the id in both places."""
    store = Store(scene.database, actor=ADMIN, request_id=request_id)
    replace(scene, store=store).queued_job(request_id=request_id, **changes)


def deliver(scene: Scene) -> None:
    for delivery in scene.store.claim_webhook_deliveries(WORKER, limit=10):
        arguments = {"p_id": delivery.id, "p_lease_token": delivery.lease_token}
        scene.database.call("finish_webhook_delivery", {**arguments, "p_outcome": "delivered"})


def test_all_that_a_request_caused_bears_its_id_and_nothing_else_does(scene: Scene) -> None:
    scene.model_type("churn")
    scene.champion()
    job = scene.running_job(
        force=True, auto_deploy=True, webhook_url=SECRET_URL, request_id="req-1"
    )
    # The running job cannot do this one any more, so another job follows; it does the next.
    ask(scene, "req-2", override_limits=True)
    ask(scene, "req-3", webhook_url=f"{SECRET_URL}2")
    judged = judgement(champion_deployment_id=scene.champion_id())
    outcome = {"status": "succeeded", "model": trained_model("next"), "validation": judged}
    follow_up = scene.store.finish_training_job(job, outcome)["follow_up_id"]
    deliver(scene)
    next_job = scene.store.claim_training_job(UUID(follow_up), WORKER)
    assert next_job is not None
    scene.store.finish_training_job(next_job, {"status": "failed", "error": FAILURE})

    found = by_request(scene)
    assert found["req-1"] == [
        "training_job.created",
        "training_job.running",
        "model.created",
        "validation.created",
        "model.approved",
        "deployment.retired",
        "deployment.created",
        "training_job.succeeded",
        "webhook_delivery.created",
        "webhook_delivery.delivered",
    ]
    assert found["req-2"] == [
        "training_job.updated",
        "training_job.created",
        "training_job.running",
        "alert.created",
        "training_job.failed",
    ]
    assert found["req-3"] == ["webhook_delivery.created", "webhook_delivery.delivered"]
    assert "deployment.created" in found[None]
    assert set(found) == {"req-1", "req-2", "req-3", None}


def test_what_an_operation_and_a_sweep_write_bears_the_request_too(scene: Scene) -> None:
    scene.model_type("churn")
    scene.model_type("prices")
    champion = scene.champion()
    operation = scene.running_operation(OperationKind.CHECK, request_id="req-1")
    outcome = {"status": "succeeded", "results": [check_of(champion)]}
    scene.store.finish_operation(operation, outcome)
    lost = scene.queued_job(webhook_url=SECRET_URL, request_id="req-2")
    for _ in range(3):
        scene.lost_job(lost)
        scene.lost_operation(scene.queued_operation(OperationKind.CHECK))
        scene.store.sweep_lost_work("worker-2")

    found = by_request(scene)
    assert found["req-1"] == [
        "operation.created",
        "operation.running",
        "alert.created",
        "operation.succeeded",
    ]
    assert found["req-2"][-3:] == [
        "training_job.failed",
        "webhook_delivery.created",
        "alert.created",
    ]
    assert not [action for action in found["req-2"] if action.startswith("operation.")]


def test_what_the_owner_did_by_hand_is_on_record_too(scene: Scene) -> None:
    scene.model_type("churn")
    since = len(log(scene))

    scene.owner.execute("update ml_model_types set enabled = false")

    assert actions(scene, since=since) == [("model_type.updated", "postgres")]


def test_one_actor_does_not_linger_into_the_next_transaction(
    scene: Scene, database_url: str
) -> None:
    scene.model_type("churn")
    since = len(log(scene))
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute('select private.act_as(\'{"id": "somebody"}\')')
        connection.execute("update ml_model_types set enabled = false")

    assert actions(scene, since=since) == [("model_type.updated", "postgres")]


def test_an_event_from_outside_is_on_record(scene: Scene) -> None:
    scene.database.call(
        "record_event",
        {
            "p_workflow": "ml-retraining",
            "p_execution_id": "17",
            "p_step": "trigger",
            "p_outcome": "ok",
            "p_detail": {"items": 3},
            "p_actor": ADMIN.as_json(),
        },
    )

    row = log(scene)[-1]
    assert (row["action"], row["entity"], row["entity_id"]) == (
        "event.trigger",
        "ml-retraining",
        "17",
    )
    assert row["detail"] == {"outcome": "ok", "detail": {"items": 3}}


@pytest.mark.parametrize("field", ["workflow", "execution_id", "step", "outcome"])
@pytest.mark.parametrize(("value", "message"), [(" ", "is needed"), ("x" * 201, "at most 200")])
def test_an_event_says_what_it_is_about(scene: Scene, field: str, value: str, message: str) -> None:
    event = {"p_workflow": "w", "p_execution_id": "1", "p_step": "s", "p_outcome": "ok"}

    with pytest.raises(InvalidRequest, match=f"{field} .*{message}"):
        scene.database.call("record_event", {**event, f"p_{field}": value})


# Secrets ------------------------------------------------------------------------------------


def test_the_address_of_a_callback_is_shown_to_nobody(scene: Scene) -> None:
    scene.model_type("churn")
    job = scene.running_job(webhook_url=SECRET_URL)
    scene.store.finish_training_job(job, {"status": "failed", "error": FAILURE})
    assert scene.row("select url from ml_webhook_deliveries")["url"] == SECRET_URL
    assert "webhook_delivery.created" in [r["action"] for r in log(scene)]

    shown: list[object] = [log(scene)]
    for function, arguments in (
        ("get_training_job", {"p_id": job.id}),
        ("list_training_jobs", {}),
        ("list_audit_logs", {}),
        ("list_alerts", {}),
        ("get_status", {}),
    ):
        shown.append(scene.database.call(function, arguments, user=user("admin")))

    assert "7c9f1e" not in str(shown)


# For good -----------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["postgres", "service_role", "authenticated", "anon"])
@pytest.mark.parametrize(
    "statement",
    [
        "update {} set action = 'nothing'",
        "delete from {}",
        "truncate {}",
    ],
)
def test_nobody_changes_or_removes_a_row(scene: Scene, role: str, statement: str) -> None:
    scene.model_type("churn")
    before = log(scene)
    tables = [
        "public.workflow_audit_logs",
        *(
            r["name"]
            for r in scene.rows(
                "select inhrelid::regclass::text as name from pg_inherits "
                "where inhparent = 'workflow_audit_logs'::regclass order by inhrelid limit 1"
            )
        ),
    ]
    assert len(tables) == 2

    scene.owner.execute(f"set role {role}")
    for table in tables:
        with pytest.raises(psycopg.Error) as refused:
            scene.owner.execute(statement.format(table))
        assert refused.value.sqlstate == ("PT403" if role == "postgres" else "42501")
    scene.owner.execute("reset role")

    assert log(scene) == before


def test_a_partition_of_a_later_month_is_as_closed(scene: Scene) -> None:
    scene.owner.execute("select private.create_partition('workflow_audit_logs', '2100-05-17')")
    assert scene.row(
        "select private.create_partition('workflow_audit_logs', '2100-05-01') as made"
    ) == {"made": False}
    scene.owner.execute(
        "insert into workflow_audit_logs (created_at, actor, action) "
        "values ('2100-05-31 23:59:59+00', '{}', 'a')"
    )
    name = "private.workflow_audit_logs_2100_05"
    assert scene.row(f"select action from {name}") == {"action": "a"}

    for statement in (f"truncate {name}", f"delete from {name}"):
        with pytest.raises(psycopg.Error, match="append-only"):
            scene.owner.execute(statement)


def test_housekeeping_keeps_the_partitions_ahead(scene: Scene) -> None:
    assert scene.store.run_housekeeping({})["partitions_created"] == 0
    newest = scene.row(
        "select max(relname) as name from pg_class where relname ~ '^ml_performance_metrics_\\d'"
        " and relkind = 'r'"
    )["name"]
    scene.owner.execute(f"drop table private.{newest}")

    assert scene.store.run_housekeeping({})["partitions_created"] == 1
    assert scene.row("select to_regclass(%s) is not null as there", f"private.{newest}")["there"]
