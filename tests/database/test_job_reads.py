"""What the pages about training jobs are told: stages, who joined, what belongs to a job."""

from __future__ import annotations

from uuid import UUID

import pytest

from core.domain import Environment, JobStatus, Role
from core.errors import InvalidRequest, NotFound
from tests.database.factories import FAILURE, WORKER, Row, Scene, judgement, trained_model


@pytest.fixture(autouse=True)
def churn(scene: Scene) -> None:
    scene.model_type("churn", title="Who will leave")


def stages(scene: Scene, job_id: UUID) -> list[tuple[str, int]]:
    found = scene.store.get_job_details(job_id)["stages"]
    assert [s["began_at"] for s in found] == sorted(s["began_at"] for s in found)
    return [(s["stage"], s["attempt"]) for s in found]


def test_every_stage_is_kept_as_it_begins_and_none_twice(scene: Scene) -> None:
    job = scene.running_job()
    for stage in ("check", "load", "load", "train"):
        scene.store.heartbeat_training_job(job, stage=stage, progress=0.5)
    scene.store.heartbeat_training_job(job)
    scene.store.finish_training_job(job, {"status": "succeeded", "model": trained_model()})

    assert stages(scene, job.id) == [
        ("queued", 0),
        ("check", 1),
        ("load", 1),
        ("train", 1),
        ("succeeded", 1),
    ]


def test_a_second_attempt_has_stages_of_its_own(scene: Scene) -> None:
    job_id = scene.queued_job()
    scene.lost_job(job_id)
    scene.store.sweep_lost_work(WORKER)
    assert scene.store.claim_training_job(job_id, WORKER) is not None

    assert stages(scene, job_id) == [("queued", 0), ("check", 1), ("queued", 1), ("check", 2)]


def test_a_request_that_joins_a_job_is_on_its_record(scene: Scene) -> None:
    job_id = scene.queued_job(request_id="first")
    scene.as_role(Role.OPERATOR).trigger_retraining(
        model_types=["churn"], reason="The campaign begins.", request_id="second"
    )

    (joined,) = scene.store.get_job_details(job_id)["joined"]
    assert joined["requested_by"]["name"] == "the operator's key"
    assert (joined["reason"], joined["for_follow_up"]) == ("The campaign begins.", False)
    for request, joins in (("first", False), ("second", True)):
        (asked,) = scene.store.list_requested_jobs(request)
        assert (asked["id"], asked["joined"]) == (str(job_id), joins)
        assert (asked["title"], asked["status"]) == ("Who will leave", "queued")
    assert scene.store.list_requested_jobs("another") == []


def test_what_follows_a_job_knows_who_asked_for_it_meanwhile(scene: Scene) -> None:
    first = scene.running_job()
    for request in ("second", "third"):
        scene.store.trigger_retraining(model_types=["churn"], force=True, request_id=request)

    before = scene.store.get_job_details(first.id)
    assert [one["for_follow_up"] for one in before["joined"]] == [True, True]
    assert before["follow_up_job"] is None
    (asked,) = scene.store.list_requested_jobs("second")
    assert (asked["id"], asked["joined"], asked["for_follow_up"]) == (str(first.id), True, True)

    end = {"status": "failed", "error": FAILURE}
    following = scene.store.finish_training_job(first, end)["follow_up_id"]
    after = scene.store.get_job_details(UUID(following))
    assert after["before_id"] == str(first.id)
    assert [one["for_follow_up"] for one in after["joined"]] == [False, False]
    assert scene.store.get_job_details(first.id)["follow_up_job"] == {
        "id": following,
        "status": "queued",
    }
    for request in ("second", "third"):
        (asked,) = scene.store.list_requested_jobs(request)
        assert (asked["id"], asked["joined"], asked["for_follow_up"]) == (following, True, False)


def test_the_record_of_who_joined_is_bounded(scene: Scene) -> None:
    job_id = scene.queued_job()
    for _ in range(101):
        scene.store.trigger_retraining(model_types=["churn"])

    assert len(scene.store.get_job_details(job_id)["joined"]) == 100


