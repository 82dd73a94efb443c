"""Checks, validations and deployments that were asked for: the states of jobs, never skipped."""

from __future__ import annotations

from dataclasses import replace
from uuid import uuid4

import pytest

from core.domain import ClaimedOperation, OperationKind, Role
from core.errors import IllegalTransition, LeaseLost, NotFound
from core.store import Store
from tests.database.factories import (
    FAILURE,
    WORKER,
    Row,
    Scene,
    digest,
)

CHECK, VALIDATION, DEPLOYMENT = OperationKind
ENDS: dict[str, Row] = {
    "succeeded": {"status": "succeeded", "results": []},
    "failed": {"status": "failed", "error": FAILURE},
    "cancelled": {"status": "cancelled"},
}


@pytest.fixture(autouse=True)
def churn(scene: Scene) -> None:
    scene.model_type("churn")


def use(store: Store, operation: ClaimedOperation, action: str) -> None:
    match action:
        case "heartbeat":
            store.heartbeat_operation(operation)
        case "release":
            store.release_operation(operation)
        case _:
            store.finish_operation(operation, ENDS[action])


def test_a_check_is_claimed_once_with_its_targets(scene: Scene) -> None:
    champion = scene.champion()
    scene.model_type("visits")
    operation_id = scene.store.request_check(time_window=14, threshold=0.05)

    operation = scene.store.claim_operation(operation_id, WORKER)

    assert operation is not None
    assert operation.kind is CHECK
    assert operation.parameters == {
        "model_types": ["churn", "visits"],
        "threshold": 0.05,
        "time_window": 14,
    }
    assert [t.model_type.name for t in operation.targets] == ["churn", "visits"]
    assert operation.targets[0].champion is not None
    assert operation.targets[0].champion.deployment_id == champion["id"]
    assert operation.targets[1].champion is None
    assert scene.store.claim_operation(operation_id, "worker-2") is None


def test_a_validation_is_claimed_with_the_model_and_the_champion(scene: Scene) -> None:
    champion = scene.champion()
    model = scene.trained(text="second")

    operation = scene.running_operation(VALIDATION, model_ids=[model["id"]])

    target = operation.targets[0]
    assert target.model is not None
    assert target.champion is not None
    assert (target.model.version, target.model.artifact_hash) == (2, digest("second"))
    assert target.champion.deployment_id == champion["id"]


@pytest.mark.parametrize("end", ENDS)
def test_a_running_operation_ends_once(scene: Scene, end: str) -> None:
    operation = scene.running_operation(CHECK)

    answer = scene.store.finish_operation(operation, ENDS[end])

    assert answer["status"] == end
    assert "lease_token" not in answer
    assert scene.operation(operation.id)["finished_at"] is not None
    before = scene.everything()
    for action in ("heartbeat", "release", *ENDS):
        with pytest.raises(LeaseLost):
            use(scene.store, operation, action)
    assert scene.store.claim_operation(operation.id, WORKER) is None
    assert scene.everything() == before


@pytest.mark.parametrize("status", ["queued", "running", "skipped"])
def test_an_operation_cannot_finish_as_unfinished_or_skipped(scene: Scene, status: str) -> None:
    operation = scene.running_operation(CHECK)

    with pytest.raises(IllegalTransition, match=f"finish as {status}"):
        scene.store.finish_operation(operation, {"status": status})


@pytest.mark.parametrize("action", ["heartbeat", "release", *ENDS])
def test_a_late_worker_is_refused_and_changes_nothing(scene: Scene, action: str) -> None:
    late = scene.running_operation(CHECK)
    scene.owner.execute("update ml_operations set lease_expires_at = now() - interval '1 s'")
    scene.store.sweep_lost_work("worker-2")
    assert scene.store.claim_operation(late.id, "worker-2") is not None
    before = scene.everything()

    with pytest.raises(LeaseLost, match=str(late.id)):
        use(scene.store, late, action)

    assert scene.everything() == before


def test_an_operation_that_is_not_there_is_named(scene: Scene) -> None:
    missing = replace(scene.running_operation(CHECK), id=uuid4())

    for action in ("heartbeat", "release", "failed"):
        with pytest.raises(NotFound, match=str(missing.id)):
            use(scene.store, missing, action)
    with pytest.raises(NotFound, match=str(missing.id)):
        scene.store.get_operation(missing.id)
    assert scene.store.claim_operation(missing.id, WORKER) is None


def test_no_token_is_not_a_lease(scene: Scene) -> None:
    operation = scene.running_operation(CHECK)

    with pytest.raises(LeaseLost):
        scene.database.call("release_operation", {"p_id": operation.id, "p_lease_token": None})


