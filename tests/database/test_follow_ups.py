"""What is asked for while a job runs that cannot do it any more: it waits, and is never lost."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from core.domain import ClaimedJob, Role
from core.errors import Conflict
from core.store import Store
from tests.database.factories import FAILURE, JOB_ENDS, WORKER, Row, Scene, actor

THEN = datetime(2020, 5, 1, tzinfo=UTC)
JUNE = datetime(2020, 6, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def churn(scene: Scene) -> None:
    scene.model_type("churn")


def ask(store: Store, model_type: str = "churn", **changes: Any) -> Row:
    """What a request is told."""
    (job,) = store.trigger_retraining(model_types=[model_type], **changes)["jobs"]
    return dict(job)


def active(scene: Scene) -> list[Row]:
    return scene.rows("select * from ml_training_jobs where status in ('queued', 'running')")


def follow_up(scene: Scene, job: ClaimedJob) -> Row | None:
    found: Row | None = scene.job(job.id)["follow_up"]
    return found


@pytest.mark.parametrize("end", JOB_ENDS)
def test_a_forced_request_follows_a_running_check_however_that_ends(scene: Scene, end: str) -> None:
    job = scene.running_job()

    told = ask(
        scene.as_role(Role.OPERATOR),
        force=True,
        auto_deploy=False,
        reason="The rows were mended.",
        request_id="r-2",
    )
    assert (told["id"], told["status"], told["coalesced"]) == (str(job.id), "running", True)
    waiting = follow_up(scene, job)
    assert waiting is not None
    answer = scene.store.finish_training_job(job, JOB_ENDS[end])

    assert answer["status"] == end
    (queued,) = active(scene)
    assert str(queued["id"]) == answer["follow_up_id"] == waiting["id"]
    assert (queued["status"], queued["force"], queued["auto_deploy"]) == ("queued", True, False)
    assert (queued["reason"], queued["request_id"]) == ("The rows were mended.", "r-2")
    assert queued["requested_by"] == actor(Role.OPERATOR).as_json()
    assert scene.store.claim_training_job(queued["id"], WORKER) is not None


def test_a_job_that_nothing_waits_for_is_followed_by_nothing(scene: Scene) -> None:
    job = scene.running_job()
    ask(scene.store)

    assert follow_up(scene, job) is None
    assert scene.store.finish_training_job(job, JOB_ENDS["skipped"])["follow_up_id"] is None
    assert active(scene) == []


@pytest.mark.parametrize("way", ["finish", "release", "sweep"])
def test_a_request_after_the_cancel_is_not_cancelled_with_the_job(scene: Scene, way: str) -> None:
    job = scene.running_job(force=True)
    scene.store.cancel_job(job.id)

    ask(scene.store)
    if way == "finish":
        scene.store.finish_training_job(job, JOB_ENDS["cancelled"])
    elif way == "release":
        scene.store.release_training_job(job)
    else:
        scene.owner.execute("update ml_training_jobs set lease_expires_at = now() - interval '1 s'")
        scene.store.sweep_lost_work("worker-2")

    assert scene.job(job.id)["status"] == "cancelled"
    (queued,) = active(scene)
    assert (queued["status"], queued["force"]) == ("queued", False)
    scene.owner.execute("update ml_training_jobs set queued_at = queued_at - interval '6 s'")
    assert scene.store.sweep_lost_work(WORKER) == [{"actor": "retrain", "id": str(queued["id"])}]


def test_what_follows_waits_while_its_job_is_tried_again(scene: Scene) -> None:
    job = scene.running_job()
    ask(scene.store, force=True)

    again = scene.store.finish_training_job(
        job, {"status": "failed", "retry": True, "error": FAILURE}
    )
    assert [(a["id"], a["status"]) for a in active(scene)] == [(job.id, "queued")]
    assert again["follow_up"]["force"] is True
    scene.lost_job(job.id)
    scene.store.sweep_lost_work("worker-2")
    scene.lost_job(job.id)
    scene.store.sweep_lost_work("worker-2")

    assert scene.job(job.id)["status"] == "failed"
    assert [(a["status"], a["force"]) for a in active(scene)] == [("queued", True)]


def test_what_follows_a_queued_job_starts_when_that_is_cancelled_and_can_be_cancelled_itself(
    scene: Scene,
) -> None:
    job = scene.running_job()
    ask(scene.store, force=True)
    scene.store.release_training_job(job)

    cancelled = scene.store.cancel_job(job.id)["job"]

    (queued,) = active(scene)
    assert cancelled["follow_up"]["id"] == str(queued["id"])
    scene.store.cancel_job(queued["id"])
    assert active(scene) == []


@pytest.mark.parametrize(
    ("running", "asked"),
    [
        ({}, {}),
        ({"force": True}, {}),
        ({"force": True}, {"force": True}),
        ({}, {"auto_deploy": False}),
        ({}, {"auto_deploy": False, "auto_validate": False}),
        ({"override_limits": True}, {"override_limits": True}),
    ],
)
def test_a_running_job_serves_who_asks_for_no_more(scene: Scene, running: Row, asked: Row) -> None:
    job = scene.running_job(**running)

    assert ask(scene.store, **asked)["coalesced"] is True

    assert follow_up(scene, job) is None


@pytest.mark.parametrize(
    ("running", "asked"),
    [
        ({}, {"force": True}),
        ({}, {"override_limits": True}),
        ({"auto_deploy": False}, {}),
        ({"auto_deploy": False, "auto_validate": False}, {"auto_deploy": False}),
    ],
)
def test_who_asks_for_more_is_served_by_what_follows(
    scene: Scene, running: Row, asked: Row
) -> None:
    job = scene.running_job(**running)

    ask(scene.store, **asked)

    waiting = follow_up(scene, job)
    assert waiting is not None
    assert {name: waiting[name] for name in asked} == asked


def test_requests_that_wait_become_one(scene: Scene) -> None:
    job = scene.running_job()
    scene.store.cancel_job(job.id)
    ask(scene.store, auto_validate=False, auto_deploy=False)
    first = follow_up(scene, job)

    ask(scene.store, force=True)

    waiting = follow_up(scene, job)
    assert first is not None
    assert waiting is not None
    assert waiting["id"] == first["id"]
    wishes = ("force", "override_limits", "auto_validate", "auto_deploy")
    assert [waiting[name] for name in wishes] == [True, False, True, False]
    scene.store.finish_training_job(job, JOB_ENDS["cancelled"])
    assert len(active(scene)) == 1


def test_who_waits_is_called_when_what_follows_has_ended(scene: Scene) -> None:
    job = scene.running_job(webhook_url="https://example.org/both")
    ask(scene.store, webhook_url="https://example.org/check")
    for url in ("https://example.org/both", "https://example.org/forced"):
        ask(scene.store, force=True, webhook_url=url)

    answer = scene.store.finish_training_job(job, JOB_ENDS["skipped"])
    called = "select url from ml_webhook_deliveries where training_job_id = %s order by url"

    assert [c["url"][20:] for c in scene.rows(called, job.id)] == ["both", "check"]
    scene.store.cancel_job(UUID(answer["follow_up_id"]))
    followed = scene.rows(called, answer["follow_up_id"])
    assert [c["url"][20:] for c in followed] == ["both", "forced"]


def test_what_waits_is_shown_and_audited_without_the_address(scene: Scene) -> None:
    job = scene.running_job()
    ask(scene.store, force=True, webhook_url="https://example.org/secret")

    shown = scene.as_user("viewer").get_training_job(job.id)

    assert shown["follow_up"]["force"] is True
    assert "secret" not in str(shown)
    audit = scene.row("select * from workflow_audit_logs where after ? 'follow_up' limit 1")
    assert "secret" not in str(audit)


# Another time --------------------------------------------------------------------------------


def test_a_queued_job_is_not_joined_by_who_judges_by_another_time(scene: Scene) -> None:
    scene.model_type("replayed", replay=True)
    scene.queued_job("replayed", as_of=THEN)
    before = scene.everything()

    for as_of in (JUNE, None):
        with pytest.raises(Conflict, match=r"a training is waiting .* as of 2020-05-01"):
            ask(scene.store, "replayed", as_of=as_of)
    assert scene.everything() == before
    assert ask(scene.store, "replayed", as_of=THEN)["coalesced"] is True


def test_another_time_follows_a_running_job_and_a_third_is_refused(scene: Scene) -> None:
    scene.model_type("replayed", replay=True)
    job = scene.running_job("replayed", as_of=THEN)

    ask(scene.store, "replayed", as_of=JUNE)
    with pytest.raises(Conflict, match=r"as_of now: a training is waiting .* as of 2020-06-01"):
        ask(scene.store, "replayed")
    answer = scene.store.finish_training_job(job, JOB_ENDS["skipped"])

    assert scene.job(answer["follow_up_id"])["as_of"] == JUNE
