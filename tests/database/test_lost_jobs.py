"""A job that failed, whose worker was lost, or that somebody stops."""

from __future__ import annotations

from uuid import uuid4

import pytest

from core.errors import (
    IllegalTransition,
    NotFound,
)
from tests.database.factories import (
    FAILURE,
    JOB_ENDS,
    WORKER,
    Scene,
)


@pytest.fixture(autouse=True)
def churn(scene: Scene) -> None:
    scene.model_type("churn")


# Trying again --------------------------------------------------------------------------------


def test_a_failure_that_may_pass_is_tried_three_times_and_then_fails(scene: Scene) -> None:
    job_id = scene.queued_job(webhook_url="https://example.org/called")
    outcome = {"status": "failed", "retry": True, "error": FAILURE}

    for attempt in (1, 2):
        job = scene.store.claim_training_job(job_id, WORKER)
        assert job is not None
        assert job.attempt == attempt
        assert scene.store.finish_training_job(job, outcome)["status"] == "queued"
        assert scene.alerts() == []
    job = scene.store.claim_training_job(job_id, WORKER)
    assert job is not None
    answer = scene.store.finish_training_job(job, outcome)

    assert (answer["status"], answer["attempt"]) == ("failed", 3)
    assert [a["kind"] for a in scene.alerts(status="open")] == ["data_quality"]
    delivery = scene.row("select event from ml_webhook_deliveries")
    assert delivery == {"event": "training.failed"}


def test_a_failure_that_will_not_pass_is_not_tried_again(scene: Scene) -> None:
    job = scene.running_job()

    scene.store.finish_training_job(
        job, {"status": "failed", "error": {**FAILURE, "type": "training_failed"}}
    )

    assert scene.job(job.id)["status"] == "failed"
    assert [a["kind"] for a in scene.alerts()] == ["training_failure"]


def test_a_cancelled_job_is_not_tried_again(scene: Scene) -> None:
    job = scene.running_job()
    scene.store.cancel_job(job.id)

    scene.store.finish_training_job(job, {"status": "failed", "retry": True, "error": FAILURE})

    assert scene.job(job.id)["status"] == "failed"


def test_a_success_closes_the_alert_of_the_failure(scene: Scene) -> None:
    failed = scene.running_job()
    scene.store.finish_training_job(failed, JOB_ENDS["failed"])

    scene.trained()

    assert [a["status"] for a in scene.alerts()] == ["resolved"]


def test_releasing_does_not_count_the_attempt(scene: Scene) -> None:
    job = scene.running_job()

    scene.store.release_training_job(job)

    row = scene.job(job.id)
    assert (row["status"], row["stage"], row["attempt"]) == ("queued", "queued", 0)
    again = scene.store.claim_training_job(job.id, "worker-2")
    assert again is not None
    assert again.attempt == 1


def test_releasing_a_job_that_is_to_stop_cancels_it_and_says_so(scene: Scene) -> None:
    job = scene.running_job(webhook_url="https://example.org/called")
    scene.store.cancel_job(job.id)

    scene.store.release_training_job(job)

    row = scene.job(job.id)
    assert (row["status"], row["stage"]) == ("cancelled", "cancelled")
    assert scene.row("select event from ml_webhook_deliveries")["event"] == "training.cancelled"


# Sweeping ------------------------------------------------------------------------------------


def test_a_lost_job_is_swept_back_and_rung_at_once(scene: Scene) -> None:
    job_id = scene.queued_job()
    scene.lost_job(job_id)

    rings = scene.store.sweep_lost_work("worker-2")

    assert rings == [{"actor": "retrain", "id": str(job_id)}]
    row = scene.job(job_id)
    assert (row["status"], row["attempt"]) == ("queued", 1)
    assert scene.store.sweep_lost_work("worker-2") == []


