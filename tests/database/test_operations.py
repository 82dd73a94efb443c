"""Checks, validations and deployments that were asked for: the same states as jobs, never skipped."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID, uuid4

import pytest

from core.domain import ClaimedOperation, OperationKind, ValidationVerdict
from core.errors import IllegalTransition, InvalidRequest, LeaseLost, NotApproved, NotFound
from core.store import Store
from tests.database.factories import (
    FAILURE,
    WINDOW_START,
    WORKER,
    Row,
    Scene,
    check_of,
    deployment_outcome,
    digest,
    judgement,
    trained_model,
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


def use(store: Store, operation: ClaimedOperation, action: str) -> object:
    match action:
        case "heartbeat":
            return store.heartbeat_operation(operation)
        case "release":
            return store.release_operation(operation)
        case _:
            return store.finish_operation(operation, ENDS[action])


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
        scene.database.call(
            "release_operation", {"p_id": operation.id, "p_lease_token": None}
        )


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


# What checks write --------------------------------------------------------------------------


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


# What validations write ---------------------------------------------------------------------


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

    answer = scene.store.finish_operation(operation, deployment_outcome(bad["id"], good["id"]))

    assert answer["status"] == "succeeded"
    assert [d["model_id"] for d in answer["result"]["deployments"]] == [str(good["id"])]
    error = answer["result"]["errors"][0]
    assert (error["type"], error["status"], error["model_id"]) == (
        "stale_validation",
        409,
        str(bad["id"]),
    )


# Asking -------------------------------------------------------------------------------------


def test_models_are_named_by_type_job_or_id(scene: Scene) -> None:
    scene.trained(text="first")
    second = scene.trained(text="second")
    ways: list[Row] = [
        {"model_types": ["churn"]},
        {"job_ids": [second["training_job_id"]]},
        {"model_ids": [second["id"]]},
    ]

    for way in ways:
        operation = scene.store.request_validation(**way)
        assert scene.operation(operation)["parameters"] == {"model_ids": [str(second["id"])]}


def test_a_deployment_by_type_means_the_newest_approved_model(scene: Scene) -> None:
    approved = scene.challenger(text="approved")
    scene.trained(text="rejected", validation=judgement(ValidationVerdict.REJECTED))

    operation = scene.store.request_deployment(model_types=["churn"])

    assert scene.operation(operation)["parameters"]["model_ids"] == [str(approved["id"])]


def test_a_deployment_by_type_needs_an_approved_model(scene: Scene) -> None:
    scene.trained()

    with pytest.raises(NotApproved, match="churn has no approved model"):
        scene.store.request_deployment(model_types=["churn"])


MISSING = UUID("00000000-0000-4000-8000-000000000001")
BAD_REQUESTS: dict[str, tuple[OperationKind, Row, str]] = {
    "a tiny threshold": (CHECK, {"threshold": 0.0}, "threshold must be between"),
    "a huge threshold": (CHECK, {"threshold": 1.5}, "threshold must be between"),
    "no window": (CHECK, {"time_window": 0}, "time_window must be between"),
    "a window without a value": (CHECK, {"time_window": None}, "time_window must be between"),
    "an unknown type": (CHECK, {"model_types": ["chrun"]}, "no model type chrun"),
    "no models": (VALIDATION, {}, "exactly one of model_ids, model_types or job_ids"),
    "an empty list": (VALIDATION, {"model_ids": []}, "No model is named"),
    "two ways": (
        VALIDATION,
        {"model_types": ["churn"], "job_ids": [MISSING]},
        "exactly one of model_ids",
    ),
    "an unknown model": (VALIDATION, {"model_ids": [MISSING]}, f"no model {MISSING}"),
    "a job without a model": (VALIDATION, {"job_ids": [MISSING]}, f"job {MISSING} has no model"),
    "a type without a model": (VALIDATION, {"model_types": ["churn"]}, "churn has no model"),
    "an unknown model to deploy": (DEPLOYMENT, {"model_ids": [MISSING]}, f"no model {MISSING}"),
    "a long reason": (
        DEPLOYMENT,
        {"model_ids": [MISSING], "reason": "x" * 1001},
        f"no model {MISSING}|reason must have",
    ),
}


@pytest.mark.parametrize("what", BAD_REQUESTS)
def test_a_bad_request_names_what_is_wrong_and_changes_nothing(scene: Scene, what: str) -> None:
    kind, arguments, message = BAD_REQUESTS[what]
    before = scene.everything()

    with pytest.raises(InvalidRequest, match=message):
        scene.queued_operation(kind, **arguments)

    assert scene.everything() == before


# Artifacts that no longer predict what they did ---------------------------------------------


def test_a_mismatch_opens_an_alert_and_queues_a_retraining(scene: Scene) -> None:
    champion = scene.champion()

    answer = scene.store.report_artifact_mismatch(
        champion["id"], worker=WORKER, message="Row 3 is now 0.41."
    )

    job = scene.job(answer["jobs"][0]["id"])
    assert (job["trigger"], job["force"], job["as_of"]) == ("artifact", True, None)
    assert [(a["kind"], a["severity"]) for a in scene.alerts()] == [
        ("artifact_mismatch", "critical")
    ]
    with pytest.raises(NotFound, match=str(MISSING)):
        scene.store.report_artifact_mismatch(MISSING, worker=WORKER, message="")


def test_a_mismatch_of_a_disabled_type_only_opens_the_alert(scene: Scene) -> None:
    champion = scene.champion()
    scene.store.update_model_type("churn", {"enabled": False})

    answer = scene.store.report_artifact_mismatch(champion["id"], worker=WORKER, message="Odd.")

    assert answer == {"jobs": []}
    assert len(scene.alerts(kind="artifact_mismatch")) == 1


def test_a_mismatch_of_a_replayed_type_is_retrained_in_its_own_time(scene: Scene) -> None:
    scene.model_type("replayed", replay=True)
    job = scene.running_job("replayed", as_of=WINDOW_START)
    finished = scene.store.finish_training_job(
        job, {"status": "succeeded", "model": trained_model(), "validation": judgement()}
    )

    answer = scene.store.report_artifact_mismatch(
        UUID(finished["result"]["deployment_id"]), worker=WORKER, message="Odd."
    )

    assert scene.job(answer["jobs"][0]["id"])["as_of"] == WINDOW_START
