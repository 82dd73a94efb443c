"""The actions that make and change what Refit works on."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from core.store import Store
from tests.functions.served import Server

Json = dict[str, Any]


def definition(**changes: Any) -> Json:
    return {
        "name": f"made_{uuid4().hex[:8]}",
        "task": "classification",
        "source_relation": "public.rows",
        "key_columns": ["id"],
        "time_column": "happened_at",
        "target_column": "label",
        "feature_columns": ["a", "b"],
        "metric": "accuracy",
        **changes,
    }


def test_a_model_type_is_made_with_its_schedules(server: Server, keys: dict[str, str]) -> None:
    body = definition(
        label_delay_seconds=86_400.5, training_window_seconds=7_776_000, min_training_samples=50.0
    )

    answer = server.post("create_model_type", body, key=keys["admin"])
    again = server.post("create_model_type", body, key=keys["admin"])
    schedules = server.get("schedules", keys["viewer"], model_type=body["name"])

    assert answer.status == 201
    made = answer.body["model_type"]
    assert {name: made[name] for name in body} == {**body, "min_training_samples": 50}
    assert (made["engine"], made["update_frequency"], made["replay"]) == (
        "gradient_boosting",
        "daily",
        False,
    )
    assert (made["cool_down_seconds"], made["monthly_retraining_budget"]) == (3600, 100)
    assert (again.status, again.body["type"]) == (409, "urn:refit:problem:conflict")
    assert len(schedules.body["items"]) == 2


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": "Churn"}, "name"),
        ({"source_relation": "orders"}, "source_relation"),
        ({"metric": "rmse"}, "metric"),
        ({"metric": "elegance"}, "metric"),
        ({"task": "ranking"}, "task"),
        ({"target_column": "a"}, "target_column"),
        ({"label_time_column": "b"}, "label_time_column"),
        ({"feature_columns": []}, "feature_columns"),
        ({"feature_columns": ["a", "a"]}, "feature_columns"),
        ({"key_columns": None}, "key_columns"),
        ({"engine": "../evil"}, "engine"),
        ({"engine_parameters": {"a": "\0"}}, "engine_parameters"),
        ({"label_delay_seconds": -1}, "label_delay_seconds"),
        ({"training_window_seconds": 5}, "training_window_seconds"),
        ({"retraining_threshold": 0}, "retraining_threshold"),
        ({"min_training_samples": 19}, "min_training_samples"),
        ({"random_seed": 2**31}, "random_seed"),
        ({"monthly_retraining_budget": -1}, "monthly_retraining_budget"),
        ({"window_strategy": "wobbling"}, "window_strategy"),
        ({"recency_half_life_seconds": 5}, "recency_half_life_seconds"),
        ({"class_weight": "heavy"}, "class_weight"),
        ({"task": "regression", "metric": "mae", "class_weight": "balanced"}, "class_weight"),
        ({"search_seconds": 86_401}, "search_seconds"),
        ({"slice_columns": ["a", "a"]}, "slice_columns"),
        ({"latency_budget_ms": 0}, "latency_budget_ms"),
        ({"size_budget_mb": -1}, "size_budget_mb"),
        ({"dry_run_gates": ["Calibration!"]}, "dry_run_gates.0"),
        ({"dry_run_gates": ["calibration", "luck"]}, "dry_run_gates.1"),
        ({"dry_run_gates": ["data_quality"]}, "dry_run_gates.0"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_a_definition_that_makes_no_sense_is_refused(
    server: Server, keys: dict[str, str], changes: Json, field: str | None
) -> None:
    answer = server.post("create_model_type", definition(**changes), key=keys["admin"])

    assert answer.status == 422
    assert answer.is_problem
    assert answer.fields == ({field} if field else set())


def test_what_is_given_changes_and_nothing_else(
    server: Server, keys: dict[str, str], store: Store
) -> None:
    body = definition(training_window_seconds=3600, title="Before")
    server.post("create_model_type", body, key=keys["admin"])
    before = store.get_model_type(body["name"])

    answer = server.post(
        "update_model_type",
        {
            "name": body["name"],
            "training_window_seconds": None,
            "monthly_retraining_budget": None,
            "retraining_threshold": 0.05,
        },
        key=keys["admin"],
    )

    assert answer.status == 200
    changed = answer.body["model_type"]
    assert changed["training_window_seconds"] is None
    assert changed["monthly_retraining_budget"] is None
    assert changed["retraining_threshold"] == 0.05
    assert (changed["title"], changed["cool_down_seconds"]) == (
        before.title,
        before.cool_down.total_seconds(),
    )


def test_how_it_is_trained_and_judged_is_made_and_changed(
    server: Server, keys: dict[str, str]
) -> None:
    given = {
        "window_strategy": "adaptive",
        "recency_half_life_seconds": 2_419_200,
        "class_weight": "balanced",
        "search_seconds": 600,
        "entity_column": "household",
        "slice_columns": ["a"],
        "latency_budget_ms": 12.5,
        "size_budget_mb": 0.5,
        "dry_run_gates": ["calibration"],
    }
    emptied: dict[str, object] = {
        "recency_half_life_seconds": None,
        "entity_column": None,
        "slice_columns": [],
        "latency_budget_ms": None,
        "size_budget_mb": None,
        "dry_run_gates": [],
    }
    body = definition(**given)

    made = server.post("create_model_type", body, key=keys["admin"]).body["model_type"]
    changed = server.post(
        "update_model_type", {"name": body["name"], **emptied}, key=keys["admin"]
    ).body["model_type"]

    assert {name: made[name] for name in given} == given
    assert {name: changed[name] for name in given} == {**given, **emptied}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"title": None}, "title"),
        ({"window_strategy": None}, "window_strategy"),
        ({"slice_columns": None}, "slice_columns"),
        ({"replay": True}, "replay"),
        ({"source_relation": "public.other"}, "source_relation"),
        ({"metric": "rmse"}, "metric"),
        ({"feature_columns": ["label"]}, "target_column"),
        ({"name": "nobody"}, "name"),
    ],
)
def test_what_may_not_change_is_named(
    server: Server, keys: dict[str, str], make_type: Callable[..., str], changes: Json, field: str
) -> None:
    answer = server.post("update_model_type", {"name": make_type(), **changes}, key=keys["admin"])

    assert answer.status == 422
    # SQL names the constraint's own field, which the request may not have.
    assert answer.fields == ({field} if field != "target_column" else set())
    assert field in answer.body["detail"] or field == "name"


def test_a_schedule_is_made_once_of_a_kind_and_changed(
    server: Server, keys: dict[str, str], make_type: Callable[..., str]
) -> None:
    body = {
        "model_type": make_type(),
        "kind": "forced_retraining",
        "cron": "15 2 * * 1",
        "environment": "staging",
    }

    made = server.post("create_schedule", body, key=keys["admin"])
    again = server.post("create_schedule", body, key=keys["admin"])
    changed = server.post(
        "update_schedule",
        {"id": made.body["schedule"]["id"], "time_zone": "Asia/Tokyo", "enabled": False},
        key=keys["admin"],
    )

    assert made.status == 201
    assert made.body["schedule"]["time_zone"] == "UTC"
    assert made.body["schedule"]["enabled"]
    assert (again.status, again.body["type"]) == (409, "urn:refit:problem:conflict")
    assert changed.status == 200
    schedule = changed.body["schedule"]
    assert (schedule["cron"], schedule["time_zone"], schedule["enabled"]) == (
        "15 2 * * 1",
        "Asia/Tokyo",
        False,
    )


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"cron": "every day"}, "cron"),
        ({"cron": "61 * * * *"}, "cron"),
        ({"cron": "0 0 30 2 *"}, "cron"),
        ({"time_zone": "Mars/Olympus"}, "time_zone"),
        ({"kind": "party"}, "kind"),
        ({"model_type": "nobody"}, "model_type"),
    ],
)
def test_a_schedule_that_would_never_start_anything_is_refused(
    server: Server, keys: dict[str, str], make_type: Callable[..., str], changes: Json, field: str
) -> None:
    body = {"model_type": make_type(), "kind": "performance_check", "cron": "* * * * *", **changes}

    answer = server.post("create_schedule", body, key=keys["admin"])

    assert (answer.status, answer.fields) == (422, {field})


def test_an_alert_is_snoozed_and_stands_on(
    server: Server, keys: dict[str, str], make_type: Callable[..., str], module_database_url: str
) -> None:
    name = make_type()
    with psycopg.connect(module_database_url) as connection:
        connection.execute(
            "select private.raise_alert(%s, 'production', 'data_quality', 'info', '.', null)",
            [name],
        )
    alert = server.get("alerts", keys["viewer"], model_type=name).body["items"][0]
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=8)
    body = {"id": alert["id"], "until": until.isoformat()}

    answer = server.post("snooze_alert", body, key=keys["operator"])
    late = server.post("snooze_alert", {**body, "until": "2020-01-01T00:00:00Z"}, key=keys["admin"])

    assert (answer.status, answer.body["alert"]["status"]) == (200, "open")
    assert datetime.fromisoformat(answer.body["alert"]["snoozed_until"]) == until
    assert (late.status, late.is_problem) == (422, True)
    shown = server.get("status", keys["viewer"]).body["open_alerts"]
    assert [a["snoozed_until"] for a in shown if a["id"] == alert["id"]] == [
        answer.body["alert"]["snoozed_until"]
    ]


def test_an_alert_is_acknowledged(
    server: Server, keys: dict[str, str], make_type: Callable[..., str], module_database_url: str
) -> None:
    name = make_type()
    with psycopg.connect(module_database_url) as connection:
        connection.execute(
            "select private.raise_alert(%s, 'production', 'data_quality', 'info', '.', null)",
            [name],
        )
    alert = server.get("alerts", keys["viewer"], model_type=name).body["items"][0]

    for _ in range(2):
        answer = server.post("acknowledge_alert", {"id": alert["id"]}, key=keys["operator"])
        assert answer.status == 200
        assert answer.body["alert"]["status"] == "acknowledged"
        assert answer.body["alert"]["acknowledged_by"]["name"] == "operator key"
    with psycopg.connect(module_database_url) as connection:
        connection.execute(
            "select private.resolve_alert(%s, 'production', array['data_quality'])", [name]
        )
    resolved = server.post("acknowledge_alert", {"id": alert["id"]}, key=keys["operator"])
    assert (resolved.status, resolved.body["type"]) == (
        409,
        "urn:refit:problem:illegal_transition",
    )


@pytest.mark.parametrize(
    ("action", "body"),
    [
        ("acknowledge_alert", {}),
        ("snooze_alert", {"until": (datetime.now(UTC) + timedelta(days=1)).isoformat()}),
        ("update_schedule", {"enabled": True}),
        ("cancel_job", {}),
    ],
)
def test_what_does_not_exist_cannot_be_changed(
    server: Server, keys: dict[str, str], action: str, body: Json
) -> None:
    answer = server.post(action, {"id": str(uuid4()), **body}, key=keys["admin"])

    assert answer.status == 404
    assert answer.is_problem


def test_an_event_becomes_an_audit_row(server: Server, keys: dict[str, str]) -> None:
    event = {
        "workflow": f"n8n {uuid4().hex}",
        "execution_id": "4711",
        "step": "notify",
        "outcome": "ok",
        "detail": {"sent": 3, "to": ["ops"]},
    }

    answer = server.post("record_event", event, key=keys["operator"])
    rows = server.get("audit", keys["viewer"], entity=event["workflow"]).body["items"]

    assert answer.status == 201
    (row,) = rows
    assert row["id"] == answer.body["id"]
    assert (row["action"], row["entity_id"]) == ("event.notify", "4711")
    assert row["detail"] == {"outcome": "ok", "detail": event["detail"]}
    assert row["actor"]["name"] == "operator key"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"detail": {"text": "x" * 16_400}}, "detail"),
        ({"workflow": " "}, "workflow"),
        ({"step": "x" * 201}, "step"),
        ({"outcome": None}, "outcome"),
        ({"detail": "text"}, "detail"),
        ({"detail": {"deep": [{"text": "\0"}]}}, "detail"),
        ({"detail": {"\0": 1}}, "detail"),
        ({"detail": {"number": float("inf")}}, "detail"),
    ],
)
def test_an_event_is_bounded(
    server: Server, keys: dict[str, str], changes: Json, field: str
) -> None:
    event = {"workflow": "n8n", "execution_id": "1", "step": "s", "outcome": "ok", **changes}

    answer = server.post("record_event", event, key=keys["operator"])

    assert (answer.status, answer.fields) == (422, {field})


@pytest.mark.parametrize("value", ["\0", float("nan")])
def test_a_parameter_that_cannot_be_stored_is_refused(
    server: Server, keys: dict[str, str], make_type: Callable[..., str], value: object
) -> None:
    body = {"name": make_type(), "engine_parameters": {"loss": value}}

    answer = server.post("update_model_type", body, key=keys["admin"])

    assert (answer.status, answer.fields) == (422, {"engine_parameters"})


@pytest.mark.parametrize(
    ("as_of", "status"),
    [
        ("2026-03-01T12:00:00Z", 202),
        ("2026-03-01t12:00:00.5+23:30", 202),
        ("2026-03-01", 422),
        ("2026-02-30T12:00:00Z", 422),
        ("2026-03-01T12:00:00", 422),
        ("2026-03-01 12:00:00Z", 422),
        ("1772366400", 422),
        (1772366400, 422),
    ],
)
def test_a_time_is_written_as_in_json_schema(
    server: Server,
    keys: dict[str, str],
    make_type: Callable[..., str],
    as_of: Any,
    status: int,
) -> None:
    body = {"model_types": [make_type(replay=True)], "as_of": as_of}

    answer = server.post("trigger_retraining", body, key=keys["admin"])

    assert answer.status == status
    assert answer.fields == ({"as_of"} if status == 422 else set())
