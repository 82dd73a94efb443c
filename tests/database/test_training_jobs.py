"""A training job from the request to its end, and every way that is not allowed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from core.domain import ClaimedJob
from core.errors import IllegalTransition, InvalidRequest, LeaseLost, NotFound, RefitError
from core.store import Store
from tests.database.factories import (
    JOB_ENDS,
    WINDOW_END,
    WORKER,
    Row,
    Scene,
    check_of,
    digest,
    judgement,
    quality,
    trained_model,
)


@pytest.fixture(autouse=True)
def churn(scene: Scene) -> None:
    scene.model_type("churn")


# Claiming and holding ------------------------------------------------------------------------


def test_a_claimed_job_runs_under_a_lease_and_brings_what_a_worker_needs(scene: Scene) -> None:
    job_id = scene.queued_job(force=True)

    job = scene.store.claim_training_job(job_id, WORKER)

    assert job is not None
    assert (job.id, job.attempt, job.force) == (job_id, 1, True)
    assert job.model_type.feature_columns == ("plan", "visits")
    assert job.champion is None
    row = scene.job(job_id)
    assert (row["status"], row["stage"], row["lease_owner"]) == ("running", "check", WORKER)
    assert 25 < (row["lease_expires_at"] - row["started_at"]).total_seconds() <= 30.1


def test_a_claim_brings_the_champion(scene: Scene) -> None:
    champion = scene.champion()

    job = scene.running_job()

    assert job.champion is not None
    assert job.champion.deployment_id == champion["id"]
    assert job.champion.reference.value == 0.8


def test_a_claim_brings_the_last_attempt_that_its_own_time_knows(scene: Scene) -> None:
    scene.model_type("replayed", replay=True)
    scene.trained("replayed")
    before, after = (WINDOW_END + timedelta(days=days) for days in (-1, 1))

    seen = []
    for as_of in (before, WINDOW_END, after):
        job = scene.running_job("replayed", as_of=as_of)
        seen.append(job.last_attempt)
        scene.store.finish_training_job(job, JOB_ENDS["cancelled"])

    assert seen == [None, WINDOW_END, WINDOW_END]


def test_a_job_is_claimed_once(scene: Scene) -> None:
    job = scene.running_job()

    assert scene.store.claim_training_job(job.id, "worker-2") is None
    assert scene.job(job.id)["lease_owner"] == WORKER


def test_nothing_is_claimed_where_there_is_no_job(scene: Scene) -> None:
    assert scene.store.claim_training_job(uuid4(), WORKER) is None


@pytest.mark.parametrize("end", JOB_ENDS)
def test_a_job_that_has_ended_is_not_claimed(scene: Scene, end: str) -> None:
    job = scene.running_job()
    scene.store.finish_training_job(job, JOB_ENDS[end])

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


# Leases that are not held --------------------------------------------------------------------


def use(store: Store, job: ClaimedJob, action: str) -> None:
    match action:
        case "heartbeat":
            store.heartbeat_training_job(job)
        case "release":
            store.release_training_job(job)
        case _:
            store.finish_training_job(job, JOB_ENDS[action])


@pytest.mark.parametrize("action", ["heartbeat", "release", *JOB_ENDS])
def test_a_late_worker_is_refused_and_changes_nothing(scene: Scene, action: str) -> None:
    late = scene.running_job()
    scene.owner.execute("update ml_training_jobs set lease_expires_at = now() - interval '1 s'")
    scene.store.sweep_lost_work("worker-2")
    assert scene.store.claim_training_job(late.id, "worker-2") is not None
    before = scene.everything()

    with pytest.raises(LeaseLost, match=str(late.id)):
        use(scene.store, late, action)

    assert scene.everything() == before


@pytest.mark.parametrize("action", ["heartbeat", "release", *JOB_ENDS])
def test_nobody_holds_a_queued_job(scene: Scene, action: str) -> None:
    job = scene.running_job()
    scene.store.release_training_job(job)
    before = scene.everything()

    with pytest.raises(LeaseLost):
        use(scene.store, job, action)

    assert scene.everything() == before


@pytest.mark.parametrize("action", ["heartbeat", "release", *JOB_ENDS])
def test_a_job_that_is_not_there_is_named(scene: Scene, action: str) -> None:
    missing = replace(scene.running_job(), id=uuid4())

    with pytest.raises(NotFound, match=str(missing.id)):
        use(scene.store, missing, action)


def test_no_token_is_not_a_lease(scene: Scene) -> None:
    job = scene.running_job()

    for function in ("heartbeat_training_job", "release_training_job"):
        with pytest.raises(LeaseLost):
            scene.database.call(function, {"p_id": job.id, "p_lease_token": None})


# Ends ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", JOB_ENDS)
def test_a_running_job_ends(scene: Scene, end: str) -> None:
    job = scene.running_job()

    answer = scene.store.finish_training_job(job, JOB_ENDS[end])

    row = scene.job(job.id)
    assert answer["status"] == row["status"] == row["stage"] == end
    assert row["finished_at"] is not None
    assert row["lease_token"] is None
    assert "lease_token" not in answer
    assert row["progress"] == (1 if end in {"succeeded", "skipped"} else 0)
    assert row["skip_reason"] == JOB_ENDS[end].get("skip_reason")
    assert row["error"] == JOB_ENDS[end].get("error")


@pytest.mark.parametrize("end", JOB_ENDS)
def test_a_job_ends_once(scene: Scene, end: str) -> None:
    job = scene.running_job()
    scene.store.finish_training_job(job, JOB_ENDS["cancelled"])
    before = scene.everything()

    with pytest.raises(LeaseLost):
        scene.store.finish_training_job(job, JOB_ENDS[end])

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
    assert scene.store.finish_training_job(job, JOB_ENDS["succeeded"])["status"] == "succeeded"


def test_everything_that_came_of_a_job_is_written_at_once(scene: Scene) -> None:
    champion = scene.champion()
    job = scene.running_job()

    answer = scene.store.finish_training_job(
        job,
        {
            "status": "succeeded",
            "check": check_of(champion),
            "quality": quality(score=0.75) | {"details": {"missing": {"plan": 0.25}}},
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
    score = scene.row("select score, training_job_id, details from ml_training_data_quality")
    assert score == {
        "score": 0.75,
        "training_job_id": job.id,
        "details": {"missing": {"plan": 0.25}},
    }
    shown = scene.store.get_training_job(job.id)
    assert shown["validation"]["confidence_interval"] == [0.01, 0.09]
    assert shown["check_result"]["current"] == 0.7
