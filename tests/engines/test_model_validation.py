from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from core.domain import DeploymentRule, Gate, QualityFinding, Validation, ValidationVerdict
from core.engines.comparison import compare
from core.engines.continuous_learning import ContinuousLearningEngine
from core.engines.gates import better_than_champion, deployment_rule
from core.engines.metrics import Scored, get_metric
from core.engines.model_validation import ModelValidationFramework, ReloadCheck
from tests.engines.rows import QUALITY, model_type, regression_type, rows

ACCURACY = get_metric("accuracy")


def validated(*, kind: Any = None, **changes: Any) -> Validation:
    kind = kind or model_type()
    frame = rows(1200)
    engine = ContinuousLearningEngine(kind)
    arguments: dict[str, Any] = {
        "challenger": engine.fit_window(frame[:800], seed=0),
        "champion": None,
        "holdout": frame[800:],
        "champion_cutoff": None,
        "quality": QUALITY,
        "training_rows": 1200,
        "train_frame": frame[:800],
        "reload": None,
        "seed": 0,
    }
    return ModelValidationFramework(kind).validate(**(arguments | changes))


def gate(validation: Validation, name: str) -> Gate:
    return next(one for one in validation.gates if one.name == name)


def model_without_knowledge(kind: Any = None) -> Any:
    frame = rows(800)
    target = (kind or model_type()).target_column
    frame[target] = frame[target].sample(frac=1, random_state=0).to_numpy()
    return ContinuousLearningEngine(kind or model_type()).fit_window(frame, seed=0)


def test_a_first_model_that_passes_the_absolute_gates_may_serve() -> None:
    result = validated()
    assert result.verdict is ValidationVerdict.APPROVED
    assert result.auto_deployable
    assert result.improvement is None
    assert "no champion" in gate(result, "better_than_champion").detail


def test_the_champion_is_not_called_a_first_model_when_it_is_judged_again() -> None:
    again = validated(is_champion=True)
    assert again.verdict is ValidationVerdict.APPROVED
    assert again.reason.startswith("The champion itself: ")
    assert "not compared with itself" in gate(again, "better_than_champion").detail


def test_each_absolute_gate_can_fail() -> None:
    few = validated(training_rows=99)
    assert not gate(few, "enough_rows").passed
    assert few.verdict is ValidationVerdict.INCONCLUSIVE

    finding = QualityFinding(name="one_class", column="y", blocking=True, detail="One class only.")
    bad = validated(quality=replace(QUALITY, findings=(finding,)))
    assert gate(bad, "data_quality") == replace(
        gate(bad, "data_quality"), passed=False, detail="One class only."
    )
    assert bad.verdict is ValidationVerdict.REJECTED
    assert bad.reason == "One class only."

    useless = validated(challenger=model_without_knowledge())
    assert not gate(useless, "beats_baseline").passed
    assert not useless.auto_deployable

    recorded = np.array([0, 1, 1])
    other = validated(reload=ReloadCheck(recorded=recorded, reloaded=np.array([0, 1, 0])))
    assert not gate(other, "artifact_reproduces").passed
    assert other.verdict is ValidationVerdict.REJECTED
    same = validated(reload=ReloadCheck(recorded=recorded, reloaded=recorded))
    assert gate(same, "artifact_reproduces").passed


def test_a_better_challenger_replaces_the_champion_and_a_worse_one_is_rejected() -> None:
    good = ContinuousLearningEngine(model_type()).fit_window(rows(800), seed=0)
    bad = model_without_knowledge()

    better = validated(challenger=good, champion=bad)
    assert (better.verdict, better.auto_deployable) == (ValidationVerdict.APPROVED, True)
    assert better.improvement is not None
    assert better.improvement > 0.2

    worse = validated(challenger=bad, champion=good)
    assert (worse.verdict, worse.auto_deployable) == (ValidationVerdict.REJECTED, False)
    assert not gate(worse, "better_than_champion").passed


def test_only_rows_newer_than_both_cut_offs_compare() -> None:
    frame = rows(1200)
    cutoff = frame["at"].iloc[999].to_pydatetime()
    champion = model_without_knowledge()
    assert validated(champion=champion, champion_cutoff=cutoff).samples == 200

    few = validated(champion=champion, champion_cutoff=frame["at"].iloc[1180].to_pydatetime())
    assert (few.verdict, few.samples) == (ValidationVerdict.INCONCLUSIVE, 19)
    assert "30 are needed" in few.reason

    none = validated(champion=champion, champion_cutoff=frame["at"].iloc[-1].to_pydatetime())
    assert none.verdict is ValidationVerdict.INCONCLUSIVE
    assert not none.auto_deployable


def test_a_champion_that_cannot_be_scored_is_no_pass() -> None:
    frame = rows(800).assign(c=1.0)
    kind = model_type(feature_columns=("a", "c"))
    champion = ContinuousLearningEngine(kind).fit_window(frame, seed=0)
    result = validated(champion=champion)
    assert not gate(result, "better_than_champion").passed
    assert '"c"' in result.reason


def test_a_metric_that_is_not_defined_fails_its_gates() -> None:
    holdout = rows(1200)[800:].assign(y=1)
    result = validated(
        kind=model_type(metric="roc_auc"), holdout=holdout, champion=model_without_knowledge()
    )
    assert not gate(result, "beats_baseline").passed
    assert not gate(result, "better_than_champion").passed
    assert result.improvement is None


