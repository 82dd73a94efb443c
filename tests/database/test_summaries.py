"""The figures of the summaries, from rows whose figures are known."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import uuid4

import pytest

from core.domain import Environment, OperationKind
from tests.database.factories import FAILURE, Scene, check_of, judgement, trained_model


@pytest.fixture(autouse=True)
def churn(scene: Scene) -> None:
    scene.model_type("churn")


def insert_metric(scene: Scene, value: float | None, verdict: str, *, in_seconds: int) -> None:
    scene.owner.execute(
        "insert into ml_performance_metrics (recorded_at, model_type, environment, model_id, "
        "deployment_id, window_start, window_end, metric, baseline, value, samples, threshold, "
        "verdict, needs_retraining, reason) values (now() + %s, 'churn', 'production', %s, %s, "
        "now(), now(), 'accuracy', 0.8, %s, 100, 0.03, %s, false, 'Measured.')",
        (timedelta(seconds=in_seconds), uuid4(), uuid4(), value, verdict),
    )


def test_the_performance_summary_counts_the_checks_of_the_last_days(scene: Scene) -> None:
    # Ahead of the clock: there are partitions from this month on.
    insert_metric(scene, 0.7, "degraded", in_seconds=1)
    insert_metric(scene, None, "insufficient_data", in_seconds=2)
    insert_metric(scene, 0.9, "healthy", in_seconds=3)

    summary = scene.database.call("get_model_performance_summary", {})

    assert len(summary) == 1
    row = summary[0]
    assert (row["model_type"], row["checks"], row["degraded_checks"]) == ("churn", 3, 1)
    assert row["average_value"] == pytest.approx(0.8)
    assert (row["lowest_value"], row["highest_value"], row["samples"]) == (0.7, 0.9, 300)
    assert (row["latest"]["value"], row["latest"]["verdict"]) == (0.9, "healthy")
    assert datetime.fromisoformat(row["last_checked_at"]).tzinfo is not None
    for arguments in ({"p_model_type": "visits"}, {"p_environment": "staging"}, {"p_days": -1}):
        assert scene.database.call("get_model_performance_summary", arguments) == []


def test_the_job_stats_leave_skipped_and_cancelled_out_of_the_success_rate(scene: Scene) -> None:
    for status, count in (("succeeded", 3), ("failed", 1), ("cancelled", 2), ("skipped", 4)):
        scene.owner.execute(
            "insert into ml_training_jobs (model_type, environment, status, requested_by, "
            "started_at, finished_at, error, skip_reason) select 'churn', 'production', %s, '{}', "
            "now() - interval '90 s', now(), '{}', 'Well.' from generate_series(1, %s)",
            (status, count),
        )
    scene.owner.execute("update ml_training_jobs set created_at = now() - interval '29 days'")
    scene.queued_job()
    scene.running_job(environment=Environment.STAGING)

    stats = scene.database.call("get_training_job_stats", {})

    last = stats.pop("last_finished_at")
    assert last is not None
    assert stats == {
        "total": 12,
        "queued": 1,
        "running": 1,
        "succeeded": 3,
        "failed": 1,
        "cancelled": 2,
        "skipped": 4,
        "success_rate": 0.75,
        "average_seconds": pytest.approx(90),
    }
    assert scene.database.call("get_training_job_stats", {"p_days": 7})["total"] == 2
    staging = scene.database.call("get_training_job_stats", {"p_environment": "staging"})
    assert (staging["total"], staging["success_rate"]) == (1, None)
    assert scene.database.call("get_training_job_stats", {"p_model_type": "visits"})["total"] == 0


def test_the_status_of_an_empty_system_is_all_zeros(scene: Scene) -> None:
    status = scene.store.get_status()

    assert status["models"] == {
        "total": 0,
        "candidate": 0,
        "approved": 0,
        "rejected": 0,
        "quarantined": 0,
    }
    assert status["queue"] == {"jobs": 0, "operations": 0}
    assert (status["success_rate"], status["average_improvement"]) == (None, None)
    assert [status[k] for k in ("champions", "active_jobs", "open_alerts", "workers")] == [[]] * 4
    assert {r["kind"] for r in status["next_runs"]} == {"performance_check", "forced_retraining"}


def test_the_status_shows_what_is_going_on(scene: Scene) -> None:
    scene.champion(text="first")
    for text, improvement in (("second", 0.04), ("third", 0.08)):
        job = scene.running_job(force=True)
        champion_id = scene.champion_id()
        scene.store.finish_training_job(
            job,
            {
                "status": "succeeded",
                "model": trained_model(text),
                "validation": judgement(
                    champion_deployment_id=champion_id, improvement=improvement
                ),
            },
        )
    scene.trained(text="fourth", validation=judgement("rejected"))
    scene.trained(text="fifth")
    scene.store.rollback_model("churn", reason="Bad.")
    champion = scene.row("select * from ml_model_deployments where status = 'active'")
    operation = scene.running_operation(OperationKind.CHECK)
    scene.store.finish_operation(
        operation, {"status": "succeeded", "results": [check_of(champion)]}
    )
    failed = scene.running_job(environment=Environment.PRODUCTION)
    scene.store.finish_training_job(failed, {"status": "failed", "error": FAILURE})
    scene.store.sweep_lost_work("worker-1")
    scene.running_job()
    scene.store.request_check()

    status = scene.store.get_status()

    assert status["models"] == {
        "total": 5,
        "candidate": 1,
        "approved": 3,
        "rejected": 1,
        "quarantined": 1,
    }
    # The first champion replaced nobody; going back is no improvement that was validated.
    assert status["average_improvement"] == pytest.approx(0.06)
    assert status["success_rate"] == round(5 / 6, 4)
    assert [c["model_version"] for c in status["champions"]] == [2]
    assert [(j["status"], j["stage"]) for j in status["active_jobs"]] == [("running", "check")]
    assert {a["kind"] for a in status["open_alerts"]} == {
        "performance_degradation",
        "data_quality",
    }
    assert status["queue"] == {"jobs": 0, "operations": 1}
    assert [w["id"] for w in status["workers"]] == ["worker-1"]
    staging = scene.store.get_status(Environment.STAGING)
    assert (staging["champions"], staging["open_alerts"]) == ([], [])


def test_a_scheduler_may_tick_once_a_minute_and_a_worker_sweeps_more_often(scene: Scene) -> None:
    for kind in ("worker", "scheduler"):
        for age in (20, 60, 100):
            scene.owner.execute(
                "insert into private.workers (id, kind, last_seen_at) "
                "values (%s, %s, clock_timestamp() - %s)",
                (f"{kind} {age}", kind, timedelta(seconds=age)),
            )

    assert scene.store.get_health() == {
        "workers": ["worker 20"],
        "schedulers": ["scheduler 20", "scheduler 60"],
    }
    assert [w["id"] for w in scene.store.get_status()["workers"]] == [
        "scheduler 20",
        "scheduler 60",
        "worker 20",
    ]


def test_a_disabled_model_type_has_no_next_run(scene: Scene) -> None:
    scene.model_type("asleep")
    scene.store.update_model_type("asleep", {"enabled": False})

    runs = scene.store.get_status()["next_runs"]

    assert {run["model_type"] for run in runs} == {"churn"}