def test_a_heartbeat_keeps_the_lease(scene: Scene) -> None:
    operation = scene.running_operation(CHECK)
    scene.owner.execute("update ml_operations set lease_expires_at = now() - interval '1 s'")

    assert scene.store.heartbeat_operation(operation) is False

    assert scene.store.sweep_lost_work("worker-2") == []


def test_releasing_does_not_count_the_attempt(scene: Scene) -> None:
    operation = scene.running_operation(CHECK)

    scene.store.release_operation(operation)

    assert scene.operation(operation.id)["attempt"] == 0
    again = scene.store.claim_operation(operation.id, "worker-2")
    assert again is not None
    assert again.attempt == 1


def test_a_failure_that_may_pass_is_tried_three_times(scene: Scene) -> None:
    operation_id = scene.queued_operation(CHECK)
    seen = []
    for _ in range(3):
        operation = scene.store.claim_operation(operation_id, WORKER)
        assert operation is not None
        outcome = {"status": "failed", "retry": True, "error": FAILURE}
        seen.append(scene.store.finish_operation(operation, outcome)["status"])

    assert seen == ["queued", "queued", "failed"]
    assert scene.operation(operation_id)["error"] == FAILURE


ACTORS = {CHECK: "check_performance", VALIDATION: "validate_models", DEPLOYMENT: "deploy_model"}


@pytest.mark.parametrize("kind", OperationKind)
def test_a_lost_operation_is_rung_twice_and_fails_at_the_third_loss(
    scene: Scene, kind: OperationKind
) -> None:
    model = scene.challenger()
    arguments: Row = {} if kind is CHECK else {"model_ids": [model["id"]]}
    operation_id = scene.queued_operation(kind, **arguments)
    rings = []
    for _ in range(3):
        scene.lost_operation(operation_id)
        rings.append(scene.store.sweep_lost_work("worker-2"))

    ring = {"actor": ACTORS[kind], "id": str(operation_id)}
    assert rings == [[ring], [ring], []]
    row = scene.operation(operation_id)
    assert (row["status"], row["error"]["type"]) == ("failed", "worker_lost")


# Cancelling ----------------------------------------------------------------------------------


def test_a_queued_operation_is_cancelled_at_once(scene: Scene) -> None:
    operation_id = scene.queued_operation(CHECK)

    answer = scene.as_role(Role.OPERATOR).cancel_job(operation_id)

    assert list(answer) == ["operation"]
    assert (answer["operation"]["id"], answer["operation"]["status"]) == (
        str(operation_id),
        "cancelled",
    )
    assert scene.operation(operation_id)["finished_at"] is not None
    assert scene.store.claim_operation(operation_id, WORKER) is None
    before = scene.everything()
    assert scene.store.cancel_job(operation_id)["operation"]["status"] == "cancelled"
    assert scene.everything() == before


def test_the_worker_of_a_running_operation_is_asked_to_stop(scene: Scene) -> None:
    operation = scene.running_operation(CHECK)

    assert scene.store.cancel_job(operation.id)["operation"]["status"] == "running"

    assert scene.store.heartbeat_operation(operation) is True
    assert scene.store.finish_operation(operation, ENDS["cancelled"])["status"] == "cancelled"


@pytest.mark.parametrize("way", ["release", "sweep"])
def test_an_operation_that_is_to_stop_is_not_queued_again(scene: Scene, way: str) -> None:
    operation = scene.running_operation(CHECK)
    scene.store.cancel_job(operation.id)

    if way == "release":
        scene.store.release_operation(operation)
    else:
        scene.owner.execute("update ml_operations set lease_expires_at = now() - interval '1 s'")
        assert scene.store.sweep_lost_work("worker-2") == []

    row = scene.operation(operation.id)
    assert (row["status"], row["lease_token"]) == ("cancelled", None)
    assert row["finished_at"] is not None


def test_an_operation_that_is_to_stop_is_not_tried_again(scene: Scene) -> None:
    operation = scene.running_operation(CHECK)
    scene.store.cancel_job(operation.id)

    scene.store.finish_operation(operation, {"status": "failed", "retry": True, "error": FAILURE})

    assert scene.operation(operation.id)["status"] == "failed"


@pytest.mark.parametrize("end", ["succeeded", "failed"])
def test_an_operation_that_has_ended_is_not_cancelled(scene: Scene, end: str) -> None:
    operation = scene.running_operation(CHECK)
    scene.store.finish_operation(operation, ENDS[end])

    with pytest.raises(IllegalTransition, match=f"operation {operation.id} has ended: {end}"):
        scene.store.cancel_job(operation.id)


def test_what_is_neither_job_nor_operation_is_not_cancelled(scene: Scene) -> None:
    missing = uuid4()

    with pytest.raises(NotFound, match=f"no job and no operation {missing}"):
        scene.store.cancel_job(missing)
