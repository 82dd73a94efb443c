from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from core.engines.content_history import ContentFeatures
from core.engines.content_posts import TIERS, content_model_types, generate_posts
from core.errors import DataError

START = datetime(2025, 1, 6, tzinfo=UTC)
COLUMNS = list(content_model_types()[0].feature_columns)
DELAY_S = 3 * 86_400.0


@pytest.fixture(scope="module")
def posts() -> pd.DataFrame:
    return generate_posts(seed=3, start=START, days=30, posts_per_day=25, change_at=None)


def record_columns(features: ContentFeatures) -> list[int]:
    names = features.get_feature_names_out().tolist()
    return [i for i, name in enumerate(names) if name.startswith("author_")]


def two_posts(**columns: object) -> pd.DataFrame:
    noon = pd.Timestamp("2025-03-01 12:00", tz="UTC")
    row = {"author": "Ada", "channel": "x", "format": "text", "title": "A", "body": "B"}
    return pd.DataFrame({"published_at": [noon, noon]} | row | columns)


def other_tier(tiers: pd.Series) -> pd.Series:
    return tiers.map(dict(zip(TIERS, (*TIERS[1:], TIERS[0]), strict=True)))


def test_a_label_never_changes_the_features_of_posts_published_before_it_was_known(
    posts: pd.DataFrame,
) -> None:
    features = ContentFeatures(classification=True, label_delay_s=DELAY_S)
    day_20 = START + timedelta(days=20)
    known = posts["published_at"] + pd.Timedelta(seconds=DELAY_S)
    labels = posts["performance_tier"]
    altered = labels.where(known < day_20, other_tier(labels))

    before = features.fit_transform(posts[COLUMNS], labels)
    after = features.fit_transform(posts[COLUMNS], altered)

    earlier = (posts["published_at"] <= day_20).to_numpy()
    np.testing.assert_array_equal(before[earlier], after[earlier])
    assert (before[~earlier] != after[~earlier]).any()  # the records do depend on labels


@pytest.mark.parametrize("delay_s", [0.0, DELAY_S])
def test_a_label_never_changes_the_features_of_its_own_post(
    posts: pd.DataFrame, delay_s: float
) -> None:
    features = ContentFeatures(classification=False, label_delay_s=delay_s)
    rates = posts["engagement_rate"]
    before = features.fit_transform(posts[COLUMNS], rates)
    for row in (0, 100, 400, len(posts) - 1):
        altered = rates.where(rates.index != row, 0.9)
        after = features.fit_transform(posts[COLUMNS], altered)
        np.testing.assert_array_equal(before[row], after[row])


def test_posts_of_the_same_moment_do_not_know_each_other_even_without_a_delay() -> None:
    features = ContentFeatures(classification=False)
    matrix = features.fit_transform(two_posts(), [0.1, 0.3])
    posts_known, mean = record_columns(features)
    assert matrix[:, posts_known].tolist() == [0.0, 0.0]
    assert np.isnan(matrix[:, mean]).all()


def test_a_record_is_the_shrunken_mean_of_what_was_known(posts: pd.DataFrame) -> None:
    features = ContentFeatures(classification=False, label_delay_s=DELAY_S, prior_posts=5)
    matrix = features.fit_transform(posts[COLUMNS], posts["engagement_rate"])
    for row in (200, 500, len(posts) - 1):
        post = posts.iloc[row]
        known = posts[posts["published_at"] < post["published_at"] - pd.Timedelta(days=3)]
        own = known.loc[known["author"] == post["author"], "engagement_rate"]
        mean = (own.sum() + 5 * known["engagement_rate"].mean()) / (len(own) + 5)
        assert matrix[row, record_columns(features)] == pytest.approx([len(own), mean])


