from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.tree import DecisionTreeClassifier

from core.domain import Task
from core.engines.columns import column_kinds, normalise, target_values
from core.engines.continuous_learning import ContinuousLearningEngine
from core.engines.features import FeatureBuilder
from core.engines.pipelines import make_pipeline
from core.errors import DataError, InvalidRequest
from tests.engines.rows import ALL_KINDS, all_kinds, model_type, regression_type, rows

BUILT_IN = ["gradient_boosting", "linear", "random_forest"]


def test_each_column_gets_the_kind_of_its_values() -> None:
    kinds = column_kinds(all_kinds(300), ALL_KINDS)

    assert kinds == {
        "a": "numeric",
        "b": "numeric",
        "count": "numeric",
        "flag": "boolean",
        "city": "categorical",
        "plan": "categorical",
        "customer": "categorical",
        "text": "text",
        "since": "datetime",
        "nothing": "empty",
    }


@pytest.mark.parametrize(
    ("values", "other"),
    [
        (pd.Series([1, 0, 1], dtype="int64"), pd.Series([1.0, 0.0, 1.0])),
        (pd.Series([True, False, None], dtype="boolean"), pd.Series([1.0, 0.0, None])),
        (pd.Series(["x", "y", None]), pd.Series(pd.Categorical(["x", "y", None]))),
        (pd.Series(["x", "y", None], dtype="string"), pd.Series(["x", "y", None], dtype=object)),
        (pd.Series([3, 4, None], dtype=object), pd.Series([3.0, 4.0, None])),
        (
            pd.to_datetime(pd.Series(["2026-01-01 12:00", "2026-01-02 00:00", None])),
            pd.Series(
                pd.to_datetime(
                    pd.Series(["2026-01-01 13:00+01:00", "2026-01-02 01:00+01:00", None])
                )
            ),
        ),
    ],
)
def test_a_value_is_the_same_however_its_column_is_typed(
    values: pd.Series, other: pd.Series
) -> None:
    for kind in set(column_kinds(pd.DataFrame({"x": values}), ["x"]).values()) | {"categorical"}:
        if kind == "categorical" and pd.api.types.is_bool_dtype(values.dtype):
            continue  # a boolean and a number are told apart as names
        one = normalise(pd.DataFrame({"x": values}), {"x": kind})
        two = normalise(pd.DataFrame({"x": other}), {"x": kind})
        if pd.api.types.is_datetime64_any_dtype(values.dtype) and kind == "categorical":
            continue
        pd.testing.assert_frame_equal(one, two, check_dtype=False)


def test_infinity_counts_as_missing() -> None:
    normal = normalise(pd.DataFrame({"x": [1.0, np.inf, -np.inf]}), {"x": "numeric"})
    assert normal["x"].isna().tolist() == [False, True, True]


@pytest.mark.parametrize("example", ["abc", "26,18", "true", datetime(2026, 1, 1, tzinfo=UTC)])
def test_what_is_no_number_in_a_column_of_numbers_is_named(example: Any) -> None:
    frame = all_kinds(300)
    kind = model_type(engine="gradient_boosting", feature_columns=("a", "flag"))
    model = ContinuousLearningEngine(kind).fit_window(frame, seed=0)
    for column, learnt in (("a", "numbers"), ("flag", "booleans")):
        new = frame.head(3).astype({column: object})
        new.loc[1, column] = example
        shown = re.escape(repr(example)[:20])
        with pytest.raises(DataError, match=f'"{column}" was learnt as {learnt}.*{shown}'):
            model.predict(new)


def test_numbers_may_come_as_text_and_blank_text_is_missing() -> None:
    frame = all_kinds(300)
    kind = model_type(engine="gradient_boosting", feature_columns=("a", "count"))
    model = ContinuousLearningEngine(kind).fit_window(frame, seed=0)
    texts = pd.DataFrame({"a": [" 26.18", "", "nan", "1e3"], "count": ["3", " ", None, "-1"]})
    numbers = pd.DataFrame({"a": [26.18, None, np.nan, 1000], "count": [3, None, None, -1]})
    np.testing.assert_array_equal(model.predict_proba(texts), model.predict_proba(numbers))


def test_what_is_no_time_in_a_column_of_times_is_named() -> None:
    frame = pd.DataFrame({"since": ["2026-01-31", "", None, "31.01.2026"]})
    assert normalise(frame.head(3), {"since": "datetime"})["since"].notna().sum() == 1
    with pytest.raises(DataError, match=r'"since" was learnt as times.*31\.01\.2026'):
        normalise(frame, {"since": "datetime"})


@pytest.mark.parametrize("engine", BUILT_IN)
@pytest.mark.parametrize("task", [Task.CLASSIFICATION, Task.REGRESSION])
def test_each_engine_takes_every_kind_of_column_and_values_it_has_not_seen(
    engine: str, task: Task
) -> None:
    make = model_type if task is Task.CLASSIFICATION else regression_type
    kind = make(engine=engine, feature_columns=ALL_KINDS)
    frame = all_kinds(600)
    learner = ContinuousLearningEngine(kind)
    model = learner.fit_window(frame, seed=0)
    new = all_kinds(50, seed=1).assign(city="Atlantis", customer=None, nothing="something")
    for name, missing in (("text", None), ("since", pd.NaT), ("flag", pd.NA)):
        new[name] = missing

    predicted = model.predict(new)

    assert predicted.shape == (50,)
    np.testing.assert_array_equal(predicted, model.pipeline.predict(new[list(ALL_KINDS)]))
    again = learner.fit_window(frame, seed=0)
    np.testing.assert_array_equal(again.predict(new), predicted)


