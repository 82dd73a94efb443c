"""What a check leaves behind for the next one, and what watching a deployment has shown."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any, cast

import numpy as np
import pytest

from core.database import PostgresDatabase
from core.domain import Champion, ClaimedJob, ClaimedOperation, MonitorState, OperationKind
from core.monitoring.check import Watched, state_after_attempt
from core.monitoring.label_buckets import ShownLabels
from core.monitoring.sequential import ALARM_AT, TRAINING_AT, EDetector
from core.monitoring.watched import DETECTOR
from core.store import Store
from tests.database.factories import (
    ADMIN,
    FAILURE,
    WINDOW_END,
    Row,
    Scene,
    check_of,
    drift_report,
    judgement,
    monitor_state,
    quality,
    trained_model,
)

CHECK = OperationKind.CHECK
LABELS = 300
SEQUENTIAL = {"level": 5200.0, "attempt_level": 40.0, "training_at": 1000.0, "alarm_at": 5000.0}
ESTIMATE = {"status": "valid", "metric": "accuracy", "value": 0.78, "outside_band": False}


@pytest.fixture(autouse=True)
def churn(scene: Scene) -> None:
    scene.model_type("churn")


def check(scene: Scene, champion: Row, verdict: str = "healthy", **changes: Any) -> Row:
    """A check that was asked for, with what it found."""
    operation = scene.running_operation(CHECK)
    return finish(scene.store, operation, check_of(champion, verdict, **changes))


def finish(store: Store, operation: ClaimedOperation, found: Row) -> Row:
    return store.finish_operation(operation, {"status": "succeeded", "results": [found]})


def stored(scene: Scene) -> MonitorState | None:
    """The state as the next check's claim has it."""
    (target,) = scene.running_operation(CHECK).targets
    assert target.champion is not None
    return target.champion.monitor


def kept(scene: Scene) -> MonitorState:
    found = stored(scene)
    assert found is not None
    return found


def windows(scene: Scene) -> list[Row]:
    return scene.rows("select * from private.drift_windows order by window_end")


# The state --------------------------------------------------------------------------------------


def test_a_new_deployment_has_nothing_to_go_on_from(scene: Scene) -> None:
    scene.champion()

    assert stored(scene) is None


def test_what_a_check_leaves_behind_is_there_for_the_next_check_and_the_next_job(
    scene: Scene,
) -> None:
    champion = scene.champion()

    check(scene, champion, monitor=monitor_state(labels=12))

    found = kept(scene)
    assert (found.revision, found.seen_until) == (1, WINDOW_END + timedelta(days=7))
    assert found.state == {"sequential": {}, "labels": 12}
    claimed = scene.running_job().champion
    assert claimed is not None
    assert claimed.monitor == found


def test_the_next_check_takes_the_place_of_the_one_that_it_read(scene: Scene) -> None:
    champion = scene.champion()
    check(scene, champion, monitor=monitor_state())

    check(scene, champion, monitor=monitor_state(1, days=8, labels=20))

    assert (kept(scene).revision, kept(scene).state["labels"]) == (2, 20)


@pytest.mark.parametrize("read", [None, 1, 3])
def test_a_check_that_read_another_state_changes_none(scene: Scene, read: int | None) -> None:
    champion = scene.champion()
    check(scene, champion, monitor=monitor_state())
    check(scene, champion, monitor=monitor_state(1, days=8))
    before = kept(scene)

    check(scene, champion, monitor=monitor_state(read, days=9), drift=drift_report())

    assert kept(scene) == before
    assert windows(scene) == []
    assert len(scene.rows("select from ml_performance_metrics")) == 3


def test_the_state_only_moves_forward(scene: Scene) -> None:
    champion = scene.champion()
    check(scene, champion, monitor=monitor_state(days=7))
    before = kept(scene)

    check(scene, champion, monitor=monitor_state(1, days=6))

    assert kept(scene) == before


