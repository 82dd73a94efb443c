"""What checks and validations write: metrics, alerts, and a model's standing."""

from __future__ import annotations

from uuid import uuid4

import pytest

from core.domain import (
    Environment,
    OperationKind,
)
from core.errors import (
    IllegalTransition,
    NotFound,
)
from tests.database.factories import (
    FAILURE,
    Scene,
    check_of,
    deployment_outcome,
    judgement,
)

CHECK, VALIDATION, DEPLOYMENT = OperationKind


@pytest.fixture(autouse=True)
def churn(scene: Scene) -> None:
    scene.model_type("churn")


# What checks write ---------------------------------------------------------------------------


def test_a_degraded_check_opens_an_alert_and_the_next_counts_on(scene: Scene) -> None:
    champion = scene.champion()
    for current in (0.7, 0.65):
        operation = scene.running_operation(CHECK)
        answer = scene.store.finish_operation(
            operation, {"status": "succeeded", "results": [check_of(champion, current=current)]}
        )
        assert answer["result"]["needs_retraining"] is True

    alert = scene.alerts(status="open")[0]
    assert (alert["kind"], alert["occurrences"]) == ("performance_degradation", 2)
    assert alert["details"]["current"] == 0.65
    metrics = scene.rows("select value, verdict from ml_performance_metrics order by recorded_at")
    assert metrics == [
        {"value": 0.7, "verdict": "degraded"},
        {"value": 0.65, "verdict": "degraded"},
    ]


def test_a_healthy_check_closes_the_alert(scene: Scene) -> None:
    champion = scene.champion()
    for verdict in ("degraded", "healthy"):
        operation = scene.running_operation(CHECK)
        answer = scene.store.finish_operation(
            operation, {"status": "succeeded", "results": [check_of(champion, verdict)]}
        )

    assert answer["result"]["needs_retraining"] is False
    assert [a["status"] for a in scene.alerts()] == ["resolved"]


@pytest.mark.parametrize("verdict", ["inconclusive", "insufficient_data"])
def test_a_check_that_says_nothing_leaves_the_alert(scene: Scene, verdict: str) -> None:
    champion = scene.champion()
    for each in ("degraded", verdict):
        scene.store.finish_operation(
            scene.running_operation(CHECK),
            {"status": "succeeded", "results": [check_of(champion, each)]},
        )

    alert = scene.alerts()[0]
    assert (alert["status"], alert["occurrences"]) == ("open", 1)


def test_an_acknowledged_alert_counts_on_and_a_resolved_one_starts_anew(scene: Scene) -> None:
    champion = scene.champion()

    def check(verdict: str) -> None:
        scene.store.finish_operation(
            scene.running_operation(CHECK),
            {"status": "succeeded", "results": [check_of(champion, verdict)]},
        )

    check("degraded")
    alert = scene.alerts()[0]
    for _ in range(2):
        scene.database.call("acknowledge_alert", {"p_id": alert["id"]})
    check("degraded")
    assert [(a["status"], a["occurrences"]) for a in scene.alerts()] == [("acknowledged", 2)]
    check("healthy")
    with pytest.raises(IllegalTransition, match="resolved already"):
        scene.database.call("acknowledge_alert", {"p_id": alert["id"]})
    check("degraded")

    assert [a["status"] for a in scene.alerts()] == ["resolved", "open"]
    with pytest.raises(NotFound, match="no alert"):
        scene.database.call("acknowledge_alert", {"p_id": uuid4()})


@pytest.mark.parametrize("verdict", ["degraded", "healthy"])
def test_a_check_that_ends_after_the_swap_touches_no_alert(scene: Scene, verdict: str) -> None:
    old = scene.champion(text="old")
    late = scene.running_operation(CHECK)
    new = scene.champion(text="new")
    if verdict == "healthy":
        scene.store.finish_operation(
            scene.running_operation(CHECK), {"status": "succeeded", "results": [check_of(new)]}
        )
    before = scene.alerts()

    scene.store.finish_operation(late, {"status": "succeeded", "results": [check_of(old, verdict)]})

    assert scene.alerts() == before
    metrics = scene.rows("select from ml_performance_metrics where model_id = %s", old["model_id"])
    assert len(metrics) == 1


def test_a_check_within_a_job_that_ends_after_the_swap_opens_no_alert(scene: Scene) -> None:
    old = scene.champion(text="old")
    job = scene.running_job()
    scene.deploy(scene.trained(text="new", environment=Environment.STAGING)["id"], force=True)

    scene.store.finish_training_job(
        job, {"status": "skipped", "skip_reason": "Cooling down.", "check": check_of(old)}
    )

    assert scene.alerts() == []


def test_a_check_without_a_champion_writes_no_metric(scene: Scene) -> None:
    result = {"model_type": "churn", "verdict": "insufficient_data", "deployment_id": None}

    scene.store.finish_operation(
        scene.running_operation(CHECK), {"status": "succeeded", "results": [result]}
    )

    assert scene.rows("select from ml_performance_metrics") == []


def test_an_operation_whose_targets_all_failed_has_failed(scene: Scene) -> None:
    outcome = {"status": "succeeded", "results": [], "errors": [FAILURE]}

    answer = scene.store.finish_operation(scene.running_operation(CHECK), outcome)

    assert (answer["status"], answer["error"]) == ("failed", FAILURE)


# What validations write ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("verdict", "status"),
    [("approved", "approved"), ("rejected", "rejected"), ("inconclusive", "candidate")],
)
def test_a_validation_decides_the_models_standing(scene: Scene, verdict: str, status: str) -> None:
    model = scene.trained()

    answer = scene.store.finish_operation(
        scene.running_operation(VALIDATION, model_ids=[model["id"]]),
        {
            "status": "succeeded",
            "results": [{"model_id": str(model["id"]), **judgement(verdict)}],
        },
    )

    validation = scene.row("select * from ml_model_validations")
    assert answer["result"]["results"][0]["validation_id"] == str(validation["id"])
    assert validation["verdict"] == verdict
    assert scene.row("select status from ml_models")["status"] == status


@pytest.mark.parametrize(
    ("first", "second", "status"),
    [
        ("approved", "rejected", "approved"),
        ("approved", "inconclusive", "approved"),
        ("rejected", "inconclusive", "rejected"),
        ("rejected", "approved", "approved"),
        ("inconclusive", "rejected", "rejected"),
    ],
)
def test_a_second_judgement_takes_no_approval_away(
    scene: Scene, first: str, second: str, status: str
) -> None:
    model = scene.trained(validation=judgement(first))

    scene.store.finish_operation(
        scene.running_operation(VALIDATION, job_ids=[model["training_job_id"]]),
        {"status": "succeeded", "results": [{"model_id": str(model["id"]), **judgement(second)}]},
    )

    assert scene.row("select status from ml_models")["status"] == status


def test_one_refused_target_does_not_undo_the_others(scene: Scene) -> None:
    scene.model_type("visits")
    good, bad = scene.challenger("churn", "good"), scene.challenger("visits", "bad")
    operation = scene.running_operation(DEPLOYMENT, model_ids=[bad["id"], good["id"]])
    scene.champion("visits", "faster")

    answer = scene.store.finish_operation(operation, deployment_outcome(operation))

    assert answer["status"] == "succeeded"
    assert [d["model_id"] for d in answer["result"]["deployments"]] == [str(good["id"])]
    error = answer["result"]["errors"][0]
    assert (error["type"], error["status"], error["model_id"]) == (
        "stale_validation",
        409,
        str(bad["id"]),
    )