def test_a_measured_time_in_the_frame_goes_before_the_delay() -> None:
    noon = pd.Timestamp("2025-03-01 12:00", tz="UTC")
    published = [noon, noon + pd.Timedelta(days=1)]
    frame = two_posts(published_at=published)
    # The second post's own measured time is missing: the series is shorter than the frame.
    soon = frame.assign(measured_at=pd.Series([noon + pd.Timedelta(hours=1)]))
    late = frame.assign(measured_at=pd.Series([noon + pd.Timedelta(hours=30)]))
    impossible = frame.assign(measured_at=[noon, noon])  # the second before its publication

    known = []
    for rows in (soon, late, impossible, frame):
        features = ContentFeatures(
            classification=False, label_time_column="measured_at", label_delay_s=DELAY_S
        )
        matrix = features.fit_transform(rows, [0.1, 0.3])
        known.append(matrix[:, record_columns(features)[0]].tolist())

    assert known == [[0, 1], [0, 0], [0, 1], [0, 0]]


def test_new_posts_get_the_record_at_the_end_of_training(posts: pd.DataFrame) -> None:
    features = ContentFeatures(classification=True, label_delay_s=DELAY_S, prior_posts=5)
    tiers = posts["performance_tier"]
    training = features.fit_transform(posts[COLUMNS], tiers)
    last = posts[COLUMNS].tail(1)
    author = posts["author"] == last["author"].item()

    new = features.transform(last)[0, record_columns(features)]

    overall = np.array([(tiers == t).mean() for t in sorted(TIERS)])
    own = np.array([(tiers[author] == t).sum() for t in sorted(TIERS)])
    assert new == pytest.approx([author.sum(), *(own + 5 * overall) / (author.sum() + 5)])
    assert training[-1, record_columns(features)[0]] < new[0]


def test_an_unknown_author_channel_and_format_and_missing_texts_are_survived(
    posts: pd.DataFrame,
) -> None:
    features = ContentFeatures(classification=False, label_delay_s=DELAY_S)
    rates = posts["engagement_rate"]
    features.fit_transform(posts[COLUMNS], rates)
    strange = pd.DataFrame(
        {
            "published_at": [pd.Timestamp("2030-01-01", tz="UTC"), pd.NaT],
            "author": ["Somebody New", None],
            "channel": ["carrier pigeon", None],
            "format": ["smell", None],
            "title": [None, "Hello"],
            "body": [None, None],
            "hashtags": [None, 2],
        }
    )

    matrix = features.transform(strange)

    assert matrix[:, record_columns(features)] == pytest.approx(np.array([[0, rates.mean()]] * 2))
    assert np.isnan(matrix[:, :3]).all()


@pytest.mark.parametrize("dtype", ["object", "string", "category"])
def test_features_do_not_depend_on_how_strings_and_times_are_stored(
    posts: pd.DataFrame, dtype: str
) -> None:
    features = ContentFeatures(classification=False, number_columns=("hashtags",))
    rates = posts["engagement_rate"]
    strings = dict.fromkeys(("author", "channel", "format", "title", "body"), dtype)
    stored = posts[COLUMNS].astype(strings)
    stored["published_at"] = posts["published_at"].dt.tz_convert("Asia/Tokyo")
    stored["hashtags"] = posts["hashtags"].astype("Int64")

    plain = features.fit_transform(posts[COLUMNS], rates)
    np.testing.assert_array_equal(features.fit_transform(stored, rates), plain)
    np.testing.assert_array_equal(
        features.transform(stored.head(20)), features.transform(posts[COLUMNS].head(20))
    )


def test_a_missing_column_and_a_number_that_is_none_are_named(posts: pd.DataFrame) -> None:
    with pytest.raises(DataError, match=r"channel, body"):
        ContentFeatures(classification=False).fit_transform(
            posts[COLUMNS].drop(columns=["channel", "body"]), posts["engagement_rate"]
        )
    with pytest.raises(DataError, match="mood"):
        ContentFeatures(classification=False, number_columns=("mood",)).fit_transform(
            posts[COLUMNS].assign(mood="sunny"), posts["engagement_rate"]
        )
