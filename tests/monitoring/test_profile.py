from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from core.engines.continuous_learning import ContinuousLearningEngine
from core.engines.importance import importance_shares
from core.engines.metrics import METRICS
from core.monitoring.clustering import clustering_of
from core.monitoring.distributions import (
    MOST_LEVELS,
    MOST_POINTS,
    LevelDistribution,
    NumberDistribution,
    round_digits,
)
from core.monitoring.profile import ReferenceProfile, make_profile
from tests.engines.rows import ALL_KINDS, all_kinds, end_of, model_type, regression_type, rows


def profile_of(frame: pd.DataFrame, **changes: Any) -> ReferenceProfile:
    chosen = model_type(**changes)
    engine = ContinuousLearningEngine(chosen)
    plan = engine.plan(frame, as_of=end_of(frame), champion_cutoff=None)
    parts = engine.split(frame, plan)
    model = engine.train(frame, plan, seed=0).model
    return make_profile(chosen, model, parts.train, parts.holdout, seed=0)


def test_a_profile_survives_json_unchanged() -> None:
    profile = profile_of(all_kinds(600), feature_columns=ALL_KINDS)
    stored = json.loads(json.dumps(profile.as_json()))
    again = ReferenceProfile.from_json(stored)
    assert again.as_json() == stored
    assert again.column_kinds == profile.column_kinds
    assert again.key_columns == profile.key_columns == ("id",)


def test_every_kind_of_column_is_profiled_by_what_can_be_compared() -> None:
    features = profile_of(all_kinds(600), feature_columns=ALL_KINDS).features
    parts = {name: set(column.parts) for name, column in features.items()}
    assert parts["text"] == {"length", "words"}
    assert parts["since"] == {"age_seconds"}
    assert parts["nothing"] == set()
    assert parts["a"] == parts["count"] == parts["flag"] == parts["city"] == {"value"}
    assert features["nothing"].missing_share == 1.0
    assert 0.05 < features["a"].missing_share < 0.15
    # Signed up 30 days before each row: the age stays the same however late the rows are.
    age = features["since"].parts["age_seconds"]
    assert isinstance(age, NumberDistribution)
    assert age.points.tolist() == [timedelta(days=30).total_seconds()]


def test_the_profile_of_a_large_table_is_small() -> None:
    frame = rows(20_000)
    frame["name"] = [f"customer-{i}" for i in range(20_000)]
    frame["a"] = frame["a"] * 1e-7
    profile = profile_of(frame, feature_columns=("a", "b", "name"))
    numbers, names = (profile.features[name].parts["value"] for name in ("a", "name"))
    assert isinstance(numbers, NumberDistribution)
    assert isinstance(names, LevelDistribution)
    assert len(numbers.points) <= MOST_POINTS
    assert len(names.levels) == MOST_LEVELS
    assert not names.keeps_all
    assert len(json.dumps(profile.as_json())) < 60_000


def test_the_bounds_are_those_of_the_data_and_quantiles_are_close() -> None:
    values = np.random.default_rng(0).normal(size=10_000)
    found = NumberDistribution.of(values)
    assert found.points[0] == pytest.approx(values.min())
    assert found.points[-1] == pytest.approx(values.max())
    for share in (0.001, 0.25, 0.5, 0.999):
        exact = (values <= found.quantile(share)).mean()
        assert exact == pytest.approx(share, abs=1 / (MOST_POINTS - 1))
    assert np.isnan(NumberDistribution.of(np.empty(0)).quantile(0.5))


def test_rounding_keeps_nine_digits_at_any_magnitude() -> None:
    magnitudes = 10.0 ** np.arange(-12, 18)
    values = np.random.default_rng(0).normal(size=(100, 30)).ravel() * np.tile(magnitudes, 100)
    rounded = round_digits(values)
    np.testing.assert_allclose(rounded, values, rtol=1e-8)
    assert round_digits(rounded).tolist() == rounded.tolist()
    assert [float(f"{value:.9g}") for value in rounded] == rounded.tolist()


def test_the_kept_levels_of_many_are_not_counted_where_they_were_chosen() -> None:
    random = np.random.default_rng(0)
    alike = pd.Series(random.integers(0, 1000, 5000).astype(str))
    found = LevelDistribution.of(alike)
    kept = sum(found.levels.values()) / found.rows
    # 200 of 1,000 equally frequent levels; the most frequent 200 of the sample hold a third of it.
    assert kept == pytest.approx(0.2, abs=0.03)
    assert alike.value_counts().head(200).sum() / 5000 > 0.27


def test_rows_in_clusters_count_as_fewer() -> None:
    random = np.random.default_rng(0)
    effects = [clustering_of(random.integers(0, 10, 4000), ordered=True) for _ in range(50)]
    assert np.mean(effects) < 1.2
    steps = np.repeat(random.integers(0, 10, 400), 10)
    assert clustering_of(steps) == pytest.approx(10, rel=0.3)


def test_importance_falls_on_the_features_that_the_target_follows_from() -> None:
    random = np.random.default_rng(9)
    frame = rows(2000).assign(noise=random.normal(size=2000))
    frame["number"] = frame["a"] * 3 + frame["b"]
    chosen = regression_type(target_column="number", feature_columns=("a", "b", "noise"))
    model = ContinuousLearningEngine(chosen).fit_window(frame[:1000], seed=0)
    shares = importance_shares(model, frame[1000:], METRICS["mae"], seed=0)
    assert sum(shares.values()) == pytest.approx(1.0)
    assert shares["a"] > shares["b"] > 0.1
    assert shares["noise"] < 0.01
    assert shares == importance_shares(model, frame[1000:], METRICS["mae"], seed=0)


def test_where_nothing_matters_all_features_are_as_important() -> None:
    frame = rows(400)
    frame["y"] = 0
    frame.loc[::2, "y"] = 1
    model = ContinuousLearningEngine(model_type()).fit_window(frame, seed=0)
    shares = importance_shares(model, frame[:0], METRICS["accuracy"], seed=0)
    assert shares == {"a": 0.5, "b": 0.5}


def test_the_usual_label_delay_is_learnt_from_label_times() -> None:
    frame = rows(600)
    hours = np.random.default_rng(0).uniform(0, 10, 600)
    frame["known"] = frame["at"] + pd.to_timedelta(hours, unit="h")
    delay = profile_of(frame, label_time_column="known").usual_delay_seconds
    assert delay == pytest.approx(9.5 * 3600, rel=0.05)
    delay = profile_of(frame, label_delay=timedelta(hours=3)).usual_delay_seconds
    assert delay == 3 * 3600


@pytest.mark.parametrize("rows", [100, 160, 250])
def test_independent_categories_of_few_rows_are_hardly_called_clustered(rows: int) -> None:
    random = np.random.default_rng(rows)
    found = [clustering_of(random.integers(0, 20, rows)) for _ in range(40)]
    assert np.mean(found) < 1.4
