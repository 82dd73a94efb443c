from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from core.domain import (
    DRY_RUN_GATES,
    GATE_NAMES,
    DeploymentRule,
    Gate,
    HoldoutUse,
    QualityFinding,
    Validation,
    ValidationVerdict,
)
from core.engines.fitted_model import FittedModel
from core.engines.gates import latency, size
from core.engines.holdout_use import span_of, spending_level
from core.engines.model_validation import ModelValidationFramework, ReloadCheck
from core.errors import DataError, InvalidRequest
from tests.engines.rows import QUALITY, model_type, rows

FRAME = rows(2400)


def fitted(
    kind: Any, *, flipped: float = 0.0, columns: tuple[str, ...] = ("a", "b")
) -> FittedModel:
    """A model that learnt from the first 800 rows, of which a share had the wrong class."""
    known = FRAME[:800]
    wrong = np.random.default_rng(0).random(800) < flipped
    target = np.where(wrong, 1 - known["y"], known["y"])
    return FittedModel(
        pipeline=LogisticRegression().fit(known[list(columns)], target),
        task=kind.task,
        target_column="y",
        feature_columns=columns,
        column_kinds=dict.fromkeys(columns, "numeric"),
        classes=[0, 1],
    )


def validated(kind: Any = None, **changes: Any) -> Validation:
    kind = kind or model_type()
    arguments: dict[str, Any] = {
        "challenger": fitted(kind),
        "champion": fitted(kind, columns=("a",)),
        "holdout": FRAME[800:],
        "champion_cutoff": None,
        "quality": QUALITY,
        "training_rows": 2400,
        "train_frame": FRAME[:800],
        "reload": None,
        "seed": 0,
    }
    return ModelValidationFramework(kind).validate(**(arguments | changes))


def gate(validation: Validation, name: str) -> Gate:
    return next(one for one in validation.gates if one.name == name)


def names(validation: Validation) -> list[str]:
    return [one.name for one in validation.gates]


# Which rule, at which level ------------------------------------------------------------------


def test_a_validation_says_by_which_rule_and_at_which_level_it_decided() -> None:
    better = validated()
    assert (better.rule, better.alarm) == (DeploymentRule.SURELY_BETTER, False)
    assert better.holdout == span_of(FRAME[800:], model_type())
    assert (better.holdout_use, better.alpha) == (1, spending_level(1))
    assert "93.9 % interval" in better.reason

    model = fitted(model_type())
    same = validated(challenger=model, champion=model)
    assert (same.verdict, same.rule) == (ValidationVerdict.APPROVED, DeploymentRule.NONE)
    alarmed = validated(challenger=model, champion=model, alarm=True)
    assert (alarmed.rule, alarmed.alarm) == (DeploymentRule.NOT_WORSE, True)
    assert "surely got worse" in alarmed.reason

    worse = validated(challenger=fitted(model_type(), columns=("a",)), champion=model, alarm=True)
    assert (worse.verdict, worse.rule) == (ValidationVerdict.REJECTED, DeploymentRule.NONE)


def test_a_first_model_and_the_champion_itself_use_up_no_holdout() -> None:
    first, again = validated(champion=None), validated(champion=None, is_champion=True)
    assert first.rule is DeploymentRule.FIRST_MODEL
    assert (again.rule, again.auto_deployable) == (DeploymentRule.NONE, False)
    assert first.holdout is None
    assert again.holdout is None
    assert "no champion" in gate(first, "calibration").detail


def test_rows_that_judged_before_ask_for_a_surer_proof() -> None:
    whole = span_of(FRAME, model_type())
    third = validated(earlier_holdouts=[whole, whole])
    assert (third.holdout_use, third.alpha) == (3, spending_level(3))
    fresh = validated()
    assert fresh.confidence_interval is not None
    assert third.confidence_interval is not None
    assert third.confidence_interval[0] < fresh.confidence_interval[0]
    assert "Use 3 of the same rows" in gate(third, "better_than_champion").detail
    # An earlier one on other rows has nothing to do with these.
    old = HoldoutUse(start=whole.start, end=FRAME["at"].iloc[900].to_pydatetime())
    assert validated(earlier_holdouts=[old]).holdout_use == 1


