from __future__ import annotations

import json
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from core.domain import Reference
from core.engines.agreement import final_fit_agreement
from core.engines.continuous_learning import ContinuousLearningEngine
from core.engines.metrics import METRICS
from core.engines.time_split import is_after, row_times
from core.engines.yardstick import rows_until_next_attempt, standing_reference
from core.errors import DataError
from core.worker.plain_json import plain_json
from tests.engines.rows import end_of, model_type, regression_type, rows

END = datetime(2030, 1, 1, tzinfo=UTC)
ACCURACY = METRICS["accuracy"]


def test_parts_follow_each_other_in_time_and_hold_each_row_once() -> None:
    frame = rows(3000).sample(frac=1, random_state=0)
    engine = ContinuousLearningEngine(model_type())
    plan = engine.plan(frame, as_of=END, champion_cutoff=None)
    parts = engine.split(frame, plan)

    assert parts.train["at"].max() < parts.calibration["at"].min()
    assert parts.calibration["at"].max() == plan.train_end < parts.holdout["at"].min()
    assert parts.holdout["at"].max() == plan.window_end
    assert sorted(parts.window["id"]) == list(range(3000))
    assert (plan.train_rows, plan.calibration_rows, plan.holdout_rows) == tuple(
        len(part) for part in (parts.train, parts.calibration, parts.holdout)
    )


@pytest.mark.parametrize("count", [150, 1000, 5000])
def test_rows_of_one_time_are_never_parted(count: int) -> None:
    frame = rows(count)
    frame["at"] = frame["at"].dt.floor("7D")
    engine = ContinuousLearningEngine(model_type())
    if count == 150:  # a single week: nothing to part by
        with pytest.raises(DataError, match="same time"):
            engine.plan(frame, as_of=END, champion_cutoff=None)
        return
    parts = engine.split(frame, engine.plan(frame, as_of=END, champion_cutoff=None))
    times = [set(part["at"]) for part in (parts.train, parts.calibration, parts.holdout)]
    assert not times[0] & times[1]
    assert not times[0] & times[2]
    assert not times[1] & times[2]
    assert len(parts.train)
    assert len(parts.holdout)


@pytest.mark.parametrize(
    ("count", "holdout"), [(100, 33), (300, 100), (1000, 200), (4032, 806), (45312, 2000)]
)
def test_a_first_model_is_judged_by_a_fifth_of_the_rows_within_bounds(
    count: int, holdout: int
) -> None:
    plan = ContinuousLearningEngine(model_type()).plan(rows(count), as_of=END, champion_cutoff=None)
    assert plan.holdout_rows == holdout


@pytest.mark.parametrize(("newer", "holdout"), [(0, 500), (336, 500), (700, 700), (3000, 806)])
def test_a_challenger_is_judged_by_what_the_champion_has_not_seen(newer: int, holdout: int) -> None:
    frame = rows(4032)
    cutoff = frame["at"].iloc[-newer - 1].to_pydatetime()
    plan = ContinuousLearningEngine(model_type()).plan(frame, as_of=END, champion_cutoff=cutoff)
    assert plan.holdout_rows == holdout


def test_while_an_alarm_stands_only_what_a_reference_needs_is_held_out() -> None:
    frame = rows(4000)
    cutoff = frame["at"].iloc[1000].to_pydatetime()
    engine = ContinuousLearningEngine(model_type())
    calm = engine.plan(frame, as_of=END, champion_cutoff=cutoff)
    alarmed = engine.plan(frame, as_of=END, champion_cutoff=cutoff, needs_retraining=True)
    assert (calm.holdout_rows, alarmed.holdout_rows) == (800, 500)


def test_the_training_window_reaches_back_from_as_of() -> None:
    frame = rows(2000)
    kind = model_type(training_window=timedelta(hours=500))
    as_of = frame["at"].iloc[1499].to_pydatetime()
    plan = ContinuousLearningEngine(kind).plan(frame, as_of=as_of, champion_cutoff=None)
    assert plan.rows == 500
    assert plan.window_end == as_of
    assert plan.window_start == as_of - timedelta(hours=499)


def test_windows_go_by_the_time_at_which_a_label_was_known() -> None:
    frame = rows(400)
    frame["known"] = frame["at"] + timedelta(days=2)
    frame.loc[0, "known"] = pd.NaT
    kind = model_type(label_time_column="known", label_delay=timedelta(hours=5))
    times = row_times(frame, kind)
    assert times[0] == frame["at"][0] + timedelta(hours=5)
    assert times[1] == frame["known"][1]
    cutoff = frame["known"].iloc[300].to_pydatetime()
    assert is_after(frame, kind, cutoff).sum() == 99


