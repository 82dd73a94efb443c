"""Which rows judged how often: the ledger, and the judgement that counted too few uses."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from core.domain import HoldoutUse, OperationKind
from tests.database.factories import (
    HOLDOUT,
    TRAIN_END,
    WINDOW_END,
    Row,
    Scene,
    digest,
    judgement,
    trained_model,
)

VALIDATION = OperationKind.VALIDATION
USE = HoldoutUse(start=TRAIN_END, end=WINDOW_END)
LATER = {
    "start": (WINDOW_END + timedelta(days=1)).isoformat(),
    "end": (WINDOW_END + timedelta(days=9)).isoformat(),
}


@pytest.fixture(autouse=True)
def churn(scene: Scene) -> None:
    scene.model_type("churn")


def uses(scene: Scene) -> tuple[HoldoutUse, ...]:
    """The uses that the next validation is told of."""
    claimed = scene.running_job().champion
    assert claimed is not None
    return claimed.holdouts


def spans(uses: tuple[HoldoutUse, ...]) -> list[HoldoutUse]:
    return [HoldoutUse(start=use.start, end=use.end) for use in uses]


def validated(scene: Scene, model: Row, **changes: Any) -> Row:
    """The answer of a validation that was asked for."""
    operation = scene.running_operation(VALIDATION, model_ids=[model["id"]])
    found = {"model_id": str(model["id"]), **judged(scene, **changes)}
    answer = scene.store.finish_operation(operation, {"status": "succeeded", "results": [found]})
    (result,) = answer["result"]["results"]
    return dict(result)


def judged(scene: Scene, **changes: Any) -> Row:
    """A judgement against the champion of now."""
    found = {"champion_deployment_id": scene.champion_id(), "holdout": HOLDOUT, **changes}
    return judgement(rule="surely_better", **found)


def test_each_judgement_against_a_champion_counts_its_rows(scene: Scene) -> None:
    scene.champion()
    model = scene.trained(validation=judged(scene, verdict="inconclusive", auto_deployable=False))

    validated(scene, model, holdout=LATER)

    told = uses(scene)
    assert spans(told) == [USE, HoldoutUse.from_row(LATER)]
    assert {(use.rows, use.artifact_hash) for use in told} == {(600, digest("model"))}


def test_a_new_champion_starts_the_count_anew(scene: Scene) -> None:
    scene.champion(text="old")
    scene.trained(text="between", validation=judged(scene))
    scene.champion(text="new")

    assert uses(scene) == ()


def test_a_judgement_without_rows_of_its_own_counts_none(scene: Scene) -> None:
    scene.champion()
    scene.trained(validation=judged(scene, holdout=None))

    assert uses(scene) == ()


@pytest.mark.parametrize(
    ("read", "holdout", "deploys"), [(0, HOLDOUT, False), (0, LATER, True), (1, HOLDOUT, True)]
)
def test_a_model_that_was_judged_beside_another_by_the_same_rows_waits_for_a_person(
    scene: Scene, read: int, holdout: Row, deploys: bool
) -> None:
    scene.champion()
    job = scene.running_job()
    scene.store.finish_training_job(
        job,
        {
            "status": "succeeded",
            "model": trained_model("first"),
            "validation": judged(scene, verdict="rejected", auto_deployable=False),
        },
    )
    found = judged(scene, holdout=holdout, holdouts_read=read)

    ended = scene.store.finish_training_job(
        scene.running_job(),
        {"status": "succeeded", "model": trained_model("second"), "validation": found},
    )

    assert ended["result"]["deployed"] is deploys
    row = scene.row("select * from ml_model_validations order by created_at desc limit 1")
    assert (row["verdict"], row["auto_deployable"]) == ("approved", deploys)
    assert row["rule"] == ("surely_better" if deploys else "none")
    assert ("judged by the same rows meanwhile" in row["reason"]) is not deploys


def test_the_answer_of_a_validation_says_that_it_came_too_late(scene: Scene) -> None:
    scene.champion()
    scene.trained(text="first", validation=judged(scene))
    model = scene.trained(text="second")

    result = validated(scene, model, holdouts_read=0)

    assert (result["auto_deployable"], result["rule"]) == (False, "none")
    assert "waits for a person" in result["reason"]
    assert "holdouts_read" not in result


def test_the_same_model_judged_again_by_the_same_rows_is_no_further_use(scene: Scene) -> None:
    scene.champion()
    model = scene.trained(validation=judged(scene))

    again = validated(scene, model, holdouts_read=0)
    made_again = scene.trained(validation=judged(scene, holdouts_read=0))

    assert (again["auto_deployable"], again["rule"]) == (True, "surely_better")
    assert made_again["id"] != model["id"]
    assert spans(uses(scene)) == [USE]
    rows = scene.rows(
        "select auto_deployable from ml_model_validations where holdout_start is not null"
    )
    assert [row["auto_deployable"] for row in rows] == [True] * 3


@pytest.mark.parametrize("other", [{"holdout": LATER}, {"samples": 601}])
def test_the_same_model_judged_by_other_rows_is_a_further_use(scene: Scene, other: Row) -> None:
    scene.champion()
    model = scene.trained(validation=judged(scene))

    validated(scene, model, **other)

    assert len(uses(scene)) == 2


def test_a_model_that_was_judged_too_leniently_stays_so_however_often_it_is_judged_again(
    scene: Scene,
) -> None:
    scene.champion()
    scene.trained(text="first", validation=judged(scene, verdict="rejected", auto_deployable=False))
    model = scene.trained(text="second", validation=judged(scene, holdouts_read=0))

    again = validated(scene, model, holdouts_read=0)
    knowing = validated(scene, model, holdouts_read=2)

    assert again["auto_deployable"] is False
    assert knowing["auto_deployable"] is True


def test_later_uses_take_nothing_from_a_model_that_was_judged_before_them(scene: Scene) -> None:
    scene.champion()
    model = scene.trained(text="first", validation=judged(scene))
    scene.trained(text="second", validation=judged(scene, holdouts_read=1))

    assert validated(scene, model, holdouts_read=1)["auto_deployable"] is True


def test_a_validation_shows_the_span_of_its_rows(scene: Scene) -> None:
    scene.champion()
    model = scene.trained(validation=judged(scene))

    shown = scene.store.get_training_job(model["training_job_id"])["validation"]

    assert HoldoutUse.from_row(shown["holdout"]) == USE
    assert not {"holdout_start", "holdout_end"} & shown.keys()
