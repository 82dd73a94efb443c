from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.metrics import mean_absolute_error
from sklearn.pipeline import Pipeline
from threadpoolctl import threadpool_limits

from core.domain import ModelType
from core.engines.content_performance import ContentPerformanceMLEngine, make_content_pipeline
from core.engines.content_posts import content_model_types, generate_posts
from core.errors import DataError, InvalidRequest

START = datetime(2025, 1, 6, tzinfo=UTC)
WEEK = timedelta(weeks=1)
CHANGE = START + 18 * WEEK
TIER, RATE = content_model_types()
TRUSTED = [
    "core.engines.content_history.ContentFeatures",
    "functools.partial",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.utils.validation.check_array",
]


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    """OpenMP threads that wait for a busy core cost far more than they bring."""
    with threadpool_limits(1):
        yield


@pytest.fixture(scope="module")
def posts() -> pd.DataFrame:
    return generate_posts(seed=11, start=START, days=30 * 7, posts_per_day=90, change_at=CHANGE)


@pytest.fixture(scope="module")
def first_model(posts: pd.DataFrame) -> Pipeline:
    return trained(posts, TIER, START, START + 10 * WEEK)


def labelled(posts: pd.DataFrame, start: datetime, end: datetime) -> pd.DataFrame:
    return posts[(posts["measured_at"] >= start) & (posts["measured_at"] < end)]


def trained(
    posts: pd.DataFrame, model_type: ModelType, start: datetime, end: datetime, *, seed: int = 0
) -> Pipeline:
    rows = labelled(posts, start, end)
    pipeline = make_content_pipeline(model_type, seed=seed)
    pipeline.fit(rows[list(model_type.feature_columns)], rows[model_type.target_column])
    return pipeline


def accuracy(model: Pipeline, rows: pd.DataFrame) -> float:
    return float(model.score(rows[list(TIER.feature_columns)], rows["performance_tier"]))


def test_accuracy_does_not_decay_before_the_change(
    posts: pd.DataFrame, first_model: Pipeline
) -> None:
    early = labelled(posts, START + 11 * WEEK, START + 14.5 * WEEK)
    late = labelled(posts, START + 14.5 * WEEK, CHANGE)

    # 2,200 posts each: the difference has a standard error of 1.3 points.
    assert abs(accuracy(first_model, early) - accuracy(first_model, late)) < 0.035


def test_the_change_costs_an_old_model_much_and_a_refit_recovers_most_of_it(
    posts: pd.DataFrame, first_model: Pipeline
) -> None:
    before = accuracy(first_model, labelled(posts, START + 11 * WEEK, CHANGE))
    afterwards = labelled(posts, CHANGE + 4.5 * WEEK, START + 30 * WEEK)
    old = accuracy(first_model, afterwards)

    refit = accuracy(trained(posts, TIER, CHANGE - 6 * WEEK, CHANGE + 4 * WEEK), afterwards)

    assert before - old > 0.08
    assert refit - old > (before - old) / 2


def test_tiers_are_predicted_far_better_than_by_a_dummy(
    posts: pd.DataFrame, first_model: Pipeline
) -> None:
    rows = labelled(posts, START + 11 * WEEK, CHANGE)
    dummy = DummyClassifier().fit(rows[["author"]], rows["performance_tier"])

    chance = dummy.score(rows[["author"]], rows["performance_tier"])

    assert accuracy(first_model, rows) > chance + 0.25


def test_rates_are_predicted_far_better_than_by_a_dummy(posts: pd.DataFrame) -> None:
    model = trained(posts, RATE, START, START + 10 * WEEK)
    rows = labelled(posts, START + 11 * WEEK, CHANGE)
    truth = rows["engagement_rate"]
    dummy = DummyRegressor(strategy="median").fit(rows[["author"]], truth)

    error = mean_absolute_error(truth, model.predict(rows[list(RATE.feature_columns)]))

    assert error < 0.6 * mean_absolute_error(truth, dummy.predict(rows[["author"]]))


@pytest.mark.parametrize("model_type", [TIER, RATE], ids=lambda m: m.name)
def test_a_pipeline_survives_skops_with_the_types_we_trust_and_a_seed_decides_it(
    posts: pd.DataFrame, model_type: ModelType
) -> None:
    span = (START, START + 3 * WEEK)
    model = trained(posts, model_type, *span, seed=7)
    again = trained(posts, model_type, *span, seed=7)
    rows = posts[list(model_type.feature_columns)].tail(300)

    stored = skops.io.dumps(model)
    loaded = skops.io.loads(stored, trusted=TRUSTED)

    assert sorted(skops.io.get_untrusted_types(data=stored)) == TRUSTED
    for other in (again, loaded):
        np.testing.assert_array_equal(other.predict(rows), model.predict(rows))
    if model_type is TIER:
        np.testing.assert_array_equal(loaded.predict_proba(rows), model.predict_proba(rows))


def test_unseen_values_and_missing_texts_get_a_prediction(
    posts: pd.DataFrame, first_model: Pipeline
) -> None:
    strange: dict[str, Any] = {"author": "New", "channel": "radio", "format": None, "body": None}
    rows = posts.tail(5).assign(**strange)

    proba = first_model.predict_proba(rows[list(TIER.feature_columns)])

    np.testing.assert_allclose(proba.sum(axis=1), 1.0)


def test_features_show_what_a_post_says_by_itself() -> None:
    posts = pd.DataFrame(
        {
            "published_at": [pd.Timestamp("2025-03-01 18:30", tz="UTC")],  # a Saturday
            "author": ["Ada"],
            "channel": ["x"],
            "format": ["text"],
            "title": ["Ready?"],
            "body": ["We are live! See https://example.com now. 🚀 #launch #news"],
        }
    )

    row = ContentPerformanceMLEngine().features(posts).iloc[0]

    expected = {
        "channel_format": "x/text",
        "title_questions": 1,
        "body_words": 9,
        "body_exclamations": 1,
        "body_emoji": 1,
        "body_hashtags": 2,
        "body_links": 1,
        "hour": 18.5,
        "weekday": 5,
        "is_weekend": 1,
    }
    assert row[list(expected)].to_dict() == expected
    assert not [name for name in row.index if name.startswith("author")]


def test_features_name_the_column_that_is_missing(posts: pd.DataFrame) -> None:
    with pytest.raises(DataError, match="title"):
        ContentPerformanceMLEngine().features(posts.drop(columns="title"))


def test_engine_parameters_go_to_the_estimator() -> None:
    model_type = replace(RATE, engine_parameters={"max_iter": 7, "loss": "gamma"})
    parameters = make_content_pipeline(model_type, seed=3)["model"].get_params()
    assert (parameters["max_iter"], parameters["loss"]) == (7, "gamma")
    assert (parameters["random_state"], parameters["early_stopping"]) == (3, False)


def test_the_median_is_learnt_only_where_the_metric_is_the_mean_absolute_error() -> None:
    losses = [
        make_content_pipeline(replace(RATE, metric=metric), seed=0)["model"].loss
        for metric in ("mae", "rmse")
    ]
    assert losses == ["absolute_error", "squared_error"]


def test_an_unknown_parameter_and_a_missing_feature_column_are_refused_by_name() -> None:
    with pytest.raises(InvalidRequest, match="max_iterations"):
        make_content_pipeline(replace(TIER, engine_parameters={"max_iterations": 7}), seed=0)
    columns = tuple(c for c in TIER.feature_columns if c not in {"author", "body"})
    with pytest.raises(InvalidRequest, match="author, body"):
        make_content_pipeline(replace(TIER, feature_columns=columns), seed=0)