def test_the_third_loss_fails_with_an_alert_and_a_callback(scene: Scene) -> None:
    job_id = scene.queued_job(webhook_url="https://example.org/called")
    for _ in range(3):
        scene.lost_job(job_id)
        scene.store.sweep_lost_work("worker-2")

    row = scene.job(job_id)

    assert (row["status"], row["attempt"]) == ("failed", 3)
    assert row["error"]["type"] == "worker_lost"
    assert [(a["kind"], a["severity"]) for a in scene.alerts()] == [
        ("training_failure", "critical")
    ]
    delivery = scene.row("select event, payload from ml_webhook_deliveries")
    assert delivery["event"] == "training.failed"
    assert delivery["payload"]["job_id"] == str(job_id)


def test_a_lost_job_that_was_to_stop_is_cancelled(scene: Scene) -> None:
    job_id = scene.queued_job(webhook_url="https://example.org/called")
    scene.lost_job(job_id)
    scene.store.cancel_job(job_id)

    assert scene.store.sweep_lost_work("worker-2") == []

    assert scene.job(job_id)["status"] == "cancelled"
    assert scene.alerts() == []
    assert scene.row("select event from ml_webhook_deliveries")["event"] == "training.cancelled"


def test_a_held_job_is_left_alone(scene: Scene) -> None:
    job = scene.running_job()

    assert scene.store.sweep_lost_work("worker-2") == []
    assert scene.job(job.id)["status"] == "running"


def test_work_that_nobody_came_for_is_rung_again_after_five_seconds(scene: Scene) -> None:
    job_id = scene.queued_job()
    assert scene.store.sweep_lost_work(WORKER) == []

    scene.owner.execute("update ml_training_jobs set queued_at = queued_at - interval '6 s'")

    assert scene.store.sweep_lost_work(WORKER) == [{"actor": "retrain", "id": str(job_id)}]
    assert scene.store.sweep_lost_work(WORKER) == []


def test_a_sweep_remembers_who_swept_and_forgets_the_long_gone(scene: Scene) -> None:
    scene.store.sweep_lost_work("worker-old")
    scene.owner.execute("update private.workers set last_seen_at = now() - interval '25 hours'")

    scene.store.sweep_lost_work("scheduler-1", "scheduler")

    assert scene.rows("select id, kind from private.workers") == [
        {"id": "scheduler-1", "kind": "scheduler"}
    ]
    assert [w["id"] for w in scene.store.get_status()["workers"]] == ["scheduler-1"]


# Cancelling ----------------------------------------------------------------------------------


def test_a_queued_job_is_cancelled_at_once(scene: Scene) -> None:
    job_id = scene.queued_job(webhook_url="https://example.org/called")

    answer = scene.store.cancel_job(job_id)

    assert answer["job"]["status"] == "cancelled"
    assert scene.job(job_id)["finished_at"] is not None
    assert scene.row("select event from ml_webhook_deliveries")["event"] == "training.cancelled"


def test_the_worker_of_a_running_job_is_asked_to_stop(scene: Scene) -> None:
    job = scene.running_job()

    assert scene.store.cancel_job(job.id)["job"]["status"] == "running"

    assert scene.store.heartbeat_training_job(job) is True
    scene.store.finish_training_job(job, {"status": "cancelled"})
    assert scene.job(job.id)["status"] == "cancelled"


def test_cancelling_twice_changes_nothing(scene: Scene) -> None:
    job_id = scene.queued_job()
    scene.store.cancel_job(job_id)
    before = scene.everything()

    assert scene.store.cancel_job(job_id)["job"]["status"] == "cancelled"
    assert scene.everything() == before


@pytest.mark.parametrize("end", ["succeeded", "failed", "skipped"])
def test_a_job_that_has_ended_otherwise_is_not_cancelled(scene: Scene, end: str) -> None:
    job = scene.running_job()
    scene.store.finish_training_job(job, JOB_ENDS[end])

    with pytest.raises(IllegalTransition, match=f"has ended: {end}"):
        scene.store.cancel_job(job.id)


def test_a_job_that_is_not_there_is_not_cancelled(scene: Scene) -> None:
    with pytest.raises(NotFound):
        scene.store.cancel_job(uuid4())
