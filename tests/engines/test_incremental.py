from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import SGDClassifier

from core.artifacts.serialisation import deserialise, serialise
from core.domain import Task
from core.engines.continuous_learning import ContinuousLearningEngine, TrainedModel
from core.engines.incremental import CHUNK_ROWS, FIRST_STEPS
from core.errors import InvalidRequest
from tests.engines.rows import ALL_KINDS, all_kinds, model_type, regression_type, rows

END = datetime(2030, 1, 1, tzinfo=UTC)
KIND = model_type(engine="incremental_linear")


def trained(
    frame: pd.DataFrame, kind: Any = KIND, *, cutoff: datetime | None = None, **given: Any
) -> tuple[ContinuousLearningEngine, TrainedModel]:
    engine = ContinuousLearningEngine(kind)
    plan = engine.plan(frame, as_of=END, champion_cutoff=cutoff)
    return engine, engine.train(frame, plan, seed=kind.random_seed, **given)


def going_on(
    kind: Any = KIND, frame: pd.DataFrame | None = None, first: int = 1500
) -> tuple[TrainedModel, datetime, pd.DataFrame, TrainedModel]:
    """A first model, and the one that goes on from it when more rows are there."""
    frame = rows(4000, seed=1) if frame is None else frame
    _, one = trained(frame.head(first))
    cutoff = one.plan.train_end
    _, two = trained(frame, kind, cutoff=cutoff, previous=one.model, previous_cutoff=cutoff)
    return one, cutoff, frame, two


def test_the_first_fit_is_scikit_learns_partial_fit_over_passes_and_chunks() -> None:
    frame = rows(CHUNK_ROWS + 500)
    model = ContinuousLearningEngine(KIND).fit_window(frame, seed=3)
    encoded = model.pipeline[:-1].transform(frame[["a", "b"]])
    target = frame["y"].to_numpy()
    bare = SGDClassifier(loss="log_loss", learning_rate="constant", eta0=0.01, random_state=3)
    for _ in range(int(np.ceil(FIRST_STEPS / len(frame)))):
        for chunk in (slice(CHUNK_ROWS), slice(CHUNK_ROWS, None)):
            bare.partial_fit(encoded[chunk], target[chunk], classes=[0, 1])
    np.testing.assert_array_equal(model.pipeline[-1].coef_, bare.coef_)


def test_a_later_training_goes_on_from_the_previous_model_with_the_newer_rows_alone() -> None:
    one, cutoff, frame, two = going_on()
    engine = ContinuousLearningEngine(KIND)
    train = engine.split(frame, two.plan).train
    newer = train[train["at"] > cutoff]
    bare = one.model.pipeline[-1]
    before = bare.coef_.copy()
    encoded = one.model.pipeline[:-1].transform(newer[["a", "b"]])

    assert two.plan.figures["continued"]["rows"] == len(newer) > 1000
    assert f"{len(newer):,} newer rows" in two.plan.reason
    bare.partial_fit(encoded, newer["y"].to_numpy())  # one chunk
    np.testing.assert_array_equal(two.model.pipeline[-1].coef_, bare.coef_)
    assert not np.array_equal(before, bare.coef_)


def test_the_previous_model_is_left_as_it_was() -> None:
    frame = rows(4000, seed=1)
    _, one = trained(frame.head(1500))
    before = one.model.pipeline[-1].coef_.copy()
    cutoff = one.plan.train_end
    trained(frame, cutoff=cutoff, previous=one.model, previous_cutoff=cutoff)
    np.testing.assert_array_equal(one.model.pipeline[-1].coef_, before)


def test_other_columns_settings_or_classes_are_learnt_from_the_start() -> None:
    assert "continued" in going_on()[3].plan.figures
    for kind in (
        replace(KIND, feature_columns=("b", "a")),
        replace(KIND, engine_parameters={"alpha": 0.01}),
        replace(KIND, random_seed=1),
    ):
        assert "continued" not in going_on(kind)[3].plan.figures
    frame = rows(4000, seed=1)
    frame.loc[frame.index[2000:], "y"] += 1
    two = going_on(frame=frame)[3]
    assert "continued" not in two.plan.figures
    assert two.model.classes == [0, 1, 2]


