from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from core.domain import ClassWeight, TrainingPlan, WindowStrategy
from core.engines.continuous_learning import ContinuousLearningEngine
from core.engines.sample_weights import sample_weights
from core.engines.stored_plan import recount
from core.errors import InvalidRequest
from tests.engines.rows import model_type, regression_type, rows

END = datetime(2030, 1, 1, tzinfo=UTC)


def turned(count: int, *, at: int, seed: int = 0) -> pd.DataFrame:
    """From row ``at`` on the classes mean the opposite."""
    frame = rows(count, seed=seed)
    late = frame.index[at:]
    frame.loc[late, "y"] = 1 - frame.loc[late, "y"]
    return frame


def planned(frame: pd.DataFrame, **changes: Any) -> TrainingPlan:
    kind = model_type(**changes)
    return ContinuousLearningEngine(kind).plan(frame, as_of=END, champion_cutoff=None)


ADAPTIVE = WindowStrategy.ADAPTIVE


@pytest.mark.parametrize("engine", ["linear", "gradient_boosting", "incremental_linear"])
def test_after_an_abrupt_change_the_adaptive_window_holds_the_new_world_alone(engine: str) -> None:
    frame = turned(4000, at=2400)
    plan = planned(frame, engine=engine, window_strategy=ADAPTIVE)
    assert plan.rows - plan.holdout_rows == 800
    assert plan.window_start == frame["at"].iloc[2400].to_pydatetime()
    assert "newest 800 of 3,200 rows" in plan.reason
    window = plan.figures["window"]
    assert [c["rows"] for c in window["candidates"]] == [3200, 1600, 800]
    assert window["candidates"][0]["score"] < 0.3
    assert window["chosen_rows"] == 800


def test_in_a_world_that_stands_still_the_adaptive_window_is_mostly_the_full_one() -> None:
    shares = []
    for seed in range(20):
        plan = planned(rows(1500, seed=seed), window_strategy=ADAPTIVE)
        shares.append((plan.rows - plan.holdout_rows) / 1200)
    # One standard error lets chance choose a shorter one now and then, and then rarely the least.
    assert np.mean(np.array(shares) == 1) >= 0.6
    assert np.mean(shares) >= 0.8


def test_the_holdout_has_no_say_in_the_window() -> None:
    frame = rows(2000)
    plan = planned(frame, window_strategy=ADAPTIVE)
    changed = frame.copy()
    newest = changed.index[-plan.holdout_rows :]
    changed.loc[newest, "y"] = 1 - changed.loc[newest, "y"]
    assert planned(changed, window_strategy=ADAPTIVE) == plan


def test_an_adaptive_plan_is_the_same_twice_and_splits_and_trains_like_any_other() -> None:
    frame = turned(4000, at=2400)
    kind = model_type(engine="gradient_boosting", window_strategy=ADAPTIVE)
    engine = ContinuousLearningEngine(kind)
    plan = engine.plan(frame, as_of=END, champion_cutoff=None)
    assert plan == engine.plan(
        frame.sample(frac=1, random_state=1), as_of=END, champion_cutoff=None
    )
    parts = engine.split(frame, plan)
    assert len(parts.window) == plan.rows
    assert parts.calibration["at"].max() == plan.train_end < parts.holdout["at"].min()
    assert engine.train(frame, plan, seed=0).metrics["accuracy"] > 0.7
    full = ContinuousLearningEngine(replace(kind, window_strategy=WindowStrategy.SLIDING))
    sliding = full.plan(frame, as_of=END, champion_cutoff=None)
    assert full.train(frame, sliding, seed=0).metrics["accuracy"] < 0.5
    stored = TrainingPlan.from_row(plan.as_json())
    assert recount(frame, kind, stored) == stored


def test_too_few_rows_for_a_shorter_window_say_so() -> None:
    plan = planned(rows(150), window_strategy=ADAPTIVE)
    assert plan.rows == 150
    assert "too few to try a shorter window" in plan.reason


@pytest.mark.parametrize("metric", ["f1", "roc_auc", "log_loss"])
def test_windows_are_compared_for_any_metric(metric: str) -> None:
    plan = planned(turned(4000, at=2400), metric=metric, window_strategy=ADAPTIVE)
    assert plan.rows - plan.holdout_rows == 800


def test_an_expanding_window_is_all_history_whatever_the_training_window() -> None:
    frame = rows(2000)
    week = timedelta(days=7)
    assert (
        planned(frame, training_window=week, window_strategy=WindowStrategy.EXPANDING).rows == 2000
    )
    in_a_week = ContinuousLearningEngine(model_type(training_window=week))
    end = frame["at"].max().to_pydatetime()
    assert in_a_week.plan(frame, as_of=end, champion_cutoff=None).rows == 168


