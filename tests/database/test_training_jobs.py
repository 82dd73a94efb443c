"""A training job from the request to its end, and every way that is not allowed."""

from __future__ import annotations

from dataclasses import replace
from uuid import uuid4

import pytest

from core.domain import ClaimedJob, Environment
from core.errors import IllegalTransition, InvalidRequest, LeaseLost, NotFound, RefitError
from core.store import Store
from tests.database.factories import (
    FAILURE,
    WORKER,
    Row,
    Scene,
    check_of,
    digest,
    judgement,
    quality,
    trained_model,
)

ENDS: dict[str, Row] = {
    "succeeded": {"status": "succeeded", "model": trained_model()},
    "failed": {"status": "failed", "error": FAILURE},
    "cancelled": {"status": "cancelled"},
    "skipped": {"status": "skipped", "skip_reason": "The champion is healthy."},
}


@pytest.fixture(autouse=True)
def churn(scene: Scene) -> None:
    scene.model_type("churn")


# Claiming and holding -----------------------------------------------------------------------


def test_a_claimed_job_runs_under_a_lease_and_brings_what_a_worker_needs(scene: Scene) -> None:
    job_id = scene.queued_job(force=True)

    job = scene.store.claim_training_job(job_id, WORKER)

    assert job is not None
    assert (job.id, job.attempt, job.force) == (job_id, 1, True)
    assert job.model_type.feature_columns == ("plan", "visits")
    assert job.champion is None
    row = scene.job(job_id)
    assert (row["status"], row["stage"], row["lease_owner"]) == ("running", "load", WORKER)
    assert 25 < (row["lease_expires_at"] - row["started_at"]).total_seconds() <= 30.1


def test_a_claim_brings_the_champion(scene: Scene) -> None:
    champion = scene.champion()

    job = scene.running_job()

    assert job.champion is not None
    assert job.champion.deployment_id == champion["id"]
    assert job.champion.reference.value == 0.8


def test_a_job_is_claimed_once(scene: Scene) -> None:
    job = scene.running_job()

    assert scene.store.claim_training_job(job.id, "worker-2") is None
    assert scene.job(job.id)["lease_owner"] == WORKER


def test_nothing_is_claimed_where_there_is_no_job(scene: Scene) -> None:
    assert scene.store.claim_training_job(uuid4(), WORKER) is None


@pytest.mark.parametrize("end", ENDS)
def test_a_job_that_has_ended_is_not_claimed(scene: Scene, end: str) -> None:
    job = scene.running_job()
    scene.store.finish_training_job(job, ENDS[end])

    assert scene.store.claim_training_job(job.id, WORKER) is None
    assert scene.job(job.id)["status"] == end


def test_a_heartbeat_extends_the_lease_and_keeps_stage_progress_and_lines(scene: Scene) -> None:
    job_id = scene.queued_job()
    token = scene.lost_job(job_id)

    answer = scene.database.call(
        "heartbeat_training_job",
        {
            "p_id": job_id,
            "p_lease_token": token,
            "p_stage": "train",
            "p_progress": 0.5,
            "p_lines": [{"message": "Loaded 1000 rows."}, {"level": "warning", "message": "Old."}],
        },
    )

    assert answer == {"cancel_requested": False}
    row = scene.job(job_id)
    assert (row["stage"], row["progress"]) == ("train", 0.5)
    assert scene.store.sweep_lost_work("worker-2") == []
    log = scene.store.get_training_job(job_id)["log"]
    assert [(line["level"], line["message"]) for line in log] == [
        ("info", "Loaded 1000 rows."),
        ("warning", "Old."),
    ]


def test_a_heartbeat_without_a_stage_keeps_the_stage(scene: Scene) -> None:
    job = scene.running_job()
    scene.store.heartbeat_training_job(job, stage="train", progress=0.25)

    scene.store.heartbeat_training_job(job)

    assert (scene.job(job.id)["stage"], scene.job(job.id)["progress"]) == ("train", 0.25)


def test_progress_beyond_one_is_refused(scene: Scene) -> None:
    job = scene.running_job()

    with pytest.raises(InvalidRequest, match="progress_in_range"):
        scene.store.heartbeat_training_job(job, progress=1.5)


# Leases that are not held -------------------------------------------------------------------


def use(store: Store, job: ClaimedJob, action: str) -> object:
    match action:
        case "heartbeat":
            return store.heartbeat_training_job(job)
        case "release":
            return store.release_training_job(job)
        case _:
            return store.finish_training_job(job, ENDS[action])


@pytest.mark.parametrize("action", ["heartbeat", "release", *ENDS])
def test_a_late_worker_is_refused_and_changes_nothing(scene: Scene, action: str) -> None:
    late = scene.running_job()
    scene.owner.execute("update ml_training_jobs set lease_expires_at = now() - interval '1 s'")
    scene.store.sweep_lost_work("worker-2")
    assert scene.store.claim_training_job(late.id, "worker-2") is not None
    before = scene.everything()

    with pytest.raises(LeaseLost, match=str(late.id)):
        use(scene.store, late, action)

    assert scene.everything() == before