@pytest.mark.parametrize("column", [["soon", "later"] * 100, list(range(200))])
def test_a_time_column_that_is_none_is_named(column: list[object]) -> None:
    frame = rows(200).assign(at=pd.Series(column))
    with pytest.raises(DataError, match='time column "at" holds no time in 200'):
        ContinuousLearningEngine(model_type()).plan(frame, as_of=END, champion_cutoff=None)


def test_too_few_rows_and_a_single_class_are_errors() -> None:
    engine = ContinuousLearningEngine(model_type())
    with pytest.raises(DataError, match=r"99 labelled rows.*100 are needed"):
        engine.plan(rows(99), as_of=END, champion_cutoff=None)
    late = rows(400).assign(y=[0] * 350 + [1] * 50)
    with pytest.raises(DataError, match='"y" has only the class 0'):
        engine.plan(late, as_of=END, champion_cutoff=None)


def test_the_same_seed_gives_the_same_model_and_the_row_order_does_not_matter() -> None:
    frame = rows(800)
    engine = ContinuousLearningEngine(model_type(engine="random_forest"))
    plan = engine.plan(frame, as_of=END, champion_cutoff=None)
    one = engine.train(frame, plan, seed=3)
    shuffled = frame.sample(frac=1, random_state=1)
    two = engine.train(shuffled, plan, seed=3)
    assert one.metrics == two.metrics
    np.testing.assert_array_equal(one.model.confidence(frame), two.model.confidence(frame))


def test_the_holdout_is_learnt_from_by_nobody_but_the_final_fit() -> None:
    frame = rows(1000, noise=0.1)
    engine = ContinuousLearningEngine(model_type())
    plan = engine.plan(frame, as_of=END, champion_cutoff=None)
    changed = frame.copy()
    newest = changed.index[-plan.holdout_rows :]
    changed.loc[newest, "y"] = 1 - changed.loc[newest, "y"]

    before, after = (engine.train(data, plan, seed=0) for data in (frame, changed))

    new = rows(300, seed=9)
    np.testing.assert_array_equal(before.model.confidence(new), after.model.confidence(new))
    assert after.reference.value == pytest.approx(1 - before.reference.value)
    final = engine.final_fit(changed, after, plan, seed=0).model
    assert not np.array_equal(final.predict_proba(new), after.model.predict_proba(new))


def test_the_reference_is_the_holdouts_metric_and_losses() -> None:
    frame = rows(2000)
    engine = ContinuousLearningEngine(regression_type(target_column="number", metric="rmse"))
    plan = engine.plan(frame, as_of=END, champion_cutoff=None)
    trained = engine.train(frame, plan, seed=0)
    holdout = engine.split(frame, plan).holdout
    squared = (trained.model.predict(holdout) - holdout["number"]) ** 2
    reference = trained.reference
    assert reference.value == pytest.approx(np.sqrt(squared.mean()))
    assert reference.losses_mean == pytest.approx(squared.mean())
    assert reference.losses_std == pytest.approx(squared.std())
    assert reference.samples == len(holdout)
    assert set(trained.metrics) == {"r2", "mae", "rmse", "mape"}


def test_several_classes_are_learnt_and_measured() -> None:
    engine = ContinuousLearningEngine(model_type(engine="gradient_boosting"))
    frame = rows(1500, classes=3, noise=0.2)
    frame["y"] = frame["y"].map({0: "low", 1: "middle", 2: "high"})
    plan = engine.plan(frame, as_of=END, champion_cutoff=None)
    trained = engine.train(frame, plan, seed=0)
    assert trained.model.classes == ["high", "low", "middle"]
    assert set(trained.metrics) == {"accuracy", "f1", "roc_auc", "log_loss"}
    assert trained.metrics["accuracy"] > 0.75
    final = engine.final_fit(frame, trained, plan, seed=0)
    assert final.passed


def test_a_class_that_appears_only_in_the_holdout_breaks_nothing() -> None:
    frame = rows(1000).assign(y=lambda f: f["y"].map({0: "no", 1: "yes"}))
    frame.loc[frame.index[-40:], "y"] = "perhaps"
    engine = ContinuousLearningEngine(model_type())
    plan = engine.plan(frame, as_of=END, champion_cutoff=None)
    trained = engine.train(frame, plan, seed=0)
    assert trained.model.classes == ["no", "yes"]
    final = engine.final_fit(frame, trained, plan, seed=0)
    assert final.model.classes == ["no", "perhaps", "yes"]
    assert np.allclose(final.model.predict_proba(frame).sum(axis=1), 1)