def test_gradient_boosting_takes_more_categories_than_it_has_bins() -> None:
    frame = all_kinds(2000)
    kind = model_type(engine="gradient_boosting", feature_columns=("customer", "a"))
    assert frame["customer"].nunique() > 255
    ContinuousLearningEngine(kind).fit_window(frame, seed=0).predict(frame)
    fewer = model_type(
        engine="gradient_boosting",
        feature_columns=("customer",),
        engine_parameters={"max_bins": 16},
    )
    ContinuousLearningEngine(fewer).fit_window(frame, seed=0)


def test_on_numbers_gradient_boosting_is_the_bare_estimator_of_scikit_learn() -> None:
    frame = rows(800)
    kind = model_type(engine="gradient_boosting")
    bare = HistGradientBoostingClassifier(early_stopping=False, random_state=0)
    bare.fit(frame[["a", "b"]], frame["y"])

    ours = ContinuousLearningEngine(kind).fit_window(frame, seed=0)

    new = rows(500, seed=1)
    np.testing.assert_array_equal(ours.predict(new), bare.predict(new[["a", "b"]]))


def test_text_and_times_become_numbers() -> None:
    frame = pd.DataFrame(
        {"note": ["two words", None], "at": pd.to_datetime(pd.Series(["2026-03-02 15:30", None]))}
    )
    made = FeatureBuilder({"note": "text", "at": "datetime"}).transform(frame)
    first = made.iloc[0].to_dict()
    assert (first["note__length"], first["note__words"]) == (9, 2)
    assert (first["at__year"], first["at__month"], first["at__day_of_week"]) == (2026, 3, 0)
    assert first["at__hour"] == 15
    assert made.iloc[1].isna().all()


def test_an_unknown_parameter_is_named() -> None:
    kind = model_type(engine_parameters={"depth_of_sea": 3})
    with pytest.raises(InvalidRequest, match="depth_of_sea"):
        make_pipeline(kind, {"a": "numeric"}, seed=0, factories={})


def test_a_parameter_reaches_the_estimator() -> None:
    kind = model_type(engine="gradient_boosting", engine_parameters={"max_iter": 7})
    pipeline = make_pipeline(kind, {"a": "numeric"}, seed=0, factories={})
    assert pipeline.named_steps["model"].max_iter == 7


def test_an_unknown_engine_says_how_to_allow_it() -> None:
    with pytest.raises(InvalidRequest, match=r"mine\.models:make.*REFIT_ENGINES"):
        make_pipeline(model_type(engine="mine.models:make"), {}, seed=0, factories={})


def test_an_engine_of_the_users_own_is_fitted() -> None:
    kind = model_type(engine="mine.models:make", engine_parameters={"max_depth": 2})
    engine = ContinuousLearningEngine(kind, factories={"mine.models:make": DecisionTreeClassifier})
    model = engine.fit_window(rows(300), seed=5)
    assert model.pipeline.named_steps["model"].get_params()["random_state"] == 5
    assert model.pipeline.named_steps["model"].get_depth() == 2


def test_a_parameter_value_that_cannot_be_is_an_error_of_the_data_or_settings() -> None:
    kind = model_type(engine="gradient_boosting", engine_parameters={"learning_rate": -1.0})
    with pytest.raises(DataError, match="learning_rate"):
        ContinuousLearningEngine(kind).fit_window(rows(200), seed=0)


@pytest.mark.parametrize(
    ("values", "task", "message"),
    [
        ([0.5, 1.5], Task.CLASSIFICATION, "fractions"),
        (["x", "y"], Task.REGRESSION, "no finite numbers"),
        ([1.0, np.inf], Task.REGRESSION, "no finite numbers"),
        ([1.0, None], Task.CLASSIFICATION, "missing in 1 of 2"),
    ],
)
def test_a_target_that_does_not_fit_its_task_is_named(
    values: list[object], task: Task, message: str
) -> None:
    with pytest.raises(DataError, match=f'"y".*{message}'):
        target_values(pd.DataFrame({"y": values}), "y", task)


@pytest.mark.parametrize(
    "labels",
    [
        pd.Series(["no", "yes"] * 100),
        pd.Series([True, False] * 100),
        pd.Series([True, False] * 100, dtype="boolean"),
        pd.Series([1.0, 2.0] * 100),
        pd.Series(pd.Categorical(["low", "high"] * 100)),
    ],
)
def test_predictions_are_labels_of_the_targets_own_type(labels: pd.Series) -> None:
    frame = rows(200).assign(y=labels)
    model = ContinuousLearningEngine(model_type()).fit_window(frame, seed=0)
    assert set(model.predict(frame).tolist()) <= set(labels.tolist())
    assert model.classes == sorted(set(labels.tolist()))
