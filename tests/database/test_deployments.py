"""Who may serve: the swap of a champion, and what is refused."""

from __future__ import annotations

import pytest

from core.domain import Environment, OperationKind, Role, Serves
from core.errors import (
    Forbidden,
    InvalidRequest,
    NotApproved,
    Quarantined,
    StaleValidation,
)
from tests.database.factories import (
    TRAIN_END,
    WINDOW_END,
    Row,
    Scene,
    deployment_outcome,
    digest,
    judgement,
    trained_model,
)

STAGING = Environment.STAGING


@pytest.fixture(autouse=True)
def churn(scene: Scene) -> None:
    scene.model_type("churn")


# Versions -----------------------------------------------------------------------------------


def test_versions_count_on_per_model_type(scene: Scene) -> None:
    scene.model_type("visits")

    versions = [scene.trained(name)["version"] for name in ("churn", "churn", "visits", "churn")]

    assert versions == [1, 2, 1, 3]


def test_a_model_without_a_judgement_is_a_candidate(scene: Scene) -> None:
    model = scene.trained()

    assert (model["status"], model["train_end"], model["window_end"]) == (
        "candidate",
        TRAIN_END,
        WINDOW_END,
    )
    assert scene.served() == []


# Deploying ----------------------------------------------------------------------------------


def test_an_approved_model_replaces_the_champion(scene: Scene) -> None:
    scene.champion()
    challenger = scene.challenger()

    answer = scene.deploy(challenger["id"], reason="Better on new rows.")

    assert answer["result"]["deployments"][0]["changed"] is True
    assert scene.served() == [(1, "retired"), (2, "active")]
    row = scene.row("select * from ml_model_deployments where status = 'active'")
    assert row["reason"] == "Better on new rows."
    assert row["deployed_by"]["name"] == "an admin's key"
    old = scene.row("select * from ml_model_deployments where status = 'retired'")
    assert old["valid_until"] == row["valid_from"]


def test_the_champion_again_changes_nothing(scene: Scene) -> None:
    champion = scene.champion()

    for force in (False, True):
        answer = scene.deploy(champion["model_id"], force=force)
        deployment = answer["result"]["deployments"][0]
        assert (deployment["id"], deployment["changed"]) == (str(champion["id"]), False)

    assert scene.served() == [(1, "active")]


def test_a_new_champion_closes_the_alerts_about_the_old_one(scene: Scene) -> None:
    champion = scene.champion()
    scene.store.report_artifact_mismatch(champion["id"], worker="w", message="Odd.")
    scene.store.cancel_job(
        scene.row("select id from ml_training_jobs where status = 'queued'")["id"]
    )

    scene.deploy(scene.challenger()["id"])

    assert [a["status"] for a in scene.alerts()] == ["resolved"]


@pytest.mark.parametrize("verdict", [None, "rejected", "inconclusive"])
def test_what_was_not_approved_is_not_deployed(scene: Scene, verdict: str | None) -> None:
    model = scene.trained(validation=None if verdict is None else judgement(verdict))
    before = scene.everything()

    with pytest.raises(NotApproved, match="churn version 1 is not approved for production"):
        scene.store.request_deployment(model_ids=[model["id"]])

    assert scene.everything() == before


def test_the_last_judgement_counts(scene: Scene) -> None:
    model = scene.challenger()
    scene.store.finish_operation(
        scene.running_operation(OperationKind.VALIDATION, model_ids=[model["id"]]),
        {
            "status": "succeeded",
            "results": [{"model_id": str(model["id"]), **judgement("rejected")}],
        },
    )

    with pytest.raises(NotApproved, match="last validation says rejected"):
        scene.store.request_deployment(model_ids=[model["id"]])


def test_approval_for_one_environment_is_none_for_another(scene: Scene) -> None:
    model = scene.trained(validation=judgement(), environment=STAGING)

    with pytest.raises(NotApproved, match="never validated there"):
        scene.store.request_deployment(model_ids=[model["id"]])
    scene.deploy(model["id"], environment=STAGING)

    assert scene.champion_id(environment=STAGING) is not None
    assert scene.champion_id() is None


def test_a_judgement_against_another_champion_is_stale(scene: Scene) -> None:
    scene.champion()
    late = scene.challenger(text="late")
    scene.deploy(scene.challenger(text="faster")["id"])

    with pytest.raises(StaleValidation, match="compared with another champion"):
        scene.store.request_deployment(model_ids=[late["id"]])


def test_the_swap_itself_asks_again(scene: Scene) -> None:
    scene.champion()
    late = scene.challenger(text="late")
    operation = scene.running_operation(OperationKind.DEPLOYMENT, model_ids=[late["id"]])
    scene.deploy(scene.challenger(text="faster")["id"])

    answer = scene.store.finish_operation(operation, deployment_outcome(operation))

    assert (answer["status"], answer["error"]["type"]) == ("failed", "stale_validation")
    assert scene.served() == [(1, "retired"), (3, "active")]


