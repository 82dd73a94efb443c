"""What is old enough goes, in pieces; what is not sealed, not ended or not old enough stays."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest

from core.audit import verify_audit_log
from core.domain import OperationKind
from core.errors import InvalidRequest
from core.retention import DEFAULT_DAYS, parse_retention
from tests.database.factories import FAILURE, Row, Scene

OLD = timedelta(days=400)
MONTH = "2020-02"
AUDIT_PARTITION = "private.workflow_audit_logs_2020_02"
METRICS_PARTITION = "private.ml_performance_metrics_2020_02"
METRIC = (
    "insert into ml_performance_metrics (recorded_at, model_type, environment, model_id, "
    "deployment_id, window_start, window_end, metric, samples, threshold, verdict, "
    "needs_retraining, reason) values (%s, 'churn', 'production', gen_random_uuid(), "
    "gen_random_uuid(), now(), now(), 'accuracy', 0, 0.03, 'insufficient_data', false, 'No rows.')"
)


def keep_house(scene: Scene, **days: int) -> Row:
    """Housekeeping with these days, everything else for ever."""
    answer: Row = scene.store.run_housekeeping(days)
    return answer


def make_old_month(scene: Scene, rows: int = 3) -> None:
    """A month of long ago with audit rows and a metric."""
    for table in ("workflow_audit_logs", "ml_performance_metrics"):
        scene.owner.execute("select private.create_partition(%s, '2020-02-01')", (table,))
    for day in range(1, rows + 1):
        scene.owner.execute(
            "insert into workflow_audit_logs (created_at, actor, action) values (%s, '{}', 'old')",
            (datetime(2020, 2, day, tzinfo=UTC),),
        )
    scene.owner.execute(METRIC, (datetime(2020, 2, 29, 23, 59, tzinfo=UTC),))


def exists(scene: Scene, table: str) -> bool:
    there: bool = scene.row("select to_regclass(%s) is not null as there", table)["there"]
    return there


def count(scene: Scene, table: str) -> int:
    found: int = scene.row(f"select count(*) as count from {table}")["count"]
    return found


def problems(scene: Scene) -> list[str]:
    return [p.kind for p in verify_audit_log(scene.store).problems]


# Partitions ---------------------------------------------------------------------------------


def test_a_wholly_sealed_month_goes_and_leaves_its_record(scene: Scene) -> None:
    make_old_month(scene)
    scene.model_type("churn")  # in the same seal, in this month
    keep_house(scene)

    summary = keep_house(scene, workflow_audit_logs=365)

    assert summary["pruned"] == [{"table": "workflow_audit_logs", "month": MONTH, "rows": 3}]
    assert not exists(scene, AUDIT_PARTITION)
    record = scene.row("select * from private.audit_seals where kind = 'pruned'")
    assert (record["row_count"], record["months"]) == (3, {MONTH: {"rows": 3}})
    audit = scene.row("select * from workflow_audit_logs where action = 'partition.pruned'")
    assert (audit["entity"], audit["entity_id"], audit["detail"]) == (
        *("workflow_audit_logs", MONTH, {"rows": 3}),
    )
    found = verify_audit_log(scene.store)
    assert (found.problems, found.pruned_rows) == ((), 3)
    (pruned,) = found.pruned
    assert (pruned.seal, pruned.month, pruned.rows) == (record["number"], MONTH, 3)
    assert datetime.fromisoformat(pruned.pruned_at) == record["sealed_at"]
    # The rest of the seal that the month was part of still counts.
    assert found.rows > 0
    keep_house(scene, workflow_audit_logs=365)
    assert problems(scene) == []


def test_a_month_with_a_row_that_is_not_sealed_stays(scene: Scene, database_url: str) -> None:
    make_old_month(scene)
    with psycopg.connect(database_url) as other:
        other.execute("select pg_current_xact_id()")
        scene.owner.execute(
            "insert into workflow_audit_logs (created_at, actor, action) "
            "values ('2020-02-20', '{}', 'late')"
        )
        summary = keep_house(scene, workflow_audit_logs=365)

    assert summary["pruned"] == []
    assert [(k["month"], k["reason"]) for k in summary["kept"]] == [
        (MONTH, "It holds 4 rows, and 3 were sealed.")
    ]
    assert count(scene, AUDIT_PARTITION) == 4

    assert [p["rows"] for p in keep_house(scene, workflow_audit_logs=365)["pruned"]] == [4]
    assert problems(scene) == []


def test_a_month_that_somebody_writes_to_stays_and_holds_nobody_up(
    scene: Scene, database_url: str
) -> None:
    make_old_month(scene)
    keep_house(scene)
    with psycopg.connect(database_url) as other:
        other.execute(METRIC, (datetime(2020, 2, 3, tzinfo=UTC),))
        summary = keep_house(scene, workflow_audit_logs=365, ml_performance_metrics=365)

    assert [p["table"] for p in summary["pruned"]] == ["workflow_audit_logs"]
    assert [k["table"] for k in summary["kept"]] == ["ml_performance_metrics"]
    assert "lock timeout" in summary["kept"][0]["reason"]
    assert exists(scene, METRICS_PARTITION)


def test_a_month_from_which_a_row_was_removed_is_not_pruned_away(scene: Scene) -> None:
    make_old_month(scene)
    keep_house(scene)
    with scene.owner.transaction():
        scene.owner.execute("set local session_replication_role = replica")
        scene.owner.execute(f"delete from {AUDIT_PARTITION} where created_at < '2020-02-02'")

    summary = keep_house(scene, workflow_audit_logs=365)

    assert [k["reason"] for k in summary["kept"]] == ["It holds 2 rows, and 3 were sealed."]
    assert problems(scene) == ["rows_removed"]


def test_a_month_that_goes_without_a_record_is_a_removal(scene: Scene) -> None:
    make_old_month(scene)
    keep_house(scene)
    scene.owner.execute(f"drop table {AUDIT_PARTITION}")

    (problem,) = verify_audit_log(scene.store).problems

    assert (problem.kind, problem.detail["month"]) == ("rows_removed", MONTH)
    assert "sealed were 3, there are 0" in problem.message


def test_who_verifies_while_a_month_goes_sees_it_there_or_gone(
    scene: Scene, database_url: str
) -> None:
    make_old_month(scene)
    keep_house(scene)
    waiting = "select from pg_stat_activity where wait_event_type = 'Lock' and datname = %s"
    with psycopg.connect(database_url) as other, ThreadPoolExecutor(1) as pool:
        other.execute("select prune_partitions('{\"workflow_audit_logs\": 365}')")
        verifying = pool.submit(verify_audit_log, scene.store)
        deadline = time.monotonic() + 10
        while not scene.rows(waiting, other.info.dbname):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        other.commit()
        found = verifying.result()

    assert not exists(scene, AUDIT_PARTITION)
    assert (found.problems, found.pruned_rows) == ((), 3)


def test_a_month_is_not_pruned_under_who_verifies(scene: Scene, database_url: str) -> None:
    make_old_month(scene)
    keep_house(scene)
    with psycopg.connect(database_url) as other:
        other.execute("select verify_audit_seals()")
        assert keep_house(scene, workflow_audit_logs=365)["pruned"] == []

    assert keep_house(scene, workflow_audit_logs=365)["pruned"] != []


def test_rows_that_come_back_into_a_pruned_month_are_found(scene: Scene) -> None:
    make_old_month(scene)
    keep_house(scene)
    keep_house(scene, workflow_audit_logs=365)
    scene.owner.execute("select private.create_partition('workflow_audit_logs', '2020-02-01')")
    scene.owner.execute(
        "insert into workflow_audit_logs (created_at, actor, action) "
        "values ('2020-02-20', '{}', 'forged')"
    )
    keep_house(scene)

    assert problems(scene) == ["rows_added"]


def test_old_metrics_go_by_the_month(scene: Scene) -> None:
    make_old_month(scene)

    summary = keep_house(scene, ml_performance_metrics=365)

    assert summary["pruned"] == [{"table": "ml_performance_metrics", "month": MONTH, "rows": 1}]
    assert not exists(scene, METRICS_PARTITION)
    assert exists(scene, AUDIT_PARTITION)
    assert scene.row(
        "select entity from workflow_audit_logs where action = 'partition.pruned'"
    ) == {"entity": "ml_performance_metrics"}


def test_a_month_goes_when_its_last_day_is_old_enough(scene: Scene) -> None:
    make_old_month(scene)
    age = datetime.now(UTC) - datetime(2020, 3, 1, tzinfo=UTC)

    assert keep_house(scene, ml_performance_metrics=age.days + 1)["pruned"] == []
    assert len(keep_house(scene, ml_performance_metrics=age.days)["pruned"]) == 1


def test_one_month_of_a_table_goes_at_a_time(scene: Scene) -> None:
    for month in ("2020-01-01", "2020-02-01", "2020-03-01"):
        scene.owner.execute("select private.create_partition('workflow_audit_logs', %s)", (month,))

    gone = [keep_house(scene, workflow_audit_logs=365)["pruned"] for _ in range(4)]

    assert [[p["month"] for p in pruned] for pruned in gone] == [
        *(["2020-01"], ["2020-02"], ["2020-03"], []),
    ]


def test_only_the_owner_can_drop_a_month(scene: Scene) -> None:
    make_old_month(scene)
    for role in ("service_role", "authenticated"):
        scene.owner.execute(f"set role {role}")
        for statement in (
            f"drop table {AUDIT_PARTITION}",
            f"alter table public.workflow_audit_logs detach partition {AUDIT_PARTITION}",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                scene.owner.execute(statement)
        scene.owner.execute("reset role")
    with pytest.raises(psycopg.Error, match="append-only"):
        scene.owner.execute(f"delete from {AUDIT_PARTITION}")

    assert count(scene, AUDIT_PARTITION) == 3


# Rows ---------------------------------------------------------------------------------------


def ended_job(scene: Scene, **changes: Any) -> UUID:
    job = scene.running_job(webhook_url="https://example.org/hook", **changes)
    scene.store.heartbeat_training_job(job, lines=[{"level": "info", "message": "Training."}])
    scene.store.finish_training_job(job, {"status": "failed", "error": FAILURE})
    return job.id


def age(scene: Scene, table: str, column: str = "created_at") -> None:
    """Make all rows of a table old."""
    scene.owner.execute(f"update {table} set {column} = {column} - %s::interval", (OLD,))


def test_log_lines_go_and_their_jobs_stay(scene: Scene) -> None:
    scene.model_type("churn")
    ended_job(scene)
    age(scene, "private.job_log_lines", "logged_at")
    ended_job(scene)

    assert keep_house(scene, job_log_lines=90)["deleted"] == {"job_log_lines": 1}

    assert count(scene, "private.job_log_lines") == 1
    assert count(scene, "ml_training_jobs") == 2


def test_callbacks_that_were_sent_go_with_their_addresses(scene: Scene) -> None:
    scene.model_type("churn")
    ended_job(scene)
    scene.owner.execute(
        "update ml_webhook_deliveries set status = 'delivered', delivered_at = now()"
    )
    pending = ended_job(scene)
    scene.running_job(webhook_url="https://example.org/hook")
    age(scene, "ml_webhook_deliveries")
    age(scene, "private.training_job_callbacks")

    deleted = keep_house(scene, ml_webhook_deliveries=90)["deleted"]

    assert deleted == {"ml_webhook_deliveries": 1, "training_job_callbacks": 2}
    assert scene.row("select training_job_id from ml_webhook_deliveries") == {
        "training_job_id": pending
    }
    # What runs will still call back.
    assert count(scene, "private.training_job_callbacks") == 1


def test_operations_that_ended_go_but_those_that_validations_name(scene: Scene) -> None:
    scene.model_type("churn")
    scene.champion()
    challenger = scene.challenger()
    scene.store.cancel_job(scene.queued_operation(OperationKind.CHECK))
    scene.store.cancel_job(
        scene.queued_operation(OperationKind.VALIDATION, model_ids=[challenger["id"]])
    )
    waiting = scene.queued_operation(OperationKind.CHECK)
    for column in ("created_at", "finished_at"):
        age(scene, "ml_operations", column)

    assert keep_house(scene, ml_operations=365)["deleted"] == {"ml_operations": 1}

    rows = scene.rows("select id, kind from ml_operations order by kind")
    assert [r["kind"] for r in rows] == ["check", "validation"]
    assert rows[0]["id"] == waiting


def test_resolved_alerts_go_and_open_ones_stay(scene: Scene) -> None:
    scene.model_type("churn")
    deployment = scene.champion()
    scene.store.report_artifact_mismatch(deployment["id"], worker="w", message="Odd.")
    age(scene, "ml_alerts")
    assert keep_house(scene, ml_alerts=365)["deleted"] == {}

    scene.owner.execute(
        "update ml_alerts set status = 'resolved', resolved_at = now() - %s::interval", (OLD,)
    )

    assert keep_house(scene, ml_alerts=365)["deleted"] == {"ml_alerts": 1}


def test_quality_goes_by_its_age(scene: Scene) -> None:
    scene.model_type("churn")
    for days in (0, 400):
        scene.owner.execute(
            "insert into ml_training_data_quality (model_type, score, row_count, missing_share, "
            "duplicate_rows, findings, recorded_at) "
            "values ('churn', 1, 1, 0, 0, '[]', now() - make_interval(days => %s))",
            (days,),
        )

    deleted = keep_house(scene, ml_training_data_quality=365)["deleted"]

    assert deleted == {"ml_training_data_quality": 1}
    assert count(scene, "ml_training_data_quality") == 1


def test_remembered_answers_go_after_a_day_whatever_the_settings(scene: Scene) -> None:
    for hours in (23, 25):
        scene.owner.execute(
            "insert into private.idempotency_keys "
            "(credential, action, idempotency_key, body_hash, answer, created_at) values "
            "('c', 'a', %s, repeat('0', 64), '{}', now() - make_interval(hours => %s))",
            (str(hours), hours),
        )

    assert keep_house(scene)["deleted"] == {"idempotency_keys": 1}
    assert scene.row("select idempotency_key as key from private.idempotency_keys")["key"] == "23"


def test_many_rows_go_in_pieces(scene: Scene) -> None:
    scene.model_type("churn")
    job_id = ended_job(scene)
    scene.owner.execute(
        "insert into private.job_log_lines (job_id, logged_at, message) "
        "select %s, now() - interval '1 year', 'Old.' from generate_series(1, 12000)",
        (job_id,),
    )

    first, second, third = (keep_house(scene, job_log_lines=90)["deleted"] for _ in range(3))

    # A line of today was written before these.
    assert (first, second, third) == (*({"job_log_lines": 9_999}, {"job_log_lines": 2_001}, {}),)


def test_what_has_no_limit_stays(scene: Scene) -> None:
    make_old_month(scene)
    scene.model_type("churn")
    ended_job(scene)
    age(scene, "private.job_log_lines", "logged_at")

    summary = keep_house(scene)

    assert (summary["pruned"], summary["deleted"]) == ([], {})
    assert exists(scene, AUDIT_PARTITION)
    assert exists(scene, METRICS_PARTITION)


def test_what_cannot_be_deleted_stops_nothing_else(scene: Scene) -> None:
    scene.model_type("churn")
    ended_job(scene)
    age(scene, "private.job_log_lines", "logged_at")
    scene.owner.execute(
        "create function public.refuse() returns trigger language plpgsql as $$ "
        "begin raise 'Not today.'; end $$;"
        "create trigger refuse before delete on private.job_log_lines "
        "for each row execute function public.refuse();"
        "insert into private.idempotency_keys "
        "(credential, action, idempotency_key, body_hash, answer, created_at) values "
        "('c', 'a', 'k', repeat('0', 64), '{}', now() - interval '2 days')"
    )

    summary = keep_house(scene, job_log_lines=90)

    assert summary["failed"] == {"job_log_lines": "Not today."}
    assert summary["deleted"] == {"idempotency_keys": 1}


def test_a_retention_that_makes_no_sense_stops_only_what_it_is_for(scene: Scene) -> None:
    scene.model_type("churn")
    for days, message in (
        ({"ml_models": 30}, "ml_models has no retention"),
        ({"ml_alerts": 0}, "ml_alerts must be kept for 1 to 99999 days, not 0"),
        ({"ml_alerts": "30"}, 'not "30"'),
    ):
        with pytest.raises(InvalidRequest, match=message):
            scene.store.run_housekeeping(days)  # type: ignore[arg-type]  # what it is about

    assert count(scene, "private.audit_seals") == 1


# Settings -----------------------------------------------------------------------------------


def test_the_database_knows_every_table_that_has_a_limit(scene: Scene) -> None:
    assert keep_house(scene, **DEFAULT_DAYS)["failed"] == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ml_models=30", "'ml_models' has no retention; there are workflow_audit_logs, "),
        ("ml_alerts", "'ml_alerts' must be TABLE=DAYS"),
        ("ml_alerts=0", "ml_alerts must be kept for 1 to 99999 days, or forever, not '0'"),
        ("ml_alerts=100000", "not '100000'"),
        ("ml_alerts=-1", "not '-1'"),
        ("ml_alerts=1.5", "not '1.5'"),
        ("ml_alerts=", "not ''"),
        ("ml_alerts=1,ml_alerts=2", "ml_alerts is there twice"),
    ],
)
def test_days_that_make_no_sense_are_named(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_retention(text)


def test_days_that_are_not_named_keep_their_default() -> None:
    assert parse_retention("") == DEFAULT_DAYS
    assert parse_retention(" ml_alerts = 7 ,") == {**DEFAULT_DAYS, "ml_alerts": 7}
