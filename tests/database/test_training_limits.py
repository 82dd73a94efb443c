"""How often a model type may be trained: cool-down and monthly budget."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any
from uuid import UUID

import pytest

from core.database import PostgresDatabase
from core.domain import ClaimedJob, Environment, Role
from core.errors import InvalidRequest, LeaseLost
from core.store import Store
from tests.database.factories import (
    ADMIN,
    WINDOW_END,
    WORKER,
    Row,
    Scene,
    digest,
    trained_model,
)

APRIL = datetime(2026, 4, 20, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def begin(scene: Scene, **changes: Any) -> tuple[ClaimedJob, Row]:
    job = scene.running_job(force=True, **changes)
    return job, scene.store.begin_training(job)


def train(scene: Scene, **changes: Any) -> Row:
    """A training that begins, if it may, and ends; returns what was answered."""
    job, answer = begin(scene, **changes)
    outcome = (
        {"status": "cancelled"}
        if answer["allowed"]
        else {"status": "skipped", "skip_reason": answer["reason"]}
    )
    scene.store.finish_training_job(job, outcome)
    return answer


def test_a_new_model_type_rests_an_hour_and_trains_a_hundred_times_a_month(scene: Scene) -> None:
    scene.model_type()
    found = scene.store.get_model_type("churn")

    assert (found.cool_down, found.monthly_retraining_budget) == (HOUR, 100)


def test_the_second_training_within_the_cool_down_is_refused(scene: Scene) -> None:
    scene.model_type()
    first = train(scene)
    second = train(scene)

    begun = scene.row(
        "select training_begun_at as at from ml_training_jobs where training_begun_at is not null"
    )["at"]
    assert first == {"allowed": True}
    assert second["allowed"] is False
    assert datetime.fromisoformat(second["until"]) == begun + HOUR
    assert second["reason"] == (
        f"cool_down: the last training began at {begun.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC; "
        f"the next may begin at {(begun + HOUR).astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC."
    )


def test_a_refusal_is_seen_in_the_job_in_the_audit_and_by_who_wanted_to_be_called(
    scene: Scene,
) -> None:
    scene.model_type()
    train(scene)
    job, answer = begin(scene, webhook_url="https://example.org/hook")

    ended = scene.store.finish_training_job(
        job, {"status": "skipped", "skip_reason": answer["reason"]}
    )

    assert (ended["status"], ended["skip_reason"]) == ("skipped", answer["reason"])
    audited = scene.row(
        "select after from workflow_audit_logs where entity_id = %s and action = %s",
        str(job.id),
        "training_job.skipped",
    )
    assert audited["after"]["skip_reason"] == answer["reason"]
    delivery = scene.row("select event, payload from ml_webhook_deliveries")
    assert (delivery["event"], delivery["payload"]["skip_reason"]) == (
        "training.skipped",
        answer["reason"],
    )


def test_override_limits_passes_and_counts(scene: Scene) -> None:
    scene.model_type(cool_down="0", monthly_retraining_budget=1)
    train(scene)

    assert train(scene, override_limits=True) == {"allowed": True}
    refused = train(scene)
    assert refused["reason"].startswith("monthly_retraining_budget: 2 of 1 trainings have begun")


def test_a_job_whose_worker_was_lost_goes_on_and_counts_once(scene: Scene) -> None:
    scene.model_type(monthly_retraining_budget=1)
    job, _ = begin(scene)
    scene.store.release_training_job(job)
    again = scene.store.claim_training_job(job.id, WORKER)
    assert again is not None

    assert scene.store.begin_training(again) == {"allowed": True}
    assert scene.store.begin_training(again) == {"allowed": True}


def test_only_who_holds_the_job_begins_its_training(scene: Scene) -> None:
    scene.model_type()
    job = scene.running_job()
    scene.store.release_training_job(job)
    scene.store.claim_training_job(job.id, WORKER)

    with pytest.raises(LeaseLost):
        scene.store.begin_training(job)


def test_environments_and_model_types_do_not_hold_each_other_up(scene: Scene) -> None:
    scene.model_type()
    scene.model_type("orders")
    train(scene)

    assert train(scene, model_type="orders")["allowed"]
    assert train(scene, environment=Environment.STAGING)["allowed"]
    assert not train(scene)["allowed"]


def test_a_check_that_did_not_train_holds_nothing_up(scene: Scene) -> None:
    scene.model_type(monthly_retraining_budget=1)
    job = scene.running_job()
    scene.store.finish_training_job(job, {"status": "skipped", "skip_reason": "Healthy."})

    assert train(scene)["allowed"]


def judged_import(scene: Scene) -> ClaimedJob:
    """The job that has judged a model which was brought, by rows up to a later time."""
    answer = scene.store.import_model("churn", artifact_hash=digest("made elsewhere"))
    job = scene.store.claim_training_job(UUID(answer["job"]["id"]), WORKER)
    assert job is not None
    assert scene.store.begin_training(job) == {"allowed": True}
    plan = trained_model()["plan"] | {"window_end": (WINDOW_END + 24 * HOUR).isoformat()}
    scene.store.finish_training_job(
        job, {"status": "succeeded", "model": trained_model("made elsewhere", plan=plan)}
    )
    return job


def test_a_model_that_was_brought_costs_no_budget_and_holds_nothing_up(scene: Scene) -> None:
    scene.model_type(monthly_retraining_budget=1)

    job = judged_import(scene)

    assert scene.job(job.id)["training_begun_at"] is None
    assert train(scene) == {"allowed": True}
    assert train(scene)["allowed"] is False


def test_a_model_that_was_brought_is_no_attempt_to_replace_the_champion(scene: Scene) -> None:
    scene.model_type(cool_down="0")
    scene.champion()
    before = scene.running_job(force=True)
    scene.store.finish_training_job(before, {"status": "cancelled"})
    assert before.last_attempt == WINDOW_END

    judged_import(scene)

    after = scene.running_job(force=True)
    assert after.last_attempt == WINDOW_END
    assert after.champion is not None
    assert after.champion.attempted_at is None
    assert scene.rows("select from private.training_attempts") == []


@pytest.mark.parametrize(
    ("later", "allowed"),
    [(HOUR - timedelta(seconds=1), False), (HOUR, True), (-timedelta(days=1), True)],
)
def test_a_replay_rests_by_its_own_clock(scene: Scene, later: timedelta, allowed: bool) -> None:
    scene.model_type(replay=True)
    train(scene, as_of=APRIL)

    assert train(scene, as_of=APRIL + later)["allowed"] is allowed


def test_a_budget_is_for_a_calendar_month(scene: Scene) -> None:
    scene.model_type(replay=True, cool_down="0", monthly_retraining_budget=2)
    end = datetime(2026, 4, 30, 23, 59, 59, tzinfo=UTC)

    assert [train(scene, as_of=APRIL + n * HOUR)["allowed"] for n in range(2)] == [True, True]
    refused = train(scene, as_of=end)
    assert refused["reason"] == (
        "monthly_retraining_budget: 2 of 2 trainings have begun this month; "
        "the next may begin at 2026-05-01 00:00:00 UTC."
    )
    assert datetime.fromisoformat(refused["until"]) == end + timedelta(seconds=1)
    assert train(scene, as_of=end + timedelta(seconds=1))["allowed"]


def test_a_budget_of_nothing_trains_never_and_none_always(scene: Scene) -> None:
    scene.model_type(cool_down="0", monthly_retraining_budget=0)
    assert not train(scene)["allowed"]

    scene.store.update_model_type("churn", {"monthly_retraining_budget": None})
    assert [train(scene)["allowed"] for _ in range(3)] == [True] * 3


def test_no_budget_may_be_said_at_once(scene: Scene) -> None:
    scene.model_type(monthly_retraining_budget=None)

    assert scene.store.get_model_type("churn").monthly_retraining_budget is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"cool_down": "-1 second"}, "cool_down must be between 0 and 5 years"),
        ({"monthly_retraining_budget": -1}, "monthly_retraining_budget must be between 0"),
        ({"monthly_retraining_budget": "many"}, "wrong kind"),
    ],
)
def test_a_limit_that_makes_no_sense_is_named(scene: Scene, changes: Row, message: str) -> None:
    scene.model_type("orders")

    with pytest.raises(InvalidRequest, match=message):
        scene.model_type(**changes)
    with pytest.raises(InvalidRequest, match=message):
        scene.store.update_model_type("orders", changes)


def test_of_two_environments_that_begin_at_once_each_counts_its_own(
    scene: Scene, database_url: str
) -> None:
    scene.model_type()
    jobs = [scene.running_job(environment=e, force=True) for e in Environment]
    database = PostgresDatabase(database_url, max_connections=len(jobs))
    store, barrier = Store(database, actor=ADMIN), Barrier(len(jobs))

    def start(job: ClaimedJob) -> Row:
        barrier.wait(10)
        return store.begin_training(job)

    with ThreadPoolExecutor(len(jobs)) as pool:
        answers = list(pool.map(start, jobs))
    database.close()

    assert answers == [{"allowed": True}] * len(jobs)


def test_only_an_admin_changes_the_limits(scene: Scene) -> None:
    scene.model_type()

    with pytest.raises(Exception, match="needs the role admin"):
        scene.as_role(Role.OPERATOR).update_model_type("churn", {"cool_down": "0"})