def test_of_two_checks_at_once_one_is_kept(scene: Scene, database_url: str) -> None:
    champion = scene.champion()
    database = PostgresDatabase(database_url, max_connections=4)
    crowd = Store(database, actor=ADMIN)
    for read in (None, 1, 2):
        operations = [scene.running_operation(CHECK) for _ in range(2)]
        barrier = Barrier(2)

        def end(
            number: int,
            read: int | None = read,
            operations: list[ClaimedOperation] = operations,
            barrier: Barrier = barrier,
        ) -> None:
            state = monitor_state(read, days=10 + (read or 0), by=number)
            barrier.wait(10)
            finish(crowd, operations[number], check_of(champion, "healthy", monitor=state))

        with ThreadPoolExecutor(2) as threads:
            list(threads.map(end, range(2)))
    database.close()

    assert kept(scene).revision == 3
    assert kept(scene).state["by"] in (0, 1)
    assert len(scene.rows("select from ml_performance_metrics")) == 6


def test_a_check_that_ends_after_the_swap_leaves_nothing_behind(scene: Scene) -> None:
    old = scene.champion(text="old")
    late = scene.running_operation(CHECK)
    scene.champion(text="new")

    found = check_of(old, monitor=monitor_state(), drift=drift_report())
    finish(scene.store, late, found)

    assert stored(scene) is None
    assert scene.rows("select from private.detector_state") == windows(scene) == []


def test_a_model_that_serves_again_is_watched_anew(scene: Scene) -> None:
    first = scene.champion(text="first")
    check(scene, first, monitor=monitor_state())
    scene.champion(text="second")
    scene.database.call("rollback_model", {"p_model_type": "churn", "p_reason": "It was better."})

    assert stored(scene) is None


def test_the_state_is_shown_to_nobody(scene: Scene) -> None:
    champion = scene.champion()
    answer = check(scene, champion, monitor=monitor_state(secret="folded buckets"))
    job = scene.running_job()
    found = check_of(champion, monitor=monitor_state(1, days=8, secret="folded buckets"))
    scene.store.finish_training_job(
        job, {"status": "skipped", "skip_reason": "It is healthy.", "check": found}
    )

    shown = [
        answer,
        scene.store.get_training_job(job.id),
        scene.store.get_champion("churn"),
        scene.store.get_monitoring("churn"),
        scene.rows("select * from workflow_audit_logs"),
        scene.rows("select * from ml_operations"),
        scene.rows("select * from ml_training_jobs"),
    ]

    assert kept(scene).revision == 2
    assert "folded buckets" not in str(shown)


# An attempt -------------------------------------------------------------------------------------


def evidence(read: int | None = None) -> Row:
    """What a check leaves behind that has seen many wrong answers up to now."""
    now = datetime.now(UTC)
    times = np.datetime64(now.replace(tzinfo=None), "us") - np.arange(LABELS) * np.timedelta64(
        9, "m"
    )
    keys = np.arange(LABELS, dtype=np.uint64)
    labels = ShownLabels(losses=np.ones(LABELS), countable_at=times, happened_at=times, keys=keys)
    test, _ = EDetector.start(0.2).count(labels, until=now)
    return monitor_state(read) | {
        "seen_until": now.isoformat(),
        "state": {DETECTOR: test.as_state()},
    }


def watched(scene: Scene) -> tuple[Champion, EDetector]:
    """The champion of the next check's claim, and the test that this check goes on from."""
    (target,) = scene.running_operation(CHECK).targets
    champion = target.champion
    assert champion is not None
    state = Watched(
        model=cast("Any", None),  # nothing is predicted here
        reference=champion.reference,
        profile=None,
        since=champion.window_end,
        monitor=champion.monitor,
        attempted_at=champion.attempted_at,
    ).state
    return champion, EDetector.from_state(state[DETECTOR])


def begun(scene: Scene, **changes: Any) -> ClaimedJob:
    job = scene.running_job(**changes)
    assert scene.store.begin_training(job)["allowed"]
    return job


def assert_attempted_once(scene: Scene) -> None:
    """The attempt is known, the alarm's level stands, and each label was counted once."""
    _, test = watched(scene)
    assert test.attempt_level == 0
    assert test.level > ALARM_AT
    assert test.labels == LABELS


@pytest.mark.parametrize(
    ("outcome", "counts"),
    [
        ({"status": "succeeded", "model": trained_model("new")}, True),
        ({"status": "failed", "error": FAILURE}, True),
        ({"status": "cancelled"}, False),
        ({"status": "skipped", "skip_reason": "It is healthy by now."}, False),
    ],
)
def test_only_a_training_that_was_tried_starts_the_count_anew(
    scene: Scene, outcome: Row, counts: bool
) -> None:
    champion = scene.champion()
    job = begun(scene)

    found = check_of(champion, monitor=evidence())
    scene.store.finish_training_job(job, {"check": found, **outcome})

    known, test = watched(scene)
    assert (known.attempted_at is not None) is counts
    assert (test.attempt_level == 0) is counts
    assert (test.level > ALARM_AT, kept(scene).revision) == (True, 1)