def test_a_model_that_has_seen_what_is_to_judge_it_is_not_gone_on_from() -> None:
    frame = rows(3000)
    _, one = trained(frame)
    cutoff = one.plan.window_end  # a final fit's
    _, two = trained(frame, cutoff=cutoff, previous=one.model, previous_cutoff=cutoff)
    assert "continued" not in two.plan.figures


def test_the_final_fit_adds_the_rows_that_the_approved_fit_has_not_seen() -> None:
    frame = rows(3000)
    engine, one = trained(frame)
    final = engine.final_fit(frame, one, one.plan, seed=0)
    parts = engine.split(frame, one.plan)
    unseen = pd.concat([parts.calibration, parts.holdout])
    assert final.passed
    bare = one.model.pipeline[-1]
    bare.partial_fit(one.model.pipeline[:-1].transform(unseen[["a", "b"]]), unseen["y"].to_numpy())
    np.testing.assert_array_equal(final.model.pipeline[-1].coef_, bare.coef_)


def test_a_class_that_only_the_holdout_has_makes_the_final_fit_a_refit() -> None:
    frame = rows(1000).assign(y=lambda f: f["y"].map({0: "no", 1: "yes"}))
    frame.loc[frame.index[-40:], "y"] = "perhaps"
    engine, one = trained(frame)
    final = engine.final_fit(frame, one, one.plan, seed=0)
    assert final.model.classes == ["no", "perhaps", "yes"]


def test_it_goes_on_learning_after_a_store_and_follows_a_world_that_turns() -> None:
    frame = rows(6000, seed=2)
    late = frame.index[2000:]
    frame.loc[late, "y"] = 1 - frame.loc[late, "y"]
    _, one = trained(frame.head(2000))
    stored = deserialise(serialise(one.model), engine="incremental_linear")
    cutoff = one.plan.train_end
    _, two = trained(frame, cutoff=cutoff, previous=stored, previous_cutoff=cutoff)
    _, same = trained(frame, cutoff=cutoff, previous=one.model, previous_cutoff=cutoff)
    assert "continued" in two.plan.figures
    assert two.metrics["accuracy"] > 0.8
    np.testing.assert_array_equal(two.model.pipeline[-1].coef_, same.model.pipeline[-1].coef_)


@pytest.mark.parametrize("task", [Task.CLASSIFICATION, Task.REGRESSION])
def test_it_takes_every_kind_of_column(task: Task) -> None:
    kind = model_type(engine="incremental_linear", feature_columns=ALL_KINDS)
    if task is Task.REGRESSION:
        kind = regression_type(
            engine="incremental_linear", feature_columns=ALL_KINDS, target_column="number"
        )
    frame = all_kinds(1500)
    _, one = trained(frame, kind)
    name, least = ("accuracy", 0.8) if task is Task.CLASSIFICATION else ("r2", 0.6)
    assert one.metrics[name] > least


def test_one_value_far_out_does_not_throw_it_off() -> None:
    kind = regression_type(engine="incremental_linear", target_column="number")
    frame = rows(2000)
    engine = ContinuousLearningEngine(kind)
    model = engine.fit_window(frame, seed=0)
    wild = rows(1, seed=5).assign(a=1e6, at=END)
    learnt = engine.learner.learn_on(model, wild)
    new = rows(300, seed=9)
    assert np.abs(learnt.predict(new) - model.predict(new)).max() < 3


def test_it_takes_no_recency_weights() -> None:
    kind = replace(KIND, recency_half_life=timedelta(days=1))
    with pytest.raises(InvalidRequest, match="takes no recency_half_life"):
        ContinuousLearningEngine(kind).fit_window(rows(200), seed=0)