def test_rows_that_made_a_check_ask_for_the_training_are_used_already() -> None:
    asked = validated(suspected=True)
    assert (asked.holdout_use, asked.alpha) == (2, spending_level(2))
    proven = validated(suspected=True, alarm=True)
    assert (proven.holdout_use, proven.alpha) == (1, spending_level(1))


def test_everything_that_is_recorded_is_json() -> None:
    kind = model_type(slice_columns=("part",), entity_column="who", latency_budget_ms=5.0)
    frame = FRAME.assign(part="x", who=np.arange(2400) % 700)
    for result in (
        validated(kind, holdout=frame[800:], latency_ms=7.0, size_bytes=10_000),
        validated(kind, holdout=frame[800:], champion=None),
        validated(kind, holdout=frame[800:].assign(y=1)),
    ):
        text = json.dumps(result.as_json(), allow_nan=False)
        assert all(one["figures"] for one in json.loads(text)["gates"])


def test_few_entities_cannot_compare_two_models() -> None:
    kind = model_type(entity_column="who")
    few = validated(kind, holdout=FRAME[800:].assign(who=np.arange(1600) % 29))
    assert few.verdict is ValidationVerdict.INCONCLUSIVE
    assert "Only 29 entities" in few.reason
    with pytest.raises(DataError, match='"who" is missing'):
        validated(kind)


# Budgets --------------------------------------------------------------------------------------


def test_a_model_over_budget_is_rejected_and_without_a_budget_only_measured() -> None:
    tight = model_type(latency_budget_ms=5.0, size_budget_mb=1.0)
    assert latency(5.0, tight).gate.passed
    assert not latency(5.1, tight).gate.passed
    assert size(1_000_000, tight).gate.passed
    assert not size(1_000_001, tight).gate.passed
    slow = validated(tight, latency_ms=9.0, size_bytes=500_000)
    assert slow.verdict is ValidationVerdict.REJECTED
    assert "5 ms are allowed" in slow.reason

    free = validated(latency_ms=9.0, size_bytes=10**9)
    assert free.auto_deployable
    assert (gate(free, "latency").value, gate(free, "size").value) == (9.0, 1000.0)
    assert not {"latency", "size"} & set(names(validated(tight)))


# Slices and dry runs in a validation ----------------------------------------------------------


def sliced(**changes: Any) -> tuple[Any, pd.DataFrame]:
    return model_type(slice_columns=("part",), **changes), FRAME[800:]


def test_a_failing_slice_gate_keeps_a_better_challenger_from_serving() -> None:
    kind, holdout = sliced()
    result = validated(kind, holdout=holdout)  # without the column
    assert result.verdict is ValidationVerdict.INCONCLUSIVE
    assert not result.auto_deployable
    assert '"part"' in result.reason
    assert validated(kind, holdout=holdout.assign(part="x")).auto_deployable


def test_a_dry_run_gate_is_recorded_as_it_came_out_and_never_blocks() -> None:
    kind, holdout = sliced(dry_run_gates=("slices",))
    result = validated(kind, holdout=holdout)
    recorded = gate(result, "slices")
    assert (recorded.passed, recorded.dry_run) == (False, True)
    assert result.verdict is ValidationVerdict.APPROVED
    assert result.auto_deployable
    assert not gate(result, "better_than_champion").dry_run


def failing(name: str) -> dict[str, Any]:
    """What makes just that gate fail; the challenger is better than the champion else."""
    finding = QualityFinding(name="one_class", column="y", blocking=True, detail="One class only.")
    knows_more = FRAME[800:].assign(part="x")
    boasting = fitted(model_type())
    boasting.pipeline.coef_ *= 40
    settings: dict[str, dict[str, Any]] = {
        "enough_rows": {"training_rows": 99},
        "data_quality": {"quality": replace(QUALITY, findings=(finding,))},
        "beats_baseline": {"challenger": fitted(model_type(), flipped=1.0), "champion": None},
        "artifact_reproduces": {"reload": ReloadCheck(recorded=np.ones(2), reloaded=np.zeros(2))},
        "latency": {"latency_ms": 9.0},
        "size": {"size_bytes": 2_000_000},
        "better_than_champion": {
            "challenger": fitted(model_type(), columns=("a",)),
            "champion": fitted(model_type()),
            "holdout": FRAME[800:].assign(part=np.arange(1600) % 20),  # none is large enough
        },
        "calibration": {"challenger": boasting, "champion": fitted(model_type())},
        "slices": {"holdout": FRAME[800:]},
    }
    return {"holdout": knows_more} | settings[name]