def test_a_job_that_trained_nothing_was_no_attempt(scene: Scene) -> None:
    champion = scene.champion()
    found = check_of(champion, monitor=evidence())

    scene.store.finish_training_job(
        scene.running_job(), {"status": "failed", "error": FAILURE, "check": found}
    )

    known, test = watched(scene)
    assert known.attempted_at is None
    assert test.attempt_level > TRAINING_AT


@pytest.mark.parametrize(
    "order", ["check begin end", "begin check end", "begin end check", "check end", "end check"]
)
def test_an_attempt_counts_whenever_a_check_ends_that_knew_nothing_of_it(
    scene: Scene, order: str
) -> None:
    champion = scene.champion()
    check(scene, champion, monitor=evidence())
    job = scene.running_job()
    if "begin" not in order:  # the check is asked for while the training goes on
        scene.store.begin_training(job)
    operation = scene.running_operation(CHECK)
    found = check_of(champion, monitor=evidence(1))
    steps: dict[str, Callable[[], object]] = {
        "begin": lambda: scene.store.begin_training(job),
        "end": lambda: scene.store.finish_training_job(
            job, {"status": "failed", "error": FAILURE, "check": found}
        ),
        "check": lambda: finish(scene.store, operation, found),
    }

    for step in order.split():
        steps[step]()

    assert kept(scene).revision == 2
    assert_attempted_once(scene)


def test_an_attempt_counts_when_its_job_and_a_check_end_at_once(
    scene: Scene, database_url: str
) -> None:
    champion = scene.champion()
    check(scene, champion, monitor=evidence())
    database = PostgresDatabase(database_url, max_connections=4)
    crowd = Store(database, actor=ADMIN)
    for read in (1, 2, 3):
        job = begun(scene, force=True, override_limits=True)
        operation = scene.running_operation(CHECK)
        found = check_of(champion, monitor=evidence(read))
        failed = {"status": "failed", "error": FAILURE, "check": found}
        barrier = Barrier(2)

        def end_job(
            job: ClaimedJob = job, failed: Row = failed, barrier: Barrier = barrier
        ) -> None:
            barrier.wait(10)
            crowd.finish_training_job(job, failed)

        def end_check(
            operation: ClaimedOperation = operation, found: Row = found, barrier: Barrier = barrier
        ) -> None:
            barrier.wait(10)
            finish(crowd, operation, found)

        with ThreadPoolExecutor(2) as threads:
            for ended in [threads.submit(end_job), threads.submit(end_check)]:
                ended.result()
        assert kept(scene).revision == read + 1
        assert_attempted_once(scene)
    database.close()


def test_a_check_that_knows_of_the_attempt_keeps_it(scene: Scene) -> None:
    champion = scene.champion()
    check(scene, champion, monitor=evidence())
    scene.store.finish_training_job(begun(scene), {"status": "failed", "error": FAILURE})
    known, _ = watched(scene)
    assert known.attempted_at is not None
    assert known.monitor is not None

    state = state_after_attempt(known.monitor.state, known.attempted_at)
    check(scene, champion, monitor=evidence(1) | {"state": state})

    assert kept(scene).state == state
    assert_attempted_once(scene)


def test_a_job_that_is_tried_again_sees_why_it_began_and_counts_once(scene: Scene) -> None:
    champion = scene.champion()
    check(scene, champion, monitor=evidence())
    job = begun(scene)
    row = scene.store.finish_training_job(
        job, {"status": "failed", "retry": True, "error": FAILURE}
    )
    assert row["status"] == "queued"

    check(scene, champion, monitor=evidence(1))
    again = scene.store.claim_training_job(job.id, "worker-2")
    assert again is not None
    assert again.champion is not None
    assert again.champion.attempted_at is None
    assert watched(scene)[1].attempt_level > TRAINING_AT
    scene.store.begin_training(again)
    scene.store.finish_training_job(again, {"status": "failed", "error": FAILURE})

    assert len(scene.rows("select from private.training_attempts")) == 1
    assert_attempted_once(scene)


