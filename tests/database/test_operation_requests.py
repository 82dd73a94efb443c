"""Asking for a check, a validation, a deployment; and what asks for itself."""

from __future__ import annotations

from uuid import UUID

import pytest

from core.domain import (
    OperationKind,
    ValidationVerdict,
)
from core.errors import (
    InvalidRequest,
    NotApproved,
    NotFound,
)
from tests.database.factories import (
    WINDOW_START,
    WORKER,
    Row,
    Scene,
    judgement,
    trained_model,
)

CHECK, VALIDATION, DEPLOYMENT = OperationKind


@pytest.fixture(autouse=True)
def churn(scene: Scene) -> None:
    scene.model_type("churn")


# Asking --------------------------------------------------------------------------------------


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


# Artifacts that no longer predict what they did ----------------------------------------------


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


def test_a_mismatch_that_a_retraining_did_not_mend_queues_no_other(scene: Scene) -> None:
    champion = scene.champion()
    asked = scene.store.report_artifact_mismatch(champion["id"], worker=WORKER, message="Odd.")
    job = scene.store.claim_training_job(UUID(asked["jobs"][0]["id"]), WORKER)
    assert job is not None
    error = {"type": "artifact", "status": 500, "detail": "It cannot be loaded."}
    scene.store.finish_training_job(job, {"status": "failed", "error": error})

    again = scene.store.report_artifact_mismatch(champion["id"], worker=WORKER, message="Odd.")

    assert again == {"jobs": []}
    assert len(scene.alerts(kind="artifact_mismatch")) == 1


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


def test_a_mismatch_of_what_serves_no_more_is_let_be(scene: Scene) -> None:
    old = scene.champion(text="old")
    scene.champion(text="new")

    answer = scene.store.report_artifact_mismatch(old["id"], worker=WORKER, message="Odd.")

    assert answer == {"jobs": []}
    assert scene.alerts() == []


def test_a_mismatch_joins_the_training_that_runs(scene: Scene) -> None:
    champion = scene.champion()
    job = scene.running_job()

    answer = scene.store.report_artifact_mismatch(champion["id"], worker=WORKER, message="Odd.")

    # It has loaded the champion too, sees the same, and trains: nothing need follow.
    assert [(j["id"], j["coalesced"]) for j in answer["jobs"]] == [(str(job.id), True)]
    assert scene.job(job.id)["follow_up"] is None
    assert len(scene.alerts(kind="artifact_mismatch")) == 1


def test_a_mismatch_is_told_while_a_training_of_another_time_waits(scene: Scene) -> None:
    scene.model_type("replayed", replay=True)
    champion = scene.champion("replayed")
    scene.queued_job("replayed", as_of=WINDOW_START)

    answer = scene.store.report_artifact_mismatch(champion["id"], worker=WORKER, message="Odd.")

    assert answer == {"jobs": []}
    assert len(scene.alerts(kind="artifact_mismatch")) == 1
