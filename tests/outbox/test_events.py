"""Each thing that happens is written for people by the change itself, with its figures."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from core.domain import Environment, OperationKind, ScheduleKind
from core.errors import LeaseLost
from core.notifications.events import Event, Severity
from tests.database.factories import (
    JOB_ENDS,
    WORKER,
    Row,
    Scene,
    check_of,
    judgement,
    trained_model,
)
from tests.outbox.outbox import Outbox, channel


def finish(scene: Scene, validation: Row | None, **changes: Any) -> Row:
    """A training that succeeded; returns the job."""
    job = scene.running_job(force=True, **changes)
    scene.store.finish_training_job(
        job, {"status": "succeeded", "model": trained_model("next"), "validation": validation}
    )
    return scene.job(job.id)


def against(scene: Scene, verdict: str = "approved", **changes: Any) -> Row:
    return judgement(verdict, champion_deployment_id=scene.champion_id(), **changes)


def test_a_degradation_is_told_with_the_figures_of_the_check(outbox: Outbox, champion: Row) -> None:
    outbox.check(champion)

    (notice,) = outbox.told()

    assert (notice.event, notice.severity) == (Event.DEGRADATION, Severity.WARNING)
    assert (notice.model_type, notice.title) == ("churn", "Who leaves us")
    assert notice.environment is Environment.PRODUCTION
    assert notice.data.items() >= {
        "metric": "accuracy", "baseline": 0.8, "current": 0.7, "degradation": 0.1,
        "confidence_interval": [0.06, 0.14], "p_value": 0.0004, "samples": 500,
        "threshold": 0.03, "message": "Accuracy fell from 0.80 to 0.70.",
    }.items()  # fmt: skip
    assert (notice.occurrences, notice.resolved, notice.reminder) == (1, False, False)


def test_a_training_that_deployed_its_model_is_one_message(
    scene: Scene, outbox: Outbox, champion: Row
) -> None:
    job = finish(scene, against(scene))

    (notice,) = outbox.told()

    assert (notice.event, notice.severity) == (Event.TRAINING_SUCCEEDED, Severity.INFO)
    assert notice.job_id == job["id"]
    assert str(notice.deployment_id) == job["result"]["deployment_id"]
    assert notice.data.items() >= {
        "outcome": "deployed", "model_version": 2, "previous_version": 1, "metric": "accuracy",
        "value": 0.8, "improvement": 0.05, "confidence_interval": [0.01, 0.09], "samples": 600,
        "requested_by": "an admin's key", "trigger": "manual", "forced": True,
    }.items()  # fmt: skip


def test_a_channel_that_hears_of_deployments_alone_hears_of_a_trainings(
    scene: Scene, outbox: Outbox, champion: Row
) -> None:
    finish(scene, against(scene))

    (notice,) = outbox.told(channel("ops", events=["deployed"]))

    assert notice.event is Event.DEPLOYED
    assert notice.data["model_version"] == 2


@pytest.mark.parametrize("verdict", ["rejected", "inconclusive"])
def test_a_training_whose_model_is_no_better_says_so(
    scene: Scene, outbox: Outbox, champion: Row, verdict: str
) -> None:
    finish(scene, against(scene, verdict))

    (notice,) = outbox.told()

    assert notice.event is Event.TRAINING_SUCCEEDED
    assert notice.data["outcome"] == verdict
    assert notice.data["reason"] == f"It is {verdict}."


def test_a_training_without_a_validation_says_so(
    scene: Scene, outbox: Outbox, champion: Row
) -> None:
    finish(scene, None, auto_validate=False, auto_deploy=False)

    (notice,) = outbox.told()

    assert notice.data["outcome"] == "not_validated"


@pytest.mark.parametrize(
    ("auto_deploy", "auto_deployable", "because"),
    [(False, True, "auto_deploy_off"), (True, False, "below_threshold")],
)
def test_an_approved_model_that_waits_for_a_person_is_told_once(
    scene: Scene,
    outbox: Outbox,
    champion: Row,
    auto_deploy: bool,
    auto_deployable: bool,
    because: str,
) -> None:
    finish(scene, against(scene, auto_deployable=auto_deployable), auto_deploy=auto_deploy)

    (notice,) = outbox.told()

    assert (notice.event, notice.severity) == (Event.APPROVAL_NEEDED, Severity.WARNING)
    assert (notice.data["outcome"], notice.data["waits_because"]) == ("approved", because)


def test_a_channel_without_approvals_hears_that_the_training_succeeded(
    scene: Scene, outbox: Outbox, champion: Row
) -> None:
    finish(scene, against(scene), auto_deploy=False)

    (notice,) = outbox.told(channel(events=["training_succeeded"]))

    assert notice.data["outcome"] == "approved"


def test_what_somebody_deploys_is_told_and_nothing_waits_any_more(
    scene: Scene, outbox: Outbox, champion: Row
) -> None:
    challenger = scene.challenger()
    outbox.told()

    scene.deploy(challenger["id"], reason="It is time.")

    (notice,) = outbox.told()
    assert (notice.event, notice.job_id) == (Event.DEPLOYED, None)
    assert notice.data.items() >= {
        "model_version": 2, "previous_version": 1, "forced": False, "reason": "It is time.",
        "deployed_by": "an admin's key", "improvement": 0.05,
    }.items()  # fmt: skip
    (waited,) = outbox.notifications("approval_needed")
    assert waited["resolved_at"] is not None


def test_an_approval_is_not_asked_for_when_it_was_deployed_before_anybody_heard(
    scene: Scene, outbox: Outbox, champion: Row
) -> None:
    night = channel(quiet_until=(datetime.now(UTC) + timedelta(hours=8)).isoformat())
    challenger = scene.challenger()
    assert outbox.told(night) == []

    scene.deploy(challenger["id"])

    assert outbox.events() == [("deployed", "churn")]


def test_the_champion_again_is_no_news(scene: Scene, outbox: Outbox, champion: Row) -> None:
    scene.deploy(champion["model_id"])

    assert outbox.told() == []


def test_a_roll_back_is_told(scene: Scene, outbox: Outbox, champion: Row) -> None:
    scene.champion(text="second")
    outbox.told()

    scene.store.rollback_model("churn", reason="Complaints.")

    (notice,) = outbox.told()
    assert (notice.event, notice.severity) == (Event.ROLLED_BACK, Severity.WARNING)
    assert notice.data.items() >= {
        "model_version": 1, "previous_version": 2, "reason": "Complaints.",
        "deployed_by": "an admin's key",
    }.items()  # fmt: skip


def test_a_training_that_fails_is_told_at_its_end(outbox: Outbox, champion: Row) -> None:
    outbox.fail()

    (notice,) = outbox.told()

    assert (notice.event, notice.severity) == (Event.TRAINING_FAILED, Severity.CRITICAL)
    assert notice.data["message"] == "The column price is not there."
    assert notice.job_id is not None


def test_data_that_no_model_can_be_trained_from_are_told(
    scene: Scene, outbox: Outbox, champion: Row
) -> None:
    scene.store.finish_training_job(scene.running_job(), JOB_ENDS["failed"])

    (notice,) = outbox.told()

    assert notice.event is Event.DATA_QUALITY


def test_a_training_that_is_tried_again_is_not_told(
    scene: Scene, outbox: Outbox, champion: Row
) -> None:
    scene.store.finish_training_job(scene.running_job(), {**JOB_ENDS["failed"], "retry": True})

    assert outbox.told() == []


def test_a_third_lost_worker_is_told(scene: Scene, outbox: Outbox, champion: Row) -> None:
    job_id = scene.queued_job()
    for _ in range(3):
        scene.lost_job(job_id)
        scene.database.call("sweep_lost_work", {"p_worker": "sweeper"})

    (notice,) = outbox.told()

    assert notice.event is Event.TRAINING_FAILED
    assert notice.data["attempts"] == 3


def test_a_champion_that_does_not_predict_as_it_did_is_told(
    scene: Scene, outbox: Outbox, champion: Row
) -> None:
    scene.store.report_artifact_mismatch(
        champion["id"], worker=WORKER, message="It predicts otherwise."
    )

    (notice,) = outbox.told()

    assert (notice.event, notice.severity) == (Event.DEPLOYMENT_FAILED, Severity.CRITICAL)
    assert notice.data["kind"] == "artifact_mismatch"


def test_a_deployment_that_somebody_asked_for_and_fails_is_told(
    scene: Scene, outbox: Outbox, champion: Row
) -> None:
    challenger = scene.challenger()
    outbox.told()
    operation = scene.running_operation(OperationKind.DEPLOYMENT, model_ids=[challenger["id"]])
    error = {"type": "artifact", "status": 500, "detail": "Its file is gone."}

    scene.store.finish_operation(
        operation,
        {
            "status": "succeeded",
            "errors": [{"model_type": "churn", "model_id": str(challenger["id"]), **error}],
        },
    )

    (notice,) = outbox.told()
    assert notice.event is Event.DEPLOYMENT_FAILED
    assert notice.data.items() >= {"message": "Its file is gone.", "model_version": 2}.items()


def test_a_swap_that_is_refused_at_the_end_of_a_training_is_told_with_its_job(
    scene: Scene, outbox: Outbox, champion: Row
) -> None:
    challenger = scene.challenger()
    job = scene.running_job(force=True)
    stale = against(scene)
    scene.deploy(challenger["id"])
    outbox.told()

    scene.store.finish_training_job(
        job, {"status": "succeeded", "model": trained_model("late"), "validation": stale}
    )

    notices = {notice.event: notice for notice in outbox.told()}
    assert set(notices) == {Event.DEPLOYMENT_FAILED, Event.TRAINING_SUCCEEDED}
    assert notices[Event.DEPLOYMENT_FAILED].job_id == job.id
    assert notices[Event.TRAINING_SUCCEEDED].data["outcome"] == "deployment_failed"


def test_a_healthy_check_a_skipped_and_a_cancelled_job_are_no_news(
    scene: Scene, outbox: Outbox, champion: Row
) -> None:
    outbox.check(champion, "healthy")
    scene.store.finish_training_job(scene.running_job(), JOB_ENDS["skipped"])
    scene.store.cancel_job(scene.queued_job())

    assert outbox.told() == []


def advance(scene: Scene, schedule_id: object, late: timedelta) -> None:
    """A tick that comes so late after the slot."""
    due = datetime.now(UTC) - late
    scene.owner.execute(
        "update ml_retraining_schedules set next_run_at = %s where id = %s", (due, schedule_id)
    )
    schedule = scene.row("select * from ml_retraining_schedules where id = %s", schedule_id)
    scene.store.advance_schedule(
        {**schedule, "id": str(schedule["id"]), "next_run_at": due.isoformat()},
        next_run_at=datetime.now(UTC) + timedelta(hours=4),
        worker=WORKER,
    )


def checking_schedule(scene: Scene, model_type: str) -> object:
    return scene.row(
        "select id from ml_retraining_schedules where model_type = %s and kind = %s",
        model_type,
        ScheduleKind.PERFORMANCE_CHECK,
    )["id"]


def test_a_slot_that_nobody_started_is_told_once_and_ended_by_one_in_time(
    scene: Scene, outbox: Outbox, champion: Row
) -> None:
    schedule = checking_schedule(scene, "churn")
    advance(scene, schedule, timedelta(minutes=14))
    assert outbox.told() == []

    advance(scene, schedule, timedelta(hours=3))
    (missed,) = outbox.told()
    advance(scene, schedule, timedelta(hours=2))
    assert outbox.told() == []
    advance(scene, schedule, timedelta(0))
    outbox.settle()
    (over,) = outbox.told()

    assert (missed.event, missed.severity) == (Event.SCHEDULE_MISSED, Severity.WARNING)
    assert missed.data["cron"] == "0 */4 * * *"
    assert 3 * 3600 <= missed.data["late_seconds"] < 3 * 3600 + 60
    assert (over.resolved, over.occurrences) == (True, 2)


def test_slots_of_several_model_types_that_nobody_started_are_one_message(
    scene: Scene, outbox: Outbox, champion: Row
) -> None:
    for name in ("churn", scene.model_type("sales"), scene.model_type("visits")):
        advance(scene, checking_schedule(scene, name), timedelta(hours=1))

    (notice,) = outbox.told()

    assert (notice.model_type, notice.title) == (None, None)
    assert notice.data["model_types"] == ["Who leaves us", "sales", "visits"]


def test_a_model_type_that_replays_the_past_tells_nobody(scene: Scene, outbox: Outbox) -> None:
    scene.model_type("churn", replay=True)
    champion = scene.champion()
    outbox.check(champion)
    outbox.fail()
    scene.store.finish_training_job(scene.running_job(), JOB_ENDS["failed"])

    assert outbox.notifications() == []


def test_what_is_undone_is_not_told(scene: Scene, outbox: Outbox, champion: Row) -> None:
    job = scene.running_job()
    scene.owner.execute(
        "update ml_training_jobs set lease_token = gen_random_uuid() where id = %s", (job.id,)
    )

    with pytest.raises(LeaseLost):
        scene.store.finish_training_job(job, JOB_ENDS["failed"])

    assert outbox.told() == []


def test_a_change_that_cannot_be_told_is_not_made(
    scene: Scene, outbox: Outbox, champion: Row
) -> None:
    scene.owner.execute(
        "alter table ml_notifications add constraint nothing check (event <> 'training_failed')"
    )
    job = scene.running_job()

    with pytest.raises(Exception, match="nothing"):
        scene.store.finish_training_job(
            job, {"status": "failed", "error": {"type": "x", "status": 500, "detail": "No."}}
        )

    assert scene.job(job.id)["status"] == "running"
    assert scene.alerts() == []


def test_what_is_over_before_it_could_be_told_is_told_once(outbox: Outbox, champion: Row) -> None:
    outbox.check(champion)
    outbox.check(champion, "healthy")
    outbox.settle()

    (notice,) = outbox.told()

    assert (notice.resolved, notice.resolved_at is not None) == (False, True)
    assert outbox.told() == []


def test_a_job_that_finds_a_degradation_and_mends_it_is_one_message(
    scene: Scene, outbox: Outbox, champion: Row
) -> None:
    job = scene.running_job()
    scene.store.finish_training_job(
        job,
        {
            "status": "succeeded",
            "check": check_of(champion),
            "model": trained_model("next"),
            "validation": against(scene),
        },
    )

    (notice,) = outbox.told()
    outbox.settle()
    (alone,) = outbox.told(channel("science", events=["degradation"]))

    assert notice.event is Event.TRAINING_SUCCEEDED
    assert notice.data["check"]["degradation"] == 0.1
    assert (alone.event, alone.job_id) == (Event.DEGRADATION, job.id)
    assert alone.resolved_at is not None


def test_the_events_and_severities_of_python_are_those_of_the_database(
    database_url: str,
) -> None:
    with psycopg.connect(database_url) as connection:
        rows = connection.execute(
            "select conname, pg_get_constraintdef(oid) from pg_constraint "
            "where conrelid = 'public.ml_notifications'::regclass"
        ).fetchall()
    known: dict[str, str] = dict(rows)

    events = known["ml_notifications_event_is_known"]
    assert {part for part in events.split("'") if part.replace("_", "").isalpha()} >= set(Event)
    for severity in Severity:
        assert f"'{severity}'" in known["ml_notifications_severity_is_known"]
