from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from core.engines.content_posts import content_model_types, generate_posts
from core.monitoring.data_quality import assess
from tests.engines.rows import model_type, regression_type, rows

START = datetime(2026, 1, 1, tzinfo=UTC)
TELLING = {"is_the_target", "tells_the_target", "missing_tells_the_target", "later_than_row"}


def suspicions(frame: pd.DataFrame, *features: str, **changes: Any) -> dict[str | None, str]:
    """Each suspected feature with what it is suspected of."""
    kind = model_type(feature_columns=features, **changes)
    return {f.column: f.name for f in assess(frame, kind).findings if f.name in TELLING}


def about(frame: pd.DataFrame, *features: str) -> dict[str | None, str]:
    """The same of a regression on the number."""
    kind = regression_type(feature_columns=features, target_column="number")
    return {f.column: f.name for f in assess(frame, kind).findings if f.name in TELLING}


# The target itself --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "names", [{0: "stayed", 1: "left"}, {0: 10.0, 1: 20.0}, {0: True, 1: False}, {0: 0, 1: 1}]
)
def test_the_target_in_other_words_blocks(names: dict[int, Any]) -> None:
    frame = rows(400)
    frame["c"] = frame["y"].map(names).astype(object)
    frame.loc[frame.index % 20 == 0, "c"] = None  # a copy may have holes

    quality = assess(frame, model_type(feature_columns=("a", "c")))

    assert [(f.name, f.column) for f in quality.findings] == [("is_the_target", "c")]
    assert quality.is_blocking


def test_a_quantity_that_is_the_target_blocks_and_one_in_another_unit_is_a_warning() -> None:
    frame = rows(2000)
    frame["same"], frame["cents"] = frame["number"], 100 * frame["number"] + 3

    assert about(frame, "a", "same", "cents") == {
        "same": "is_the_target",
        "cents": "tells_the_target",
    }


def test_few_matching_rows_may_be_chance() -> None:
    frame = rows(200)
    frame["y"] = (frame.index == 7).astype(int)
    frame["rare"] = frame["y"] == 1

    assert suspicions(frame, "a", "rare") == {}


# Almost the target --------------------------------------------------------------------------


@pytest.mark.parametrize("share", [0.5, 0.1, 0.02])
def test_a_feature_that_is_almost_always_right_is_suspected_however_rare_a_class_is(
    share: float,
) -> None:
    frame, random = rows(5000), np.random.default_rng(1)
    frame["y"] = (random.random(5000) < share).astype(int)
    wrong = random.random(5000) < 0.01
    frame["refund"] = np.where(wrong, 1 - frame["y"], frame["y"]) + random.random(5000) / 2

    quality = assess(frame, model_type(feature_columns=("a", "refund")))

    (finding,) = quality.findings
    assert (finding.name, finding.column, finding.blocking) == ("tells_the_target", "refund", False)
    assert 0 <= finding.figures["left"] <= 0.05
    assert quality.score == 0.5


def test_the_shape_of_a_relation_does_not_matter() -> None:
    frame = rows(4000)
    frame["y"] = (frame["a"].abs() > 1).astype(int)  # both ends
    frame["number"] = np.cos(2 * frame["a"])
    frame["city"] = np.where(frame["y"] == 1, "ulm", "bonn") + (frame["id"] % 40).astype(str)

    assert suspicions(frame, "a", "city") == {"a": "tells_the_target", "city": "tells_the_target"}
    assert about(frame, "a") == {"a": "tells_the_target"}


def test_three_classes_are_told_apart() -> None:
    frame = rows(3000, classes=3)
    frame["c"] = frame["number"].rank()

    assert suspicions(frame, "a", "c") == {"c": "tells_the_target"}


def test_a_good_feature_is_no_suspect() -> None:
    frame, random = rows(5000), np.random.default_rng(2)
    frame["good"] = frame["y"] * 3 + random.normal(size=5000)  # AUC 0.98
    frame["fine"] = frame["number"] + 0.3 * random.normal(size=5000)  # R² 0.96

    assert suspicions(frame, "good") == {}
    assert about(frame, "fine") == {}