@pytest.mark.parametrize("action", ["heartbeat", "release", *ENDS])
def test_nobody_holds_a_queued_job(scene: Scene, action: str) -> None:
    job = scene.running_job()
    scene.store.release_training_job(job)
    before = scene.everything()

    with pytest.raises(LeaseLost):
        use(scene.store, job, action)

    assert scene.everything() == before


@pytest.mark.parametrize("action", ["heartbeat", "release", *ENDS])
def test_a_job_that_is_not_there_is_named(scene: Scene, action: str) -> None:
    missing = replace(scene.running_job(), id=uuid4())

    with pytest.raises(NotFound, match=str(missing.id)):
        use(scene.store, missing, action)


def test_no_token_is_not_a_lease(scene: Scene) -> None:
    job = scene.running_job()

    for function in ("heartbeat_training_job", "release_training_job"):
        with pytest.raises(LeaseLost):
            scene.database.call(function, {"p_id": job.id, "p_lease_token": None})


# Ends ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", ENDS)
def test_a_running_job_ends(scene: Scene, end: str) -> None:
    job = scene.running_job()

    answer = scene.store.finish_training_job(job, ENDS[end])

    row = scene.job(job.id)
    assert answer["status"] == row["status"] == row["stage"] == end
    assert row["finished_at"] is not None
    assert row["lease_token"] is None
    assert "lease_token" not in answer
    assert row["progress"] == (1 if end in {"succeeded", "skipped"} else 0)
    assert row["skip_reason"] == ENDS[end].get("skip_reason")
    assert row["error"] == ENDS[end].get("error")


@pytest.mark.parametrize("end", ENDS)
def test_a_job_ends_once(scene: Scene, end: str) -> None:
    job = scene.running_job()
    scene.store.finish_training_job(job, ENDS["cancelled"])
    before = scene.everything()

    with pytest.raises(LeaseLost):
        scene.store.finish_training_job(job, ENDS[end])

    assert scene.everything() == before


@pytest.mark.parametrize("status", ["queued", "running"])
def test_a_job_cannot_finish_as_unfinished(scene: Scene, status: str) -> None:
    job = scene.running_job()

    with pytest.raises(IllegalTransition, match=f"finish as {status}"):
        scene.store.finish_training_job(job, {"status": status})

    assert scene.job(job.id)["status"] == "running"


BAD_OUTCOMES: dict[str, Row] = {
    "no status": {},
    "an unknown status": {"status": "done"},
    "a failure without an error": {"status": "failed"},
    "a skip without a reason": {"status": "skipped"},
    "a success without a model": {"status": "succeeded"},
    "a hash that is none": {
        "status": "succeeded",
        "quality": quality(),
        "model": trained_model(artifact_hash="0xdead"),
    },
    "an unknown verdict": {
        "status": "succeeded",
        "quality": quality(),
        "model": trained_model(),
        "validation": judgement("perhaps"),
    },
    "a rejected model that deploys itself": {
        "status": "succeeded",
        "model": trained_model(),
        "validation": judgement("rejected", auto_deployable=True),
    },
    "a score over one": {
        "status": "succeeded",
        "quality": quality(score=1.1),
        "model": trained_model(),
    },
}


@pytest.mark.parametrize("what", BAD_OUTCOMES)
def test_a_bad_outcome_leaves_everything_as_it_was(scene: Scene, what: str) -> None:
    champion = scene.champion()
    job = scene.running_job()
    outcome = {"check": check_of(champion), **BAD_OUTCOMES[what]}
    before = scene.everything()

    with pytest.raises(RefitError):
        scene.store.finish_training_job(job, outcome)

    assert scene.everything() == before
    assert scene.store.finish_training_job(job, ENDS["succeeded"])["status"] == "succeeded"


def test_everything_that_came_of_a_job_is_written_at_once(scene: Scene) -> None:
    champion = scene.champion()
    job = scene.running_job()

    answer = scene.store.finish_training_job(
        job,
        {
            "status": "succeeded",
            "check": check_of(champion),
            "quality": quality(score=0.75),
            "fingerprint": {"rows": 1000},
            "model": trained_model("better"),
            "validation": judgement(champion_deployment_id=str(champion["id"])),
        },
    )

    result = answer["result"]
    assert result["deployed"] is True
    assert result["verdict"] == "approved"
    model = scene.row("select * from ml_models where id = %s", result["model_id"])
    assert (model["version"], model["status"]) == (2, "approved")
    assert model["artifact_hash"] == digest("better")
    assert scene.champion_id() == result["deployment_id"]
    metric = scene.row("select * from ml_performance_metrics")
    assert (metric["training_job_id"], metric["value"]) == (job.id, 0.7)
    score = scene.row("select score, training_job_id from ml_training_data_quality")
    assert score == {"score": 0.75, "training_job_id": job.id}
    shown = scene.store.get_training_job(job.id)
    assert shown["validation"]["confidence_interval"] == [0.01, 0.09]
    assert shown["check_result"]["current"] == 0.7


# Trying again -------------------------------------------------------------------------------


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
    scene.store.finish_training_job(failed, ENDS["failed"])

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