@pytest.mark.parametrize("name", GATE_NAMES)
def test_each_gate_blocks_but_as_a_dry_run_is_only_recorded(name: str) -> None:
    settings: dict[str, Any] = {
        "slice_columns": ("part",),
        "latency_budget_ms": 5.0,
        "size_budget_mb": 1.0,
    }
    blocked = validated(model_type(**settings), **failing(name))
    assert [one.name for one in blocked.gates if not one.passed] == [name]
    assert blocked.verdict is not ValidationVerdict.APPROVED
    assert not blocked.auto_deployable
    assert blocked.reason == gate(blocked, name).detail

    if name not in DRY_RUN_GATES:
        return
    trial = validated(model_type(**settings, dry_run_gates=(name,)), **failing(name))
    assert trial.verdict is ValidationVerdict.APPROVED
    assert gate(trial, name) == replace(gate(blocked, name), dry_run=True)
    assert [one for one in trial.gates if one.name != name] == [
        one for one in blocked.gates if one.name != name
    ]


def test_every_gate_is_a_row_in_a_fixed_order_with_a_sentence_and_its_figures() -> None:
    kind = model_type(slice_columns=("part",), latency_budget_ms=5.0, size_budget_mb=1.0)
    whole = validated(
        kind,
        holdout=FRAME[800:].assign(part="x"),
        reload=ReloadCheck(recorded=np.ones(2), reloaded=np.ones(2)),
        latency_ms=1.0,
        size_bytes=1000,
    )
    assert tuple(names(whole)) == GATE_NAMES
    for one in whole.gates:
        assert one.passed, one.detail
        assert one.detail.endswith(".")
        assert one.figures
        assert one.value is not None
    assert {one.name for one in whole.gates if one.threshold is None} == {"data_quality"}
    assert {one.name for one in whole.gates if one.interval is not None} == {
        "beats_baseline",
        "better_than_champion",
        "calibration",
    }


def test_a_dry_run_comparison_never_promotes_a_worse_challenger() -> None:
    kind = model_type(dry_run_gates=("better_than_champion",))
    result = validated(kind, challenger=fitted(kind, columns=("a",)), champion=fitted(kind))
    assert result.verdict is ValidationVerdict.APPROVED
    assert not result.auto_deployable
    assert "dry run" in result.reason


def test_a_dry_run_of_an_unknown_gate_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InvalidRequest, match='no gate "speed"') as caught:
        ModelValidationFramework(model_type(dry_run_gates=("slices", "speed")))
    assert "latency" in str(caught.value.hint)


@pytest.mark.parametrize("name", sorted(set(GATE_NAMES) - set(DRY_RUN_GATES)))
def test_what_stops_a_training_before_any_gate_cannot_be_a_dry_run(name: str) -> None:
    with pytest.raises(InvalidRequest, match=f'"{name}" cannot be a dry run.*stops the training'):
        ModelValidationFramework(model_type(dry_run_gates=("slices", name)))


# A metric of the user's own -------------------------------------------------------------------


class Profit:
    """One for each case that was found, minus one for each that was not one."""

    label = "profit"
    greater_is_better = True
    in_points = False

    def __call__(self, truth: Any, predicted: Any, proba: Any, classes: Any) -> float:  # noqa: ARG002
        return float(((predicted == 1) * np.where(truth == 1, 1, -1)).mean())


def test_a_metric_of_the_users_own_decides_like_any_other() -> None:
    kind = model_type(metric="acme.metrics:profit")
    arguments: dict[str, Any] = {
        "challenger": fitted(kind),
        "champion": fitted(kind, columns=("a",)),
        "holdout": FRAME[800:1200],
        "champion_cutoff": None,
        "quality": QUALITY,
        "training_rows": 1200,
        "train_frame": FRAME[:800],
        "reload": None,
        "seed": 0,
    }
    framework = ModelValidationFramework(kind, metrics={"acme.metrics:profit": Profit()})
    result = framework.validate(**arguments)
    assert result.reason.startswith("profit ")
    assert result.auto_deployable