@pytest.mark.parametrize("count", [60, 200, 2000])
def test_features_that_know_nothing_are_never_suspected(count: int) -> None:
    for seed in range(5):
        random = np.random.default_rng(seed)
        frame = rows(count, seed=seed)
        features = [f"x{i}" for i in range(20)]
        for i, name in enumerate(features):
            values = random.normal(size=count)
            frame[name] = np.where(random.random(count) < 0.03 * i, np.nan, values)
        frame["y"] = (random.random(count) < 0.2).astype(int)

        assert suspicions(frame, *features) == {}
        assert about(frame, *features) == {}


def test_what_the_row_before_tells_as_well_is_no_suspect() -> None:
    random = np.random.default_rng(3)
    frame = rows(5000)
    frame["number"] = random.normal(size=5000).cumsum()  # a price
    frame["y"] = (frame["number"] > frame["number"].median()).astype(int)
    frame["an_hour_ago"] = frame["number"].shift(1).bfill()
    mixed = frame.sample(frac=1, random_state=0)  # in whatever order the rows come

    assert about(frame, "an_hour_ago") == about(mixed, "an_hour_ago") == {}
    assert suspicions(frame, "an_hour_ago") == suspicions(mixed, "an_hour_ago") == {}


def test_a_key_that_tells_rows_apart_is_no_suspect() -> None:
    frame = rows(3000)
    frame["customer"] = [f"customer {i}" for i in frame["id"]]

    assert suspicions(frame, "id", "customer") == {}


# Known only afterwards ----------------------------------------------------------------------


def test_a_value_that_only_one_outcome_has_is_suspected() -> None:
    frame, random = rows(3000), np.random.default_rng(4)
    cancelled = (frame["y"] == 1) & (random.random(3000) < 0.4)
    frame["reason"] = pd.Series(random.choice(["price", "moved"], 3000)).where(cancelled)
    frame["income"] = frame["a"].where(random.random(3000) > 0.2 + 0.3 * frame["y"])

    (finding,) = assess(frame, model_type(feature_columns=("income", "reason"))).findings[1:]
    assert (finding.name, finding.column) == ("missing_tells_the_target", "reason")
    assert finding.figures == {
        "rows": int(cancelled.sum()),
        "others": 0,
        "when_missing": False,
    }
    assert not finding.blocking


def test_a_value_that_is_missing_for_one_quarter_of_a_quantity_is_suspected() -> None:
    frame, random = rows(3000), np.random.default_rng(5)
    frame["number"] = np.where(random.random(3000) < 0.4, 0.0, frame["number"].abs() + 1)
    hidden = (frame["number"] == 0) & (random.random(3000) < 0.8)
    frame["delivered_by"] = pd.Series(["van"] * 1500 + ["bike"] * 1500).mask(hidden)

    assert about(frame, "a", "delivered_by") == {"delivered_by": "missing_tells_the_target"}


def test_a_time_after_the_rows_own_is_suspected() -> None:
    frame = rows(1000)
    frame["closed_at"] = (frame["at"] + timedelta(days=2)).where(frame["id"] % 3 == 0)
    frame["since"] = frame["at"] - timedelta(days=2)
    found = suspicions(frame, "a", "closed_at", "since", "at")

    assert found == {"closed_at": "later_than_row"}


def test_what_happens_on_the_day_of_a_date_is_not_later() -> None:
    frame = rows(1000)
    frame["seen_at"] = frame["at"]
    frame["at"] = frame["at"].dt.floor("D")

    assert suspicions(frame, "a", "seen_at") == {}


# Real shapes --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def posts() -> pd.DataFrame:
    change = START + timedelta(days=60)
    return generate_posts(seed=1, start=START, days=120, posts_per_day=40, change_at=change)


@pytest.mark.parametrize("kind", content_model_types(), ids=lambda kind: kind.name)
def test_the_generated_posts_are_free_of_suspicion(posts: pd.DataFrame, kind: Any) -> None:
    quality = assess(posts, kind, as_of=posts["measured_at"].max().to_pydatetime())
    assert (quality.score, quality.findings) == (1.0, ())


def test_the_rate_that_a_tier_is_cut_from_is_suspected(posts: pd.DataFrame) -> None:
    kind = content_model_types()[0]
    found = suspicions(
        posts,
        "channel",
        "engagement_rate",
        "measured_at",
        target_column=kind.target_column,
        time_column=kind.time_column,
        key_columns=kind.key_columns,
    )
    assert found == {"engagement_rate": "tells_the_target", "measured_at": "later_than_row"}