# Sweeping -----------------------------------------------------------------------------------


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


# Cancelling ---------------------------------------------------------------------------------


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
    scene.store.finish_training_job(job, ENDS[end])

    with pytest.raises(IllegalTransition, match=f"has ended: {end}"):
        scene.store.cancel_job(job.id)


def test_a_job_that_is_not_there_is_not_cancelled(scene: Scene) -> None:
    with pytest.raises(NotFound):
        scene.store.cancel_job(uuid4())


# Asking -------------------------------------------------------------------------------------


def test_a_second_request_joins_the_active_job(scene: Scene) -> None:
    first = scene.store.trigger_retraining(model_types=["churn"])["jobs"]
    second = scene.store.trigger_retraining(model_types=["churn"])["jobs"]

    assert [j["coalesced"] for j in first + second] == [False, True]
    assert first[0]["id"] == second[0]["id"]
    assert len(scene.rows("select from ml_training_jobs")) == 1


def test_a_second_request_strengthens_a_queued_job(scene: Scene) -> None:
    job_id = scene.queued_job()

    scene.store.trigger_retraining(model_types=["churn"], force=True, override_limits=True)

    row = scene.job(job_id)
    assert (row["force"], row["override_limits"]) == (True, True)


def test_a_second_request_does_not_weaken_a_queued_job(scene: Scene) -> None:
    job_id = scene.queued_job(force=True)

    scene.store.trigger_retraining(model_types=["churn"])

    assert scene.job(job_id)["force"] is True


def test_a_second_request_cannot_change_a_running_job(scene: Scene) -> None:
    job = scene.running_job()

    answer = scene.store.trigger_retraining(model_types=["churn"], force=True)

    assert answer["jobs"][0]["status"] == "running"
    assert scene.job(job.id)["force"] is False


def test_everybody_who_asked_is_called_once(scene: Scene) -> None:
    job_id = scene.queued_job(webhook_url="https://example.org/a")
    for url in ("https://example.org/b", "https://example.org/a"):
        scene.store.trigger_retraining(model_types=["churn"], webhook_url=url)

    scene.store.cancel_job(job_id)

    called = scene.rows("select url from ml_webhook_deliveries order by url")
    assert [c["url"] for c in called] == ["https://example.org/a", "https://example.org/b"]


def test_each_environment_has_a_job_of_its_own(scene: Scene) -> None:
    jobs = {
        scene.queued_job(environment=e) for e in (Environment.STAGING, Environment.PRODUCTION)
    }

    assert len(jobs) == 2


def test_one_active_job_per_type_and_environment_is_the_tables_own_rule(scene: Scene) -> None:
    scene.queued_job()

    with pytest.raises(Exception, match="ml_training_jobs_one_active"):
        scene.owner.execute(
            "insert into ml_training_jobs (model_type, environment, requested_by) "
            "values ('churn', 'production', '{}')"
        )


def test_a_new_job_follows_one_that_has_ended(scene: Scene) -> None:
    first = scene.queued_job()
    scene.store.cancel_job(first)

    assert scene.queued_job() != first


def test_no_names_mean_every_enabled_type(scene: Scene) -> None:
    scene.model_type("visits")
    scene.model_type("retired", enabled=False)

    jobs = scene.store.trigger_retraining()["jobs"]

    assert [j["model_type"] for j in jobs] == ["churn", "visits"]


def test_a_type_named_twice_gets_one_job(scene: Scene) -> None:
    jobs = scene.store.trigger_retraining(model_types=["churn", "churn"])["jobs"]

    assert len(jobs) == 1


BAD_REQUESTS: dict[str, tuple[Row, str]] = {
    "an unknown type": ({"model_types": ["churn", "chrun"]}, "no model type chrun.*Known: churn"),
    "no type": ({"model_types": []}, "model_types is empty"),
    "a disabled type": ({"model_types": ["churn", "retired"]}, "retired is disabled"),
    "deploying without proof": ({"auto_validate": False}, "auto_deploy needs auto_validate"),
    "a callback that is no address": ({"webhook_url": "ftp://example.org"}, "webhook_url"),
    "a callback that is too long": (
        {"webhook_url": "https://example.org/" + "x" * 2000},
        "webhook_url",
    ),
    "a long reason": ({"reason": "x" * 1001}, "reason must have at most 1000 characters"),
    "a trigger that is no word": ({"trigger": "<b>"}, "trigger must be a word"),
}


@pytest.mark.parametrize("what", BAD_REQUESTS)
def test_a_bad_request_names_what_is_wrong_and_changes_nothing(scene: Scene, what: str) -> None:
    scene.model_type("retired", enabled=False)
    arguments, message = BAD_REQUESTS[what]
    before = scene.everything()

    with pytest.raises(InvalidRequest, match=message):
        scene.store.trigger_retraining(**arguments)

    assert scene.everything() == before


def test_a_request_for_everything_needs_a_type(scene: Scene) -> None:
    scene.store.update_model_type("churn", {"enabled": False})

    with pytest.raises(InvalidRequest, match="no enabled model type"):
        scene.store.trigger_retraining()
