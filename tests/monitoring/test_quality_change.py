from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from core.domain import DataQuality
from core.engines.continuous_learning import ContinuousLearningEngine
from core.monitoring.data_quality import assess
from core.monitoring.profile import ReferenceProfile, make_profile
from tests.engines.rows import all_kinds, end_of, model_type

FEATURES = ("a", "b", "count", "flag", "city", "text", "since")


@pytest.fixture(scope="module")
def profile() -> ReferenceProfile:
    """Of a champion that learnt from every kind of column, as it is stored and read back."""
    frame, kind = all_kinds(1500), model_type(feature_columns=FEATURES)
    engine = ContinuousLearningEngine(kind)
    plan = engine.plan(frame, as_of=end_of(frame), champion_cutoff=None)
    parts = engine.split(frame, plan)
    model = engine.train(frame, plan, seed=0).model
    made = make_profile(kind, model, parts.train, parts.holdout, seed=0)
    return ReferenceProfile.from_json(made.as_json())


def assessed(frame: pd.DataFrame, profile: ReferenceProfile) -> DataQuality:
    return assess(frame, model_type(feature_columns=FEATURES), profile=profile)


def names(quality: DataQuality) -> set[tuple[str, str | None]]:
    return {(finding.name, finding.column) for finding in quality.findings}


def test_rows_like_those_before_have_no_finding(profile: ReferenceProfile) -> None:
    for seed in range(1, 11):
        assert names(assessed(all_kinds(1500, seed=seed), profile)) == set()


def test_a_boolean_with_and_without_holes_is_the_same(profile: ReferenceProfile) -> None:
    frame = all_kinds(600, seed=1)
    frame["flag"] = frame["flag"].astype("Float64").astype(float)
    frame["count"] = frame["count"].fillna(0).astype(int)
    assert names(assessed(frame, profile)) == set()


@pytest.mark.parametrize("column", ["a", "city", "since"])
def test_a_feature_that_lost_every_value_blocks(profile: ReferenceProfile, column: str) -> None:
    quality = assessed(all_kinds(600, seed=1).assign(**{column: None}), profile)

    (finding,) = quality.findings
    assert (finding.name, finding.column, finding.blocking) == ("vanished_column", column, True)
    assert 0.8 < finding.figures["before"] < 1
    assert quality.score == 0


def test_a_feature_that_never_had_values_has_not_vanished(profile: ReferenceProfile) -> None:
    frame = all_kinds(600, seed=1)
    kind = model_type(feature_columns=(*FEATURES, "nothing"))
    assert names(assess(frame, kind, profile=profile)) == {("all_missing_column", "nothing")}


@pytest.mark.parametrize(
    ("column", "values", "was", "now"),
    [
        ("a", ["high", "low"] * 300, "numbers", "words"),
        ("city", range(600), "words", "numbers"),
        ("since", ["soon"] * 600, "times", "words"),
    ],
)
def test_another_kind_of_values_is_named(
    profile: ReferenceProfile, column: str, values: Any, was: str, now: str
) -> None:
    quality = assessed(all_kinds(600, seed=1).assign(**{column: list(values)}), profile)

    (finding,) = (f for f in quality.findings if f.name == "changed_kind")
    assert (finding.column, finding.figures) == (column, {"before": was, "now": now})
    assert not finding.blocking


def test_numbers_beyond_those_that_were_learnt_are_counted_among_the_newest_rows(
    profile: ReferenceProfile,
) -> None:
    frame = all_kinds(2000, seed=1)
    frame.loc[frame.index >= 1900, "b"] = 40.0
    mixed = frame.sample(frac=1, random_state=0)

    for given in (frame, mixed):
        (finding,) = assessed(given, profile).findings
        assert (finding.name, finding.column) == ("out_of_range", "b")
        assert 100 <= finding.figures["rows"] <= 105  # and a few by chance
        assert finding.figures["of"] == 400
        assert finding.figures["low"] < -2 < 2 < finding.figures["high"] < 5


def test_a_number_out_of_range_now_and_then_is_nothing_new(profile: ReferenceProfile) -> None:
    frame = all_kinds(2000, seed=1)
    frame.loc[frame.index[-2:], "b"] = 40.0
    assert names(assessed(frame, profile)) == set()


def test_numbers_out_of_range_by_chance_are_seldom_found(profile: ReferenceProfile) -> None:
    random = np.random.default_rng(0)
    false = 0
    for _ in range(80):
        frame = pd.DataFrame(
            {
                "id": range(300),
                "at": pd.date_range("2026-05-01", periods=300, freq="h", tz="UTC"),
                "a": random.normal(size=300),
                "b": random.normal(size=300),
                "y": random.integers(0, 2, 300),
            }
        )
        false += bool(assess(frame, model_type(), profile=profile).findings)
    assert false <= 3  # 1 %, and chance