def test_a_training_whose_workers_were_lost_was_an_attempt_in_the_end(scene: Scene) -> None:
    champion = scene.champion()
    check(scene, champion, monitor=evidence())
    before = kept(scene)
    job_id = scene.queued_job()
    for lost in range(3):
        token = scene.lost_job(job_id)
        scene.database.call("begin_training", {"p_id": job_id, "p_lease_token": token})
        assert watched(scene)[0].attempted_at is None, lost
        scene.store.sweep_lost_work("worker-1")

    assert scene.job(job_id)["status"] == "failed"
    assert kept(scene) == before
    assert_attempted_once(scene)


def test_a_new_champion_has_not_been_tried_to_replace(scene: Scene) -> None:
    scene.champion(text="old")
    job = begun(scene, force=True)
    found = judgement(champion_deployment_id=scene.champion_id())
    scene.store.finish_training_job(
        job, {"status": "succeeded", "model": trained_model("new"), "validation": found}
    )
    (target,) = scene.running_operation(CHECK).targets

    assert target.champion is not None
    assert target.champion.model_version == 2
    assert target.champion.attempted_at is None


def test_an_attempt_of_a_replay_is_known_from_its_own_time_on(scene: Scene) -> None:
    scene.model_type("past", replay=True, cool_down="0")
    scene.champion("past")
    for day in (3, 1, 2):
        job = begun(scene, model_type="past", force=True, as_of=WINDOW_END + timedelta(days=day))
        scene.store.finish_training_job(job, {"status": "failed", "error": FAILURE})

    def known(days: float) -> datetime | None:
        as_of = WINDOW_END + timedelta(days=days)
        operation = scene.running_operation(CHECK, model_types=["past"], as_of=as_of)
        (target,) = operation.targets
        assert target.champion is not None
        return target.champion.attempted_at

    assert known(0.5) is None
    assert [known(2), known(2.5), known(9)] == [
        WINDOW_END + timedelta(days=2),
        WINDOW_END + timedelta(days=2),
        WINDOW_END + timedelta(days=3),
    ]


# What is written --------------------------------------------------------------------------------


def test_a_check_keeps_what_it_decided_by(scene: Scene) -> None:
    champion = scene.champion()
    maturity = {"delay_seconds": 3600.0, "coverage": 0.9}

    check(scene, champion, "degraded", sequential=SEQUENTIAL, maturity=maturity, estimate=ESTIMATE)

    row = scene.row("select alarm, sequential, maturity, estimate from ml_performance_metrics")
    assert row == {
        "alarm": True,
        "sequential": SEQUENTIAL,
        "maturity": maturity,
        "estimate": ESTIMATE,
    }


def test_an_alert_follows_the_alarm_and_has_its_figures(scene: Scene) -> None:
    champion = scene.champion()
    check(scene, champion, "inconclusive", needs_retraining=True, monitor=monitor_state())
    assert scene.alerts() == []

    check(scene, champion, "degraded", sequential=SEQUENTIAL)
    (alert,) = scene.alerts()
    assert (alert["kind"], alert["status"]) == ("performance_degradation", "open")
    assert alert["details"]["sequential"] == SEQUENTIAL
    check(scene, champion, "inconclusive")
    assert [a["status"] for a in scene.alerts()] == ["open"]
    check(scene, champion, "healthy")
    assert [a["status"] for a in scene.alerts()] == ["resolved"]


@pytest.mark.parametrize("verdict", ["degraded", "healthy"])
def test_the_answer_to_a_question_of_its_own_touches_no_alert(scene: Scene, verdict: str) -> None:
    champion = scene.champion()
    if verdict == "healthy":
        check(scene, champion, "degraded")
    before = scene.alerts()

    check(scene, champion, verdict, counts=False)

    assert scene.alerts() == before


def test_each_drift_window_is_kept_once(scene: Scene) -> None:
    champion = scene.champion()
    report = drift_report(alarm=True, features=[{"column": "plan", "severity": "severe"}])

    check(scene, champion, monitor=monitor_state(), drift=report)
    check(scene, champion, monitor=monitor_state(1), drift=drift_report())
    check(scene, champion, drift=drift_report(days=9))

    (window,) = windows(scene)
    assert (window["alarm"], window["row_count"], window["report"]) == (True, 600, report)


