from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from core.engines.content_posts import (
    TIER_CUTS,
    TIERS,
    content_model_types,
    generate_posts,
    performance_tier,
)
from core.errors import InvalidRequest

START = datetime(2025, 1, 6, tzinfo=UTC)  # a Monday
CHANGE = START + timedelta(weeks=12)
OUTCOMES = ["engagement_rate", "performance_tier"]


@pytest.fixture(scope="module")
def posts() -> pd.DataFrame:
    return generate_posts(seed=5, start=START, days=24 * 7, posts_per_day=90, change_at=CHANGE)


def test_the_same_seed_gives_the_same_posts_and_another_seed_others() -> None:
    def make(seed: int) -> pd.DataFrame:
        return generate_posts(seed=seed, start=START, days=9, posts_per_day=60, change_at=CHANGE)

    pd.testing.assert_frame_equal(make(1), make(1))
    assert not make(1)["body"].head(50).equals(make(2)["body"].head(50))


def test_a_change_alters_only_how_later_posts_perform(posts: pd.DataFrame) -> None:
    unchanged = generate_posts(seed=5, start=START, days=24 * 7, posts_per_day=90, change_at=None)

    before = posts["published_at"] < CHANGE
    pd.testing.assert_frame_equal(posts[before], unchanged[before])
    pd.testing.assert_frame_equal(posts.drop(columns=OUTCOMES), unchanged.drop(columns=OUTCOMES))
    assert (posts["engagement_rate"] != unchanged["engagement_rate"])[~before].mean() > 0.95


def test_posts_have_a_key_times_with_a_zone_and_labels_one_to_three_days_later(
    posts: pd.DataFrame,
) -> None:
    delay = posts["measured_at"] - posts["published_at"]

    assert posts["post_id"].tolist() == list(range(1, len(posts) + 1))
    assert posts["published_at"].is_monotonic_increasing
    assert posts["published_at"].iloc[0] >= START
    assert posts["published_at"].iloc[-1] < START + timedelta(weeks=24)
    assert delay.min() >= pd.Timedelta(days=1)
    assert delay.max() <= pd.Timedelta(days=3)
    assert posts.notna().all(axis=None)


def test_volume_follows_the_week_and_the_day(posts: pd.DataFrame) -> None:
    times = posts["published_at"].dt
    per_weekday = times.day_of_week.value_counts() / 24

    assert len(posts) / (24 * 7) == pytest.approx(90, rel=0.03)
    assert per_weekday[[5, 6]].max() < 0.75 * per_weekday[[0, 1, 2, 3, 4]].min()
    assert (times.hour < 6).mean() < 0.1


def test_columns_about_the_text_agree_with_the_text(posts: pd.DataFrame) -> None:
    text = posts["title"] + " " + posts["body"]
    words = posts["body"].str.count(r"\S+").groupby(posts["channel"]).median()

    assert (text.str.contains("?", regex=False) == posts["has_question"]).all()
    assert (text.str.count(r"#\w") == posts["hashtags"]).all()
    assert words["tiktok"] < words["instagram"] < words["linkedin"] < words["newsletter"]


def test_tiers_have_fixed_cuts() -> None:
    low, high = TIER_CUTS
    rates = np.array([0.0, np.nextafter(low, 0), low, np.nextafter(high, 0), high, 1.0])

    tiers = performance_tier(rates).tolist()

    assert tiers == ["low", "low", "medium", "medium", "high", "high"]


def test_the_tier_of_a_post_is_the_tier_of_its_rate(posts: pd.DataFrame) -> None:
    expected = performance_tier(posts["engagement_rate"].to_numpy())
    assert (posts["performance_tier"] == expected).all()


def test_no_tier_becomes_rare_before_or_after_the_change(posts: pd.DataFrame) -> None:
    after = posts["published_at"] >= CHANGE
    for part in (posts[after], posts[~after]):
        shares = part["performance_tier"].value_counts(normalize=True)
        assert set(shares.index) == set(TIERS)
        assert shares.min() > 0.22


def test_tiers_are_spread_alike_in_the_weeks_before_the_change(posts: pd.DataFrame) -> None:
    early = posts[posts["published_at"] < START + timedelta(weeks=6)]
    late = posts[posts["published_at"].between(START + timedelta(weeks=6), CHANGE)]

    shares = [p["performance_tier"].value_counts(normalize=True) for p in (early, late)]

    # 3,800 posts each: a difference has a standard error of 1.1 points.
    assert (shares[0] - shares[1]).abs().max() < 0.035


def test_twenty_thousand_posts_take_less_than_two_seconds() -> None:
    started = time.process_time()
    generate_posts(seed=0, start=START, days=200, posts_per_day=100, change_at=CHANGE)
    assert time.process_time() - started < 2


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"start": datetime(2025, 1, 6)}, "time zone"),  # noqa: DTZ001
        ({"change_at": datetime(2025, 2, 6)}, "time zone"),  # noqa: DTZ001
        ({"days": 0}, "positive"),
        ({"posts_per_day": 0.0}, "positive"),
    ],
)
def test_senseless_arguments_are_refused(wrong: dict[str, object], message: str) -> None:
    arguments = {"seed": 0, "start": START, "days": 3, "posts_per_day": 9.0, "change_at": None}
    with pytest.raises(InvalidRequest, match=message):
        generate_posts(**arguments | wrong)  # type: ignore[arg-type]


def test_built_in_model_types_use_columns_that_are_known_at_publication(
    posts: pd.DataFrame,
) -> None:
    known_later = {"impressions", "measured_at", *OUTCOMES}
    for model_type in content_model_types():
        features = set(model_type.feature_columns)
        assert features < set(posts.columns)
        assert not features & known_later
        assert model_type.target_column in OUTCOMES
        assert model_type.label_delay >= (posts["measured_at"] - posts["published_at"]).max()
        assert model_type.title
        assert model_type.description