def test_a_job_is_told_with_all_that_belongs_to_it(scene: Scene) -> None:
    job = scene.running_job(
        force=True, auto_deploy=False, webhook_url="https://user:pass@n8n.example.org/secret?s=1"
    )
    lines = [{"message": f"line {number}"} for number in range(201)]
    scene.store.heartbeat_training_job(job, lines=lines)
    scene.store.finish_training_job(
        job, {"status": "succeeded", "model": trained_model(), "validation": judgement()}
    )

    told = scene.store.get_job_details(job.id)

    assert (told["title"], told["metric"], told["status"]) == (
        *("Who will leave", "accuracy"),
        "succeeded",
    )
    assert (told["model"]["version"], told["model"]["serves"]) == (1, [])
    assert [gate["name"] for gate in told["validation"]["gates"]] == ["enough_rows"]
    assert [line["message"] for line in told["log"]] == [f"line {n}" for n in range(1, 201)]
    assert told["log_lines"] == 201
    (delivery,) = told["deliveries"]
    assert (delivery["origin"], delivery["status"]) == ("https://n8n.example.org", "pending")
    assert "secret" not in str(told)
    assert told["cancelled_by"] is None
    # Row level security lets a signed-in viewer see the same.
    seen = scene.as_user("viewer").get_job_details(job.id)
    assert {**seen, "now": None} == {**told, "now": None}


def test_a_cancelled_job_says_who_cancelled_it(scene: Scene) -> None:
    job_id = scene.queued_job()
    scene.as_role(Role.OPERATOR).cancel_job(job_id)

    assert scene.store.get_job_details(job_id)["cancelled_by"]["name"] == "the operator's key"


def test_a_job_that_is_not_there_is_not_found(scene: Scene) -> None:
    missing = UUID("00000000-0000-4000-8000-000000000001")
    with pytest.raises(NotFound, match=str(missing)):
        scene.store.get_job_details(missing)


class TestSummaries:
    def test_they_are_filtered_and_walked_newest_first(self, scene: Scene) -> None:
        scene.model_type("spam")
        ended = [self._failed(scene) for _ in range(3)]
        waits = str(scene.queued_job("spam"))
        scene.queued_job("spam", environment=Environment.STAGING)

        def ids(**filters: object) -> list[str]:
            found: list[Row] = scene.store.list_job_summaries(**filters)["items"]  # type: ignore[arg-type]
            return [job["id"] for job in found]

        assert ids() == [waits, *reversed(ended)]
        assert ids(model_type="spam") == [waits]
        assert ids(status=JobStatus.FAILED) == list(reversed(ended))
        first = scene.store.list_job_summaries(limit=2)
        rest = scene.store.list_job_summaries(limit=2, cursor=first["next_cursor"])
        assert [job["id"] for job in first["items"] + rest["items"]] == ids()
        assert rest["next_cursor"] is None

    def test_they_come_with_titles_and_what_is_active(self, scene: Scene) -> None:
        scene.model_type("spam")
        scene.queued_job("spam")
        scene.queued_job("spam", environment=Environment.STAGING)

        found = scene.store.list_job_summaries(Environment.STAGING)
        assert found["active"] == 1
        assert [job["title"] for job in found["items"]] == ["spam"]
        assert found["model_types"] == [
            {"name": "spam", "title": "spam"},
            {"name": "churn", "title": "Who will leave"},
        ]

    def test_a_wrong_cursor_and_limit_are_refused(self, scene: Scene) -> None:
        with pytest.raises(InvalidRequest, match="cursor"):
            scene.store.list_job_summaries(cursor="nonsense")
        with pytest.raises(InvalidRequest, match="limit"):
            scene.store.list_job_summaries(limit=201)

    @staticmethod
    def _failed(scene: Scene) -> str:
        job = scene.running_job()
        scene.store.finish_training_job(job, {"status": "failed", "error": FAILURE})
        return str(job.id)