def test_drift_windows_go_with_the_metrics_of_their_time(scene: Scene) -> None:
    champion = scene.champion()
    for days in (7, 8):
        read = days - 7 or None
        state = monitor_state(read, days=days)
        check(scene, champion, monitor=state, drift=drift_report(days=days))
    scene.owner.execute(
        "update private.drift_windows set recorded_at = now() - interval '40 days' "
        "where window_end = %s",
        (WINDOW_END + timedelta(days=7),),
    )

    assert scene.store.run_housekeeping({"ml_training_data_quality": 30})["deleted"] == {}
    summary = scene.store.run_housekeeping({"ml_performance_metrics": 30})

    assert summary["deleted"] == {"drift_windows": 1}
    assert [w["window_end"] for w in windows(scene)] == [WINDOW_END + timedelta(days=8)]


# The read ---------------------------------------------------------------------------------------


def test_watching_shows_windows_levels_and_estimates_in_order(scene: Scene) -> None:
    old = scene.champion(text="old")
    check(scene, old, sequential=SEQUENTIAL, monitor=monitor_state(), drift=drift_report())
    champion = scene.champion(text="new")
    for number in range(3):
        read = number or None
        check(
            scene,
            champion,
            sequential=SEQUENTIAL | {"level": float(number)},
            estimate=ESTIMATE | {"value": 0.5 + number / 4} if number else None,
            monitor=monitor_state(read, days=10 + number),
            drift=drift_report(days=10 + number),
        )
    check(scene, champion, "insufficient_data", quality=quality(score=0.5))

    shown = scene.as_user("viewer").get_monitoring("churn")

    assert shown["deployment"]["id"] == str(champion["id"])
    assert shown["deployment"]["model_version"] == 2
    assert shown["latest_check"]["verdict"] == "insufficient_data"
    assert [w["window_end"] for w in shown["drift"]] == [
        (WINDOW_END + timedelta(days=10 + n)).isoformat() for n in range(3)
    ]
    assert [point["level"] for point in shown["levels"]] == [0.0, 1.0, 2.0]
    assert {"at", "alarm_at", "training_at", "verdict"} <= shown["levels"][0].keys()
    assert [point["value"] for point in shown["estimates"]] == [0.75, 1.0]
    assert shown["estimates"][0]["realised"] == 0.7
    assert shown["quality"]["score"] == 0.5


def test_of_many_checks_no_peak_is_left_out(scene: Scene) -> None:
    champion = scene.champion()
    scene.owner.execute(
        "insert into ml_performance_metrics (recorded_at, model_type, environment, model_id, "
        "deployment_id, window_start, window_end, metric, samples, threshold, verdict, "
        "needs_retraining, reason, sequential) "
        "select now() + n * interval '1 second', 'churn', 'production', gen_random_uuid(), %s, "
        "now(), now(), 'accuracy', 0, 0.03, 'healthy', false, 'As before.', "
        "jsonb_build_object('level', case when n = 613 then 4000 else n %% 7 end) "
        "from generate_series(1, 1500) as n",
        (champion["id"],),
    )

    levels = [point["level"] for point in scene.store.get_monitoring("churn")["levels"]]

    assert len(levels) == 200
    assert levels.index(4000) == 76  # the older half is cut into spans of eight checks


def test_without_a_deployment_there_is_nothing_to_watch(scene: Scene) -> None:
    shown = scene.store.get_monitoring("churn")

    assert json.dumps(shown, sort_keys=True) == json.dumps(
        {
            "deployment": None,
            "drift": [],
            "estimates": [],
            "latest_check": None,
            "levels": [],
            "quality": None,
        }
    )


def test_a_judgement_of_today_is_stored_with_what_it_was_made_from(scene: Scene) -> None:
    model = scene.trained(
        validation=judgement(
            rule="not_worse", alarm=True, alpha=0.0076, holdout_use=2, auto_deployable=True
        )
    )

    job = scene.store.get_training_job(model["training_job_id"])

    validation = job["validation"]
    assert (validation["rule"], validation["alarm"]) == ("not_worse", True)
    assert (validation["alpha"], validation["holdout_use"]) == (0.0076, 2)
    assert validation["holdout"] is None
