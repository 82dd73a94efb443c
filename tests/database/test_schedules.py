"""When to look and when to retrain: due once, however many tick."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier
from uuid import uuid4

import pytest

from core.database import PostgresDatabase
from core.domain import ScheduleKind
from core.errors import Conflict, InvalidRequest, NotFound
from core.store import Store
from tests.database.factories import ADMIN, Row, Scene

NEXT = datetime(2100, 1, 1, tzinfo=UTC)


def due(scene: Scene) -> list[Row]:
    return scene.store.list_due_schedules()


def make_due(scene: Scene, kind: str) -> Row:
    """The schedule of this kind, due for a minute, the others not."""
    scene.owner.execute("update ml_retraining_schedules set next_run_at = %s", (NEXT,))
    scene.owner.execute(
        "update ml_retraining_schedules set next_run_at = now() - interval '1 minute' "
        "where kind = %s",
        (kind,),
    )
    schedule, *others = due(scene)
    assert others == []
    return schedule


def test_a_new_schedule_is_due_for_its_first_time_and_starts_nothing(scene: Scene) -> None:
    scene.model_type("churn")

    first = due(scene)
    rings = [scene.store.advance_schedule(s, next_run_at=NEXT, worker="s") for s in first]

    assert len(first) == 2
    assert rings == [[], []]
    assert due(scene) == []
    assert (
        scene.rows("select last_run_at from ml_retraining_schedules") == [{"last_run_at": None}] * 2
    )


@pytest.mark.parametrize(
    ("kind", "force"), [("performance_check", False), ("forced_retraining", True)]
)
def test_a_due_schedule_queues_its_job_once(scene: Scene, kind: str, force: bool) -> None:
    scene.model_type("churn")
    schedule = make_due(scene, kind)

    first = scene.store.advance_schedule(schedule, next_run_at=NEXT, worker="s-1")
    second = scene.store.advance_schedule(schedule, next_run_at=NEXT, worker="s-2")

    job = scene.row("select * from ml_training_jobs")
    assert first == [{"actor": "retrain", "id": str(job["id"])}]
    assert second == []
    assert (job["trigger"], job["force"], job["requested_by"]["name"]) == (
        "schedule",
        force,
        "scheduler",
    )
    assert scene.row("select * from ml_retraining_schedules where kind = %s", kind)["last_run_at"]


def test_many_tickers_advance_a_schedule_exactly_once(scene: Scene, database_url: str) -> None:
    scene.model_type("churn")
    schedule = make_due(scene, "forced_retraining")
    tickers = 8
    database = PostgresDatabase(database_url, max_connections=tickers)
    store = Store(database, actor=ADMIN)
    barrier = Barrier(tickers)

    def tick(number: int) -> list[Row]:
        barrier.wait(10)
        return store.advance_schedule(
            schedule, next_run_at=NEXT + timedelta(hours=number), worker=f"s-{number}"
        )

    with ThreadPoolExecutor(tickers) as pool:
        rings = list(pool.map(tick, range(tickers)))
    database.close()

    assert sorted(len(r) for r in rings) == [0] * (tickers - 1) + [1]
    assert len(scene.rows("select from ml_training_jobs")) == 1


def test_what_is_off_is_never_due(scene: Scene) -> None:
    scene.model_type("churn")
    schedule = make_due(scene, "performance_check")

    scene.database.call(
        "update_schedule", {"p_id": schedule["id"], "p_changes": {"enabled": False}}
    )
    assert due(scene) == []
    assert scene.store.advance_schedule(schedule, next_run_at=NEXT, worker="s") == []

    scene.database.call("update_schedule", {"p_id": schedule["id"], "p_changes": {"enabled": True}})
    # What was missed while it was off does not run later: the next time is computed anew.
    assert [s["next_run_at"] for s in due(scene)] == [None]
    scene.store.update_model_type("churn", {"enabled": False})
    assert due(scene) == []


def test_a_schedule_is_made_and_changed(scene: Scene) -> None:
    scene.model_type("replayed", replay=True)

    made = scene.database.call(
        "create_schedule",
        {
            "p_model_type": "replayed",
            "p_kind": "forced_retraining",
            "p_cron": "0 5 1 * *",
            "p_time_zone": "Europe/Amsterdam",
            "p_environment": "staging",
        },
    )
    changed = scene.database.call(
        "update_schedule", {"p_id": made["id"], "p_changes": {"cron": "0 6 1 * *"}}
    )

    assert (changed["cron"], changed["time_zone"], changed["environment"]) == (
        "0 6 1 * *",
        "Europe/Amsterdam",
        "staging",
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"p_cron": "hourly"}, "cron must have five fields"),
        ({"p_time_zone": "Europe/Atlantis"}, "time_zone Europe/Atlantis is not known"),
        ({"p_model_type": "chrun"}, "no model type chrun"),
        ({"p_kind": "sometimes"}, 'ml_schedule_kind: "sometimes"'),
    ],
)
def test_a_bad_schedule_names_what_is_wrong(scene: Scene, changes: Row, message: str) -> None:
    scene.model_type("churn")
    arguments = {"p_model_type": "churn", "p_kind": "performance_check", "p_cron": "0 * * * *"}

    with pytest.raises(InvalidRequest, match=message):
        scene.database.call("create_schedule", {**arguments, **changes})


def test_a_second_schedule_of_a_kind_is_refused(scene: Scene) -> None:
    scene.model_type("churn")

    with pytest.raises(Conflict, match="has a schedule of the kind performance_check"):
        scene.store.create_schedule("churn", kind=ScheduleKind.PERFORMANCE_CHECK, cron="0 * * * *")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"cron": "hourly"}, "cron must have five fields"),
        ({"time_zone": "Europe/Atlantis"}, "time_zone Europe/Atlantis is not known"),
        ({"enabled": "perhaps"}, '"perhaps"'),
        ({"kind": "performance_check"}, "has no field kind"),
    ],
)
def test_a_bad_change_names_what_is_wrong(scene: Scene, changes: Row, message: str) -> None:
    scene.model_type("churn")
    schedule = make_due(scene, "performance_check")
    before = scene.everything()

    with pytest.raises(InvalidRequest, match=message):
        scene.database.call("update_schedule", {"p_id": schedule["id"], "p_changes": changes})

    assert scene.everything() == before


def test_a_schedule_that_is_not_there_is_named(scene: Scene) -> None:
    missing = uuid4()

    with pytest.raises(NotFound, match=str(missing)):
        scene.database.call("update_schedule", {"p_id": missing, "p_changes": {}})
