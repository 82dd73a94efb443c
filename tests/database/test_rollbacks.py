"""The way back to the model that served before, and time that is replayed."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest

from core.domain import (
    OperationKind,
    Role,
)
from core.errors import (
    Forbidden,
    IllegalTransition,
    InvalidRequest,
    RefitError,
    StaleValidation,
)
from tests.database.factories import (
    Row,
    Scene,
    check_of,
    judgement,
    trained_model,
)


@pytest.fixture(autouse=True)
def churn(scene: Scene) -> None:
    scene.model_type("churn")


# Going back ----------------------------------------------------------------------------------


def test_going_back_opens_a_deployment_of_the_earlier_model(scene: Scene) -> None:
    first = scene.champion(text="first")
    second = scene.champion(text="second")

    answer = scene.store.rollback_model("churn", reason="Complaints.")

    assert answer["deployment"]["model_version"] == 1
    assert scene.served() == [(1, "retired"), (2, "rolled_back"), (1, "active")]
    row = scene.row("select * from ml_model_deployments where status = 'active'")
    assert (row["rolled_back_from"], row["reason"]) == (second["id"], "Complaints.")
    for column in ("serves", "artifact_hash", "cutoff", "reference", "validation_id"):
        assert row[column] == first[column]
    model = scene.row("select * from ml_models where id = %s", second["model_id"])
    assert model["quarantine_reason"] == "Complaints."
    assert model["quarantined_at"] is not None


def test_going_back_closes_the_alerts_about_the_one_that_served(scene: Scene) -> None:
    scene.champion(text="first")
    second = scene.champion(text="second")
    scene.store.report_artifact_mismatch(second["id"], worker="w", message="Odd.")
    scene.store.finish_operation(
        scene.running_operation(OperationKind.CHECK),
        {"status": "succeeded", "results": [check_of(second)]},
    )
    assert len(scene.alerts(status="open")) == 2

    scene.store.rollback_model("churn", reason="Complaints.")

    assert [a["status"] for a in scene.alerts()] == ["resolved", "resolved"]


def test_going_back_twice_reaches_the_one_before(scene: Scene) -> None:
    for text in ("first", "second", "third"):
        scene.champion(text=text)

    versions = [
        scene.store.rollback_model("churn", reason="Bad.")["deployment"]["model_version"]
        for _ in range(2)
    ]

    assert versions == [2, 1]
    with pytest.raises(IllegalTransition, match="no earlier model of churn"):
        scene.store.rollback_model("churn", reason="Bad.")
    assert scene.served()[-1] == (1, "active")


def test_there_must_be_something_to_go_back_from_and_to(scene: Scene) -> None:
    with pytest.raises(IllegalTransition, match="No model of churn serves production"):
        scene.store.rollback_model("churn", reason="Bad.")
    scene.champion()
    before = scene.everything()

    with pytest.raises(IllegalTransition, match="no earlier model"):
        scene.store.rollback_model("churn", reason="Bad.")

    assert scene.everything() == before


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"reason": " "}, InvalidRequest, "reason is needed"),
        ({"reason": "x" * 1001}, InvalidRequest, "at most 1000"),
        ({"reason": "Bad.", "model_type": "chrun"}, InvalidRequest, "no model type chrun"),
    ],
)
def test_a_bad_request_to_go_back_is_refused(
    scene: Scene, arguments: Row, error: type[RefitError], message: str
) -> None:
    with pytest.raises(error, match=message):
        scene.store.rollback_model(**{"model_type": "churn", **arguments})


def test_only_an_admin_goes_back(scene: Scene) -> None:
    with pytest.raises(Forbidden, match="needs the role admin"):
        scene.as_role(Role.OPERATOR).rollback_model("churn", reason="Bad.")


def test_a_new_challenger_is_compared_after_going_back(scene: Scene) -> None:
    scene.champion(text="first")
    scene.champion(text="second")
    stale = scene.challenger(text="third")
    scene.store.rollback_model("churn", reason="Bad.")

    with pytest.raises(StaleValidation):
        scene.store.request_deployment(model_ids=[stale["id"]])
    scene.deploy(scene.challenger(text="fourth")["id"])

    assert scene.served()[-1] == (4, "active")


# Another time --------------------------------------------------------------------------------

THEN = datetime(2020, 5, 1, tzinfo=UTC)


def test_a_replayed_deployment_is_valid_from_its_own_time(scene: Scene) -> None:
    scene.model_type("replayed", replay=True)
    for month in (5, 6):
        job = scene.running_job("replayed", as_of=THEN.replace(month=month), force=True)
        scene.store.finish_training_job(
            job,
            {
                "status": "succeeded",
                "model": trained_model(str(month)),
                "validation": judgement(champion_deployment_id=scene.champion_id("replayed")),
            },
        )

    scene.store.rollback_model("replayed", reason="Bad.")

    rows = scene.rows("select * from ml_model_deployments order by created_at")
    june = THEN.replace(month=6)
    assert [(r["valid_from"], r["valid_until"]) for r in rows] == [
        (THEN, june),
        (june, june),
        (june, None),
    ]


def ask_as_of(scene: Scene, request: str, role: Role, name: str) -> UUID | Row:
    store = scene.as_role(role)
    if request == "trigger":
        return store.trigger_retraining(model_types=[name], as_of=THEN)
    if request == "check":
        return store.request_check(model_types=[name], as_of=THEN)
    model = scene.row("select * from ml_models where model_type = %s", name)
    if request == "validation":
        return store.request_validation(model_ids=[model["id"]], as_of=THEN)
    return store.request_deployment(model_ids=[model["id"]], as_of=THEN)


@pytest.mark.parametrize("request_", ["trigger", "check", "validation", "deployment"])
def test_only_admins_judge_as_of_another_time_and_only_what_replays(
    scene: Scene, request_: str
) -> None:
    scene.model_type("replayed", replay=True)
    for name in ("churn", "replayed"):
        scene.challenger(name)

    with pytest.raises(Forbidden, match="needs the role admin"):
        ask_as_of(scene, request_, Role.OPERATOR, "replayed")
    with pytest.raises(InvalidRequest, match="as_of is not for the model type churn"):
        ask_as_of(scene, request_, Role.ADMIN, "churn")
    assert ask_as_of(scene, request_, Role.ADMIN, "replayed")


def test_another_time_needs_named_types(scene: Scene) -> None:
    with pytest.raises(InvalidRequest, match="as_of needs model_types"):
        scene.store.trigger_retraining(as_of=THEN)


def test_a_worker_judges_by_the_replayed_time(scene: Scene) -> None:
    scene.model_type("replayed", replay=True)

    assert scene.running_job("replayed", as_of=THEN).evaluated_at == THEN
    operation = scene.running_operation(OperationKind.CHECK, model_types=["replayed"], as_of=THEN)
    assert operation.evaluated_at == THEN