def test_a_row_of_one_half_life_weighs_half() -> None:
    frame = rows(100)
    kind = model_type(recency_half_life=timedelta(hours=24))
    weights = sample_weights(frame, frame["y"].to_numpy(), kind)
    assert weights is not None
    assert weights.mean() == pytest.approx(1)
    np.testing.assert_allclose(weights[24:] / weights[:-24], 2)


def test_ages_go_by_when_the_label_was_known() -> None:
    frame = rows(50).assign(known=lambda f: f["at"].iloc[::-1].to_numpy())
    kind = model_type(recency_half_life=timedelta(hours=5), label_time_column="known")
    weights = sample_weights(frame, frame["y"].to_numpy(), kind)
    assert weights is not None
    assert weights[0] == weights.max()


@pytest.mark.parametrize("half_life", [None, timedelta(hours=30)])
def test_balanced_classes_weigh_the_same_in_all(half_life: timedelta | None) -> None:
    frame = rows(300).assign(y=[0, 0, 0, 0, 1, 2] * 50)
    kind = model_type(class_weight=ClassWeight.BALANCED, recency_half_life=half_life)
    weights = sample_weights(frame, frame["y"].to_numpy(), kind)
    assert weights is not None
    totals = [weights[frame["y"] == name].sum() for name in (0, 1, 2)]
    np.testing.assert_allclose(totals, 100)


def test_no_settings_no_weights() -> None:
    frame = rows(10)
    assert sample_weights(frame, frame["y"].to_numpy(), model_type()) is None


@pytest.mark.parametrize("engine", ["linear", "gradient_boosting", "random_forest"])
def test_recent_rows_decide_when_they_weigh_more(engine: str) -> None:
    frame = turned(2000, at=1000)
    kind = model_type(engine=engine)
    new = turned(500, at=0, seed=9)
    plain = ContinuousLearningEngine(kind).fit_window(frame, seed=0)
    kind = replace(kind, recency_half_life=timedelta(hours=100))
    weighed = ContinuousLearningEngine(kind).fit_window(frame, seed=0)
    assert (weighed.predict(new) == new["y"]).mean() > 0.75
    assert (plain.predict(new) == new["y"]).mean() < 0.7


def test_balanced_weights_are_those_of_scikit_learn() -> None:
    frame = rows(600).assign(y=lambda f: (f["number"] > 1.5).astype(int))
    ours = ContinuousLearningEngine(
        model_type(class_weight=ClassWeight.BALANCED, engine="linear")
    ).fit_window(frame, seed=0)
    theirs = ContinuousLearningEngine(
        model_type(engine="linear", engine_parameters={"class_weight": "balanced"})
    ).fit_window(frame, seed=0)
    np.testing.assert_allclose(ours.pipeline[-1].coef_, theirs.pipeline[-1].coef_, rtol=1e-3)
    plain = ContinuousLearningEngine(model_type(engine="linear")).fit_window(frame, seed=0)
    assert (ours.predict(frame) == 1).mean() > (plain.predict(frame) == 1).mean()


def test_the_final_fit_weighs_its_rows_too() -> None:
    frame = turned(2000, at=1000)
    kind = model_type(recency_half_life=timedelta(hours=100))
    engine = ContinuousLearningEngine(kind)
    plan = engine.plan(frame, as_of=END, champion_cutoff=None)
    trained = engine.train(frame, plan, seed=0)
    final = engine.final_fit(frame, trained, plan, seed=0).model
    of_window = engine.fit_window(frame, seed=0)
    np.testing.assert_array_equal(final.pipeline[-1].coef_, of_window.pipeline[-1].coef_)


def own_tree() -> Any:
    return make_pipeline(StandardScaler(), DecisionTreeClassifier(max_depth=3))


def test_weights_reach_the_last_step_of_a_pipeline_of_the_users_own() -> None:
    frame = turned(1000, at=500)
    new = turned(300, at=0, seed=9)
    kind = model_type(engine="mine:make", recency_half_life=timedelta(hours=50))
    engine = ContinuousLearningEngine(kind, factories={"mine:make": own_tree})
    assert (engine.fit_window(frame, seed=0).predict(new) == new["y"]).mean() > 0.75


def test_an_estimator_that_takes_no_weights_is_named() -> None:
    kind = model_type(engine="mine:make", class_weight=ClassWeight.BALANCED)
    engine = ContinuousLearningEngine(kind, factories={"mine:make": KNeighborsClassifier})
    with pytest.raises(InvalidRequest, match=r"KNeighborsClassifier.*class_weight to none"):
        engine.fit_window(rows(200), seed=0)


def test_a_regression_has_no_classes_to_weigh() -> None:
    kind = regression_type(target_column="number", class_weight=ClassWeight.BALANCED)
    with pytest.raises(InvalidRequest, match="no classes"):
        ContinuousLearningEngine(kind).fit_window(rows(200), seed=0)