@pytest.mark.parametrize("name", ["gradient_boosting", "linear", "random_forest"])
@pytest.mark.parametrize("noise", [0.2, 2.0])
@pytest.mark.parametrize("regression", [False, True])
def test_a_healthy_final_fit_passes_its_gate_and_a_broken_one_does_not(
    name: str, noise: float, regression: bool
) -> None:
    kind = model_type(engine=name)
    if regression:
        kind = regression_type(engine=name, target_column="number")
    frame = rows(1500, noise=noise)
    engine = ContinuousLearningEngine(kind)
    plan = engine.plan(frame, as_of=end_of(frame), champion_cutoff=None)
    trained = engine.train(frame, plan, seed=0)

    final = engine.final_fit(frame, trained, plan, seed=0)

    assert final.passed, final.gate
    assert final.model.calibrator is trained.model.calibrator
    assert final.model.intervals is trained.model.intervals
    target = kind.target_column
    shuffled = frame.assign(**{target: frame[target].sample(frac=1, random_state=0).to_numpy()})
    broken = engine.fit_window(shuffled, seed=0)
    gate = final_fit_agreement(trained.model, broken, engine.split(frame, plan).holdout)
    assert not gate.passed, gate


def test_the_yardstick_does_not_fall_when_a_check_asked_for_the_training() -> None:
    high = Reference(metric="accuracy", value=0.85, samples=800)
    low = Reference(metric="accuracy", value=0.70, samples=500)
    plan = ContinuousLearningEngine(model_type()).plan(rows(600), as_of=END, champion_cutoff=None)
    kept = replace(high, kept_since=plan.window_end, later=(low,))

    assert standing_reference(low, high, metric=ACCURACY, needs_retraining=True, plan=plan) == kept
    assert standing_reference(high, low, metric=ACCURACY, needs_retraining=True, plan=plan) is high
    assert standing_reference(low, high, metric=ACCURACY, needs_retraining=False, plan=plan) is low
    assert standing_reference(low, None, metric=ACCURACY, needs_retraining=True, plan=plan) is low
    mae = Reference(metric="mae", value=2.0, samples=800)
    worse = Reference(metric="mae", value=3.0, samples=500)
    assert (
        standing_reference(
            worse, mae, metric=METRICS["mae"], needs_retraining=True, plan=plan
        ).value
        == mae.value
    )
    assert standing_reference(low, mae, metric=ACCURACY, needs_retraining=True, plan=plan) is low


def test_an_alarm_about_what_can_no_longer_be_reached_ends() -> None:
    """The best of the last four windows is what a champion is measured by."""
    high, middle, low = (
        Reference(metric="accuracy", value=value, samples=500) for value in (0.85, 0.78, 0.70)
    )
    plan = ContinuousLearningEngine(model_type()).plan(rows(600), as_of=END, champion_cutoff=None)
    window = plan.window_end - plan.window_start

    def after(windows: float, new: Reference, replaced: Reference) -> Reference:
        later = replace(
            plan,
            window_start=plan.window_start + windows * window,
            window_end=plan.window_end + windows * window,
        )
        return standing_reference(new, replaced, metric=ACCURACY, needs_retraining=True, plan=later)

    kept = after(0, low, high)
    assert after(3.9, low, kept).value == high.value
    assert after(4, replace(low), kept) == low
    kept = after(1, low, after(0, middle, high))
    assert [kept.value, *(one.value for one in kept.later)] == [0.85, 0.78, 0.70]
    assert Reference.from_row(json.loads(json.dumps(plain_json(asdict(kept))))) == kept
    assert after(4, low, kept).value == middle.value
    assert after(5, replace(low), kept) == low
    assert after(2, replace(high, value=0.8), kept).later == (replace(high, value=0.8),)


@pytest.mark.parametrize(("newer", "wait"), [(0, 500), (336, 164), (500, 0), (2000, 0)])
def test_a_new_attempt_waits_for_a_holdout_that_the_last_one_has_not_seen(
    newer: int, wait: int
) -> None:
    frame = rows(4032)
    last = frame["at"].iloc[-newer - 1].to_pydatetime()
    plan = ContinuousLearningEngine(model_type()).plan(frame, as_of=END, champion_cutoff=last)
    assert rows_until_next_attempt(frame, model_type(), plan, last) == wait