@pytest.mark.parametrize("metric", ["f1", "roc_auc", "log_loss"])
def test_other_metrics_of_classes_are_judged_too(metric: str) -> None:
    kind = model_type(metric=metric)
    result = validated(kind=kind, champion=model_without_knowledge(kind))
    assert result.auto_deployable, result.reason
    assert result == validated(kind=kind, champion=model_without_knowledge(kind))


@pytest.mark.parametrize("metric", ["r2", "mae", "rmse", "mape"])
def test_metrics_of_numbers_are_judged_too(metric: str) -> None:
    kind = regression_type(metric=metric, target_column="number")
    frame = rows(1200)
    frame["number"] += 10
    engine = ContinuousLearningEngine(kind)
    shuffled = frame.assign(number=frame["number"].sample(frac=1, random_state=0).to_numpy())
    result = validated(
        kind=kind,
        challenger=engine.fit_window(frame[:800], seed=0),
        champion=engine.fit_window(shuffled[:800], seed=0),
        holdout=frame[800:],
        train_frame=frame[:800],
    )
    assert result.auto_deployable, result.reason


def contest(n: int, *, wins: float, defeats: float, random: Any) -> tuple[Scored, Scored]:
    """Two models of accuracy near 0.8 that disagree in (wins + defeats) of the rows."""
    drawn = random.random(n)
    ours, theirs = drawn < 0.8, drawn < 0.8
    ours = np.where(drawn > 1 - wins, True, ours) & ~(drawn < defeats)
    truth = np.ones(n, dtype=int)
    challenger, champion = (
        Scored(truth=truth, predicted=right.astype(int)) for right in (ours, theirs)
    )
    return challenger, champion


def share_deployed(
    n: int, *, wins: float, defeats: float, runs: int = 1000, degraded: bool = False
) -> float:
    random, deployed = np.random.default_rng(7), 0
    for _ in range(runs):
        ours, theirs = contest(n, wins=wins, defeats=defeats, random=random)
        against = compare(ACCURACY, ours, theirs, seed=0)
        deployed += deployment_rule(against, 0.02, alarm=degraded) is not DeploymentRule.NONE
    return deployed / runs


@pytest.mark.parametrize("n", [100, 300, 1000, 3000])
def test_an_equal_challenger_is_rarely_deployed(n: int) -> None:
    # 5 % by the bound, less where the threshold of 2 points binds; + 2 standard errors (.007).
    assert share_deployed(n, wins=0.05, defeats=0.05) <= 0.064


@pytest.mark.parametrize(("n", "most"), [(100, 0.035), (300, 0.035), (1000, 0.01), (3000, 0.01)])
def test_a_challenger_worse_by_a_point_is_hardly_ever_deployed(n: int, most: float) -> None:
    assert share_deployed(n, wins=0.045, defeats=0.055) <= most


def test_a_challenger_better_by_three_points_is_found_with_enough_rows() -> None:
    assert share_deployed(3000, wins=0.065, defeats=0.035, runs=300) >= 0.8


def test_a_worse_challenger_rarely_replaces_a_degraded_champion() -> None:
    # The bound above −1.5 points is 5 % for one that is worse by as much.
    assert share_deployed(1000, wins=0.04, defeats=0.055, degraded=True) <= 0.064
    assert share_deployed(1000, wins=0.065, defeats=0.035, degraded=True, runs=300) >= 0.8


def test_the_interval_of_the_improvement_covers_the_truth() -> None:
    random, covered = np.random.default_rng(3), 0
    for _ in range(1000):
        against = compare(ACCURACY, *contest(200, wins=0.09, defeats=0.05, random=random), seed=0)
        covered += against.lower <= 0.04 <= against.upper
    assert 0.87 <= covered / 1000 <= 0.94


@pytest.mark.parametrize("disagreement", [0.05, 0.10, 0.20])
def test_the_rows_that_would_decide_are_those_of_the_formula(disagreement: float) -> None:
    expected = {0.05: 771, 0.10: 1544, 0.20: 3090}[disagreement]
    n = 20_000
    drawn = np.arange(n) / n
    ours = drawn >= disagreement / 2
    theirs = ~((drawn >= disagreement / 2) & (drawn < disagreement))
    truth = np.ones(n, dtype=int)
    against = compare(
        ACCURACY,
        *(Scored(truth=truth, predicted=right.astype(int)) for right in (ours, theirs)),
        seed=0,
    )
    assert against.rows_that_decide(0.02) == pytest.approx(expected, rel=0.01)


def test_an_undecided_comparison_says_how_many_rows_would_decide() -> None:
    ours, theirs = contest(60, wins=0.1, defeats=0.1, random=np.random.default_rng(0))
    judged = better_than_champion(ACCURACY, compare(ACCURACY, ours, theirs, seed=0), 0.02)
    assert judged.verdict is ValidationVerdict.INCONCLUSIVE
    assert "common rows would" in judged.gate.detail


def test_as_good_but_not_better_waits_for_a_person() -> None:
    kind = model_type()
    model = ContinuousLearningEngine(kind).fit_window(rows(800), seed=0)
    result = validated(challenger=model, champion=model)
    assert result.verdict is ValidationVerdict.APPROVED
    assert not result.auto_deployable
    assert "waits for a person" in result.reason
    under_alarm = validated(challenger=model, champion=model, alarm=True)
    assert under_alarm.auto_deployable


def test_labels_may_be_names() -> None:
    frame = rows(1200).assign(y=lambda f: f["y"].map({0: "stays", 1: "goes"}))
    model = ContinuousLearningEngine(model_type()).fit_window(frame[:800], seed=0)
    result = validated(challenger=model, holdout=frame[800:], train_frame=frame[:800])
    assert result.auto_deployable
    assert isinstance(pd.Series(result.as_json()), pd.Series)
