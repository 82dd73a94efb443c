"""A metric and a quality row of each champion now and then, also where nobody checks it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from uuid import UUID

import pytest

from tests.database.factories import Scene, check_of, quality

WORKER = "here:1:1"


@pytest.fixture(autouse=True)
def churn(scene: Scene) -> str:
    return scene.model_type("churn")


def age(scene: Scene, interval: str) -> None:
    """Every deployment was made so long ago."""
    scene.owner.execute(
        "update ml_model_deployments set created_at = created_at - %s::interval", (interval,)
    )


def test_a_champion_that_nobody_checked_is_checked_with_its_quality(scene: Scene) -> None:
    champion = scene.champion()
    age(scene, "2 days")

    (ring,) = scene.store.request_due_updates(WORKER)

    assert ring["actor"] == "check_performance"
    operation = scene.store.claim_operation(UUID(ring["id"]), WORKER)
    assert operation is not None
    assert operation.parameters["with_quality"] is True
    result = check_of(champion, "healthy") | {"quality": quality(score=0.75)}
    scene.store.finish_operation(operation, {"status": "succeeded", "results": [result]})
    assert scene.row("select count(*) as n from ml_performance_metrics")["n"] == 1
    row = scene.row("select * from ml_training_data_quality order by recorded_at desc limit 1")
    assert (row["model_type"], row["score"], row["training_job_id"]) == ("churn", 0.75, None)
    assert scene.store.request_due_updates(WORKER) == []


@pytest.mark.parametrize(
    ("frequency", "soon", "late"),
    [
        ("hourly", "59 minutes", "61 minutes"),
        ("daily", "23 hours", "25 hours"),
        ("weekly", "6 days", "8 days"),
    ],
)
def test_each_frequency_has_its_time(scene: Scene, frequency: str, soon: str, late: str) -> None:
    scene.champion()
    scene.store.update_model_type("churn", {"update_frequency": frequency})
    age(scene, soon)
    assert scene.store.request_due_updates(WORKER) == []

    scene.owner.execute(
        "update ml_model_deployments set created_at = now() - %s::interval", (late,)
    )

    assert len(scene.store.request_due_updates(WORKER)) == 1


def test_what_is_disabled_or_has_no_champion_is_left_alone(scene: Scene) -> None:
    scene.champion()
    scene.model_type("without_champion")
    age(scene, "2 days")
    scene.store.update_model_type("churn", {"enabled": False})

    assert scene.store.request_due_updates(WORKER) == []


def test_a_check_that_failed_is_not_asked_for_at_every_tick(scene: Scene) -> None:
    scene.champion()
    age(scene, "2 days")
    (ring,) = scene.store.request_due_updates(WORKER)
    operation = scene.store.claim_operation(UUID(ring["id"]), WORKER)
    assert operation is not None
    error = {"type": "data", "status": 422, "detail": "The table is gone."}
    scene.store.finish_operation(operation, {"status": "failed", "error": error})

    assert scene.store.request_due_updates(WORKER) == []


def test_many_tickers_ask_once(scene: Scene) -> None:
    scene.champion()
    age(scene, "2 days")
    barrier = Barrier(8)

    def ask(number: int) -> int:
        barrier.wait()
        return len(scene.store.request_due_updates(f"ticker-{number}"))

    with ThreadPoolExecutor(8) as pool:
        asked = list(pool.map(ask, range(8)))

    assert sum(asked) == 1
