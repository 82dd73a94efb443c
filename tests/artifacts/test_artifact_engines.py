from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.calibration import CalibratedClassifierCV
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from core.artifacts import TRUSTED_TYPES, ArtifactStore, deserialise, serialise
from core.domain import ModelType, Task
from core.engines.content_posts import content_model_types, generate_posts
from core.engines.continuous_learning import ContinuousLearningEngine
from core.engines.fitted_model import FittedModel

START = datetime(2024, 1, 1, tzinfo=UTC)
FAST = {
    "gradient_boosting": {"max_iter": 8},
    "random_forest": {"n_estimators": 5},
    "content_performance": {"max_iter": 8},
}
TABULAR = ("gradient_boosting", "linear", "incremental_linear", "random_forest")


def orders(count: int = 400) -> pd.DataFrame:
    """Rows with a column of every kind, missing values among them."""
    rng = np.random.default_rng(3)
    amount = rng.gamma(2.0, 20.0, size=count)
    frame = pd.DataFrame(
        {
            "id": np.arange(count),
            "ordered_at": pd.date_range(START, periods=count, freq="h"),
            "amount": amount,
            "age": np.where(rng.random(count) < 0.1, np.nan, rng.normal(40, 9, count)),
            "channel": rng.choice(["mail", "shop", "web"], count),
            "is_member": rng.random(count) < 0.5,
            "joined_at": pd.date_range("2020-01-01", periods=count, freq="D", tz="UTC"),
            "note": [f"a longer note about order number {n * 7919}, please" for n in range(count)],
        }
    )
    frame["returned"] = np.where(amount + rng.normal(0, 10, count) > 35, "yes", "no")
    frame["value"] = amount * np.where(frame["channel"] == "web", 2.0, 1.0)
    return frame


def order_model_type(engine: str, task: Task) -> ModelType:
    is_class = task is Task.CLASSIFICATION
    features = ("amount", "age", "channel", "is_member", "joined_at", "note")
    return ModelType(
        name="orders",
        source_relation="public.orders",
        key_columns=("id",),
        time_column="ordered_at",
        target_column="returned" if is_class else "value",
        feature_columns=features,
        task=task,
        metric="accuracy" if is_class else "mae",
        engine=engine,
        engine_parameters=FAST.get(engine, {}),
    )


def cases() -> Mapping[str, ModelType]:
    tabular = [order_model_type(engine, task) for engine in TABULAR for task in Task]
    content = [
        replace(kind, engine_parameters=FAST["content_performance"])
        for kind in content_model_types()
    ]
    return {f"{kind.engine}, {kind.task}": kind for kind in [*tabular, *content]}


@cache
def trained(case: str) -> tuple[FittedModel, pd.DataFrame]:
    return train(cases()[case])


def train(model_type: ModelType) -> tuple[FittedModel, pd.DataFrame]:
    if model_type.name == "orders":
        frame = orders()
    else:
        frame = generate_posts(seed=1, start=START, days=60, posts_per_day=16, change_at=None)
    engine = ContinuousLearningEngine(model_type)
    as_of = START + timedelta(days=62)
    plan = engine.plan(frame, as_of=as_of, champion_cutoff=None)
    return engine.train(frame, plan, seed=5).model, frame


def answers(model: FittedModel, frame: pd.DataFrame) -> list[np.ndarray[Any, Any]]:
    given = [model.predict(frame), model.confidence(frame)]
    return [*given, model.interval(frame) if model.classes is None else model.predict_proba(frame)]


@pytest.mark.parametrize("case", cases())
def test_a_trained_model_comes_back_with_the_same_answers(case: str) -> None:
    model, frame = trained(case)

    loaded = deserialise(serialise(model), engine=cases()[case].engine)

    assert isinstance(loaded, FittedModel)
    for ours, theirs in zip(answers(model, frame), answers(loaded, frame), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("case", cases())
def test_the_same_training_gives_the_same_bytes(case: str) -> None:
    again, _ = train(cases()[case])

    assert serialise(again) == serialise(trained(case)[0])


def test_a_loaded_model_still_names_a_missing_column(tmp_path: Path) -> None:
    model, frame = trained("linear, classification")
    store = ArtifactStore.open(tmp_path.as_uri())
    digest = store.put(model, metadata={"engine": "linear"})

    loaded: Any = store.get(digest, engine="linear")

    with pytest.raises(Exception, match='column "age", missing'):
        loaded.predict(frame.drop(columns="age"))


@pytest.mark.parametrize("engine", TRUSTED_TYPES)
def test_an_engines_list_holds_just_what_its_models_need(engine: str) -> None:
    needed: set[str] = set()
    for case, model_type in cases().items():
        if model_type.engine == engine:
            data = serialise(trained(case)[0])
            needed |= set(skops.io.get_untrusted_types(data=data))

    assert needed == TRUSTED_TYPES[engine]


def test_an_own_engines_model_comes_back() -> None:
    name = "my.engine:make_pipeline"
    model_type = order_model_type(name, Task.CLASSIFICATION)
    model_type = replace(model_type, feature_columns=("amount", "age", "is_member"))
    frame = orders()
    engine = ContinuousLearningEngine(model_type, factories={name: make_own_pipeline})
    model = engine.fit_window(frame, seed=1)

    loaded = deserialise(serialise(model), engine=name)

    assert isinstance(loaded, FittedModel)
    np.testing.assert_array_equal(loaded.predict_proba(frame), model.predict_proba(frame))


def make_own_pipeline() -> Any:
    estimator = make_pipeline(SimpleImputer(), LogisticRegression())
    return CalibratedClassifierCV(estimator, cv=2)