def test_an_artifact_that_came_after_the_check_does_not_serve(scene: Scene) -> None:
    model = scene.challenger()
    operation = scene.running_operation(OperationKind.DEPLOYMENT, model_ids=[model["id"]])
    outcome = deployment_outcome(operation)
    final = {"artifact_hash": digest("final"), "agreement": 0.97}
    scene.store.finish_operation(
        scene.running_operation(OperationKind.VALIDATION, model_ids=[model["id"]]),
        {
            "status": "succeeded",
            "results": [{"model_id": str(model["id"]), **judgement(final_fit=final)}],
        },
    )

    answer = scene.store.finish_operation(operation, outcome)

    assert (answer["status"], answer["error"]["type"]) == ("failed", "conflict")
    assert "Another artifact of churn version 1" in answer["error"]["detail"]
    assert scene.served() == []
    scene.deploy(model["id"])
    row = scene.row("select artifact_hash, serves from ml_model_deployments")
    assert row == {"artifact_hash": digest("final"), "serves": "final_fit"}


def test_a_deployment_that_does_not_say_what_was_checked_is_refused(scene: Scene) -> None:
    model = scene.challenger()
    operation = scene.running_operation(OperationKind.DEPLOYMENT, model_ids=[model["id"]])
    before = scene.everything()

    for item in ({}, {"artifact_hash": None}):
        with pytest.raises(InvalidRequest, match="A deployment needs artifact_hash"):
            scene.store.finish_operation(
                operation,
                {"status": "succeeded", "results": [{"model_id": str(model["id"]), **item}]},
            )

    assert scene.everything() == before


def test_an_admin_may_force_what_was_not_approved(scene: Scene) -> None:
    scene.champion()
    model = scene.trained(text="rejected", validation=judgement("rejected"))

    with pytest.raises(Forbidden, match="needs the role admin"):
        scene.as_role(Role.OPERATOR).request_deployment(model_ids=[model["id"]], force=True)
    scene.deploy(model["id"], force=True)

    row = scene.row("select * from ml_model_deployments where status = 'active'")
    assert (row["model_id"], row["forced"]) == (model["id"], True)


def test_nobody_may_force_a_quarantined_model(scene: Scene) -> None:
    scene.champion()
    bad = scene.champion(text="bad")
    scene.store.rollback_model("churn", reason="It shouted at customers.")

    for force in (False, True):
        with pytest.raises(Quarantined, match="version 2 was rolled back: It shouted"):
            scene.store.request_deployment(model_ids=[bad["model_id"]], force=force)


def test_an_approved_fit_serves_where_there_is_no_final_fit(scene: Scene) -> None:
    deployment = scene.champion(text="approved")

    assert (deployment["serves"], deployment["artifact_hash"], deployment["cutoff"]) == (
        Serves.APPROVED_FIT,
        digest("approved"),
        TRAIN_END,
    )


def test_a_final_fit_serves_with_its_own_artifact_and_cutoff(scene: Scene) -> None:
    final = {"artifact_hash": digest("final"), "agreement": 0.97}
    model = scene.trained(validation=judgement(final_fit=final), auto_deploy=True)

    deployment = scene.row("select * from ml_model_deployments")

    assert (deployment["serves"], deployment["artifact_hash"], deployment["cutoff"]) == (
        Serves.FINAL_FIT,
        digest("final"),
        WINDOW_END,
    )
    assert model["final_fit"] == final
    champion = scene.store.get_champion("churn")
    assert champion is not None
    assert (champion.serves, champion.cutoff) == (Serves.FINAL_FIT, WINDOW_END)


def test_no_final_fit_is_stored_as_none(scene: Scene) -> None:
    model = scene.trained(validation=judgement(final_fit=None))

    assert (model["final_fit"], model["final_artifact_hash"]) == (None, None)


# Deploying at the end of a training ---------------------------------------------------------


def test_a_stale_swap_keeps_the_model_and_its_judgement(scene: Scene) -> None:
    champion = scene.champion()
    job = scene.running_job(force=True)
    scene.deploy(scene.trained(text="meanwhile", environment=STAGING)["id"], force=True)

    answer = scene.store.finish_training_job(
        job,
        {
            "status": "succeeded",
            "model": trained_model("late"),
            "validation": judgement(champion_deployment_id=str(champion["id"])),
        },
    )

    assert answer["status"] == "succeeded"
    assert answer["result"]["deployed"] is False
    assert answer["result"]["deployment_error"]["type"] == "stale_validation"
    model = scene.row("select * from ml_models where id = %s", answer["result"]["model_id"])
    assert model["status"] == "approved"
    assert answer["result"]["validation_id"] is not None
    assert [a["kind"] for a in scene.alerts(status="open")] == ["deployment_issue"]


@pytest.mark.parametrize(
    ("auto_deploy", "validation"),
    [
        (False, judgement()),
        (True, judgement(auto_deployable=False)),
        (True, judgement("rejected")),
        (True, None),
    ],
)
def test_only_an_approved_and_wanted_model_deploys_itself(
    scene: Scene, auto_deploy: bool, validation: Row | None
) -> None:
    scene.trained(validation=validation, auto_deploy=auto_deploy)

    assert scene.served() == []
