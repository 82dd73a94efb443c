"""Lists are pages from newest to oldest, right while rows are added."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from core.domain import Environment, OperationKind, ScheduleKind
from core.errors import InvalidRequest
from tests.database.factories import Row, Scene, check_of

START = datetime(2026, 11, 1, 12, 0, 0, 123456, tzinfo=UTC)
LISTS = [
    "list_training_jobs",
    "list_models",
    "list_metrics",
    "list_deployments",
    "list_alerts",
    "list_audit_logs",
    "list_schedules",
]


def insert_jobs(scene: Scene, count: int, *, at: datetime) -> None:
    scene.owner.execute(
        "insert into ml_training_jobs (model_type, environment, status, requested_by, created_at, "
        "finished_at, skip_reason) select 'churn', 'production', 'skipped', '{}', %s, %s, 'Well.' "
        "from generate_series(1, %s)",
        (at, at, count),
    )


def pages(scene: Scene, limit: int, **arguments: Any) -> list[list[Row]]:
    found: list[list[Row]] = []
    cursor = None
    while True:
        page = scene.store.list_training_jobs(limit=limit, cursor=cursor, **arguments)
        found.append(page["items"])
        cursor = page["next_cursor"]
        if cursor is None:
            return found


@pytest.mark.parametrize("limit", [1, 3, 10, 11])
def test_pages_hold_each_row_once_although_many_were_made_at_the_same_moment(
    scene: Scene, limit: int
) -> None:
    scene.model_type("churn")
    for minutes in (0, 1):
        insert_jobs(scene, 5, at=START + timedelta(minutes=minutes))

    found = pages(scene, limit)

    rows = [(r["created_at"], r["id"]) for page in found for r in page]
    assert len(rows) == len(set(rows)) == 10
    assert rows == sorted(rows, reverse=True)
    assert [len(p) for p in found[:-1]] == [limit] * (len(found) - 1)


def test_rows_that_are_added_meanwhile_shift_nothing(scene: Scene) -> None:
    scene.model_type("churn")
    insert_jobs(scene, 6, at=START)
    before = {r["id"] for page in pages(scene, 200) for r in page}
    first = scene.store.list_training_jobs(limit=3)

    insert_jobs(scene, 4, at=START + timedelta(hours=1))
    second = scene.store.list_training_jobs(limit=3, cursor=first["next_cursor"])

    assert second["next_cursor"] is None
    assert {r["id"] for r in first["items"] + second["items"]} == before


def fill(scene: Scene, environment: str, *texts: str) -> None:
    """More rows in every list, of the model type churn."""
    scene.store.create_schedule(
        "churn",
        kind=ScheduleKind.PERFORMANCE_CHECK,
        cron="0 * * * *",
        environment=Environment(environment),
    )
    for text in texts:
        deployment = scene.champion(text=text)
        scene.store.report_artifact_mismatch(deployment["id"], worker="w", message="Odd.")
        scene.store.cancel_job(
            scene.row("select id from ml_training_jobs where status = 'queued'")["id"]
        )
        scene.owner.execute(
            "insert into ml_performance_metrics (model_type, environment, model_id, "
            "deployment_id, window_start, window_end, metric, samples, threshold, verdict, "
            "needs_retraining, reason) values ('churn', 'production', %s, %s, now(), now(), "
            "'accuracy', 0, 0.03, 'insufficient_data', false, 'No rows.')",
            (deployment["model_id"], deployment["id"]),
        )


@pytest.mark.parametrize("name", LISTS)
def test_each_list_shows_each_row_once_while_rows_are_added(scene: Scene, name: str) -> None:
    scene.model_type("churn")
    # Of three environments this is the one in the middle, wherever a page ends.
    fill(scene, "staging", "first", "second", "third")
    before = [
        r["id"]
        for r in scene.database.call(name, {"p_limit": 200, "p_model_type": "churn"})["items"]
    ]
    page = scene.database.call(name, {"p_limit": 2, "p_model_type": "churn"})
    seen = [r["id"] for r in page["items"]]

    fill(scene, "development", "fourth", "fifth")
    while page["next_cursor"] is not None:
        page = scene.database.call(
            name, {"p_limit": 1, "p_model_type": "churn", "p_cursor": page["next_cursor"]}
        )
        seen += [r["id"] for r in page["items"]]

    assert len(before) >= 3
    assert seen == before


def test_filters_hold_on_every_page(scene: Scene) -> None:
    for name in ("churn", "visits"):
        scene.model_type(name)
    insert_jobs(scene, 3, at=START)
    scene.queued_job("visits")

    assert sum(map(len, pages(scene, 2, model_type="churn"))) == 3
    assert sum(map(len, pages(scene, 2, status="skipped"))) == 3
    assert [r["model_type"] for r in pages(scene, 2, status="queued")[0]] == ["visits"]
    assert pages(scene, 2, environment="staging") == [[]]


def test_every_list_pages_and_refuses_what_it_cannot_take(scene: Scene) -> None:
    scene.model_type("churn")
    no_uuid = base64.urlsafe_b64encode(b"1700000000000000|churn").decode().rstrip("=")
    bad: list[tuple[Row, str]] = [
        ({"p_limit": 0}, "limit must be between 1 and 200"),
        ({"p_limit": 201}, "limit must be between 1 and 200"),
        ({"p_limit": None}, "limit must be between 1 and 200"),
        ({"p_cursor": "nonsense"}, "cursor is not one that this list gave"),
        ({"p_cursor": ""}, "cursor is not one"),
        ({"p_cursor": "%00"}, "cursor is not one"),
        ({"p_cursor": no_uuid}, "cursor is not one"),
    ]
    for name in LISTS:
        page = scene.database.call(name, {"p_limit": 200})
        assert set(page) == {"items", "next_cursor"}
        assert page["next_cursor"] is None
        for arguments, message in bad:
            with pytest.raises(InvalidRequest, match=message):
                scene.database.call(name, arguments)


def test_a_status_that_does_not_exist_is_named(scene: Scene) -> None:
    for name in (
        "list_training_jobs",
        "list_models",
        "list_deployments",
        "list_alerts",
        "list_metrics",
    ):
        with pytest.raises(InvalidRequest, match='"finished"'):
            scene.database.call(name, {"p_status": "finished"})


def test_each_list_goes_on_where_it_stopped(scene: Scene) -> None:
    scene.model_type("churn")
    fill(scene, "staging", "first", "second", "third")
    for name in LISTS:
        first = scene.database.call(name, {"p_limit": 2, "p_model_type": "churn"})
        rest = scene.database.call(
            name, {"p_limit": 200, "p_model_type": "churn", "p_cursor": first["next_cursor"]}
        )
        whole = scene.database.call(name, {"p_limit": 200, "p_model_type": "churn"})
        assert len(whole["items"]) >= 3, name
        assert first["items"] + rest["items"] == whole["items"], name


def test_a_cursor_is_safe_in_an_address(scene: Scene) -> None:
    text = "~?>" * 40

    cursor = scene.row("select private.encode_cursor(%s, %s) as cursor", START, text)["cursor"]

    assert set(cursor) & set("+/=\n&?") == set()
    padded = cursor + "=" * (-len(cursor) % 4)
    assert base64.urlsafe_b64decode(padded).decode().partition("|")[2] == text


# Filters ------------------------------------------------------------------------------------


def ids(page: Row) -> list[str]:
    return [item["id"] for item in page["items"]]


def test_models_of_an_environment_are_those_that_serve_it(scene: Scene) -> None:
    scene.model_type("churn")
    scene.champion(text="first")
    champion = scene.champion(text="second")
    scene.challenger()

    serving = scene.store.list_models(environment=Environment.PRODUCTION)

    assert ids(serving) == [str(champion["model_id"])]
    assert ids(scene.store.list_models(environment=Environment.STAGING)) == []
    assert len(ids(scene.store.list_models())) == 3


def test_metrics_are_found_by_their_verdict(scene: Scene) -> None:
    scene.model_type("churn")
    champion = scene.champion()
    operation = scene.running_operation(OperationKind.CHECK)
    scene.store.finish_operation(
        operation, {"status": "succeeded", "results": [check_of(champion)]}
    )
    fill(scene, "staging", "second")

    degraded = scene.store.list_metrics(status="degraded")

    assert [m["verdict"] for m in degraded["items"]] == ["degraded"]
    assert len(ids(scene.store.list_metrics(status="insufficient_data"))) == 1
    assert ids(scene.store.list_metrics(status="healthy")) == []


def test_audit_rows_are_found_by_what_happened_to_what_for_whom(scene: Scene) -> None:
    scene.model_type("churn")
    job_id = scene.queued_job(request_id="req-1")
    scene.store.cancel_job(job_id)
    scene.store.record_event(workflow="n8n", execution_id="17", step="notify", outcome="cancelled")

    def found(**filters: Any) -> list[str]:
        return [a["action"] for a in scene.store.list_audit_logs(**filters)["items"]]

    assert found(status="cancelled") == ["event.notify", "training_job.cancelled"]
    assert found(status="cancelled", model_type="churn") == ["training_job.cancelled"]
    assert found(action="event.notify") == ["event.notify"]
    assert found(entity="training_job", entity_id=str(job_id)) == [
        *("training_job.cancelled", "training_job.created"),
    ]
    assert found(request_id="req-1") == ["training_job.cancelled", "training_job.created"]
    assert found(status="failed") == []
    shown = scene.store.list_audit_logs()["items"][0]
    assert not {"transaction_id", "cluster_id"} & set(shown)


def test_schedules_are_found_by_environment_and_whether_they_run(scene: Scene) -> None:
    scene.model_type("churn")
    fill(scene, "staging")
    staged = scene.row("select id from ml_retraining_schedules where environment = 'staging'")["id"]
    scene.store.update_schedule(staged, {"enabled": False})

    assert ids(scene.store.list_schedules(environment=Environment.STAGING)) == [str(staged)]
    assert ids(scene.store.list_schedules(status="disabled")) == [str(staged)]
    assert str(staged) not in ids(scene.store.list_schedules(status="enabled"))
    assert len(ids(scene.store.list_schedules())) == 3
    with pytest.raises(InvalidRequest, match="status must be enabled or disabled"):
        scene.store.list_schedules(status="paused")


def test_a_mark_of_a_schedule_that_is_not_there_is_refused(scene: Scene) -> None:
    cursor = scene.row("select private.encode_cursor(now(), gen_random_uuid()::text) as cursor")

    with pytest.raises(InvalidRequest, match="cursor is not one that this list gave"):
        scene.store.list_schedules(cursor=cursor["cursor"])
