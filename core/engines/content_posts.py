"""A generator of posts whose audience changes at a known time, and the model types over them.

The world before the change is stationary: the same authors, channels and tastes from the first day
on. What an audience likes is a sum of effects on the logarithm of the engagement rate; the change
swaps the tastes of :data:`_BEFORE` for those of :data:`_AFTER` and leaves the authors as they are.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.domain import ModelType, Task
from core.engines.content_texts import Brief, write_texts
from core.errors import InvalidRequest

CHANNELS = ("instagram", "linkedin", "x", "newsletter", "tiktok")
FORMATS = ("image", "video", "text", "carousel", "link")
TIERS = ("low", "medium", "high")
# Fixed, so that a tier means the same rate in every month: about a third each before the change.
TIER_CUTS = (0.023, 0.045)

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_CHANNEL_SHARES = (0.28, 0.24, 0.20, 0.10, 0.18)
# Rows are channels, columns formats, in the order above; each row sums to one.
_FORMAT_SHARES = np.array(
    [
        [0.35, 0.30, 0.05, 0.25, 0.05],
        [0.20, 0.20, 0.30, 0.15, 0.15],
        [0.25, 0.15, 0.35, 0.05, 0.20],
        [0.15, 0.05, 0.50, 0.00, 0.30],
        [0.05, 0.80, 0.00, 0.15, 0.00],
    ]
)
_MEDIAN_WORDS = np.array([35.0, 110.0, 22.0, 230.0, 18.0])
_WORDS_PER_FORMAT = np.array([0.8, 0.7, 1.5, 0.9, 0.8])
_HASHTAGS = np.array([5.0, 2.5, 1.0, 0.0, 3.5])
_EMOJI = np.array([1.5, 0.4, 0.5, 0.1, 1.2])
# Share of a day's posts by hour, UTC: office hours first, a second rise in the evening.
_HOURS = np.array([1, 1, 1, 1, 1, 2, 4, 7, 9, 9, 8, 7, 8, 7, 6, 6, 6, 7, 8, 9, 8, 6, 3, 2], float)
_WEEKDAY_VOLUME = np.array([1.10, 1.20, 1.20, 1.15, 1.05, 0.65, 0.65])  # Monday first; mean 1
_WEEKEND_EFFECT = np.array([0.12, -0.25, -0.05, -0.20, 0.15])
_HOUR_WEIGHT = np.array([1.2, 0.8, 1.0, 0.7, 1.3])  # how much a channel cares for the hour
_AUTHORS = 36
_AUTHOR_SPREAD = 0.45
_NOISE = 0.28
_TYPICAL_RATE = 0.030
_FIRST_NAMES = ("Amara", "Bruno", "Chiara", "Dmitri", "Elif", "Farid", "Grace", "Hana", "Ivo")
_LAST_NAMES = ("Lindqvist", "Okafor", "Moreau", "Tanaka")


@dataclass(frozen=True, kw_only=True)
class _Taste:
    """What an audience reacts to; effects on the logarithm of the engagement rate."""

    channel: Floats  # shape (5,)
    format_on_channel: Floats  # shape (5, 5)
    length: float  # per unit of log(words / the channel's median)
    question: float
    best_hour: int
    hour: float


_BEFORE = _Taste(
    channel=np.array([0.25, 0.00, -0.45, 0.10, 0.20]),
    format_on_channel=np.array(
        [
            [0.05, 0.55, -0.50, 0.35, -0.60],
            [0.05, 0.45, -0.35, 0.40, -0.40],
            [0.10, 0.50, -0.15, 0.10, -0.45],
            [0.15, 0.30, -0.05, 0.00, -0.20],
            [-0.30, 0.30, 0.00, -0.10, 0.00],
        ]
    ),
    length=-0.20,
    question=0.30,
    best_hour=20,
    hour=0.40,
)
# Video stops working and long text starts to; evenings move to mornings; TikTok collapses.
_AFTER = _Taste(
    channel=np.array([0.25, 0.10, -0.40, 0.25, -0.15]),
    format_on_channel=np.array(
        [
            [0.10, 0.05, 0.10, 0.35, -0.55],
            [0.05, 0.00, 0.30, 0.40, -0.40],
            [0.10, 0.00, 0.25, 0.10, -0.45],
            [0.15, 0.00, 0.15, 0.00, -0.25],
            [0.05, 0.05, 0.00, 0.25, 0.00],
        ]
    ),
    length=0.20,
    question=0.15,
    best_hour=8,
    hour=0.40,
)


def performance_tier(engagement_rate: Floats) -> NDArray[np.object_]:
    """The tier of each rate, by :data:`TIER_CUTS`; a rate on a cut belongs to the tier above it.

    Parameters
    ----------
    engagement_rate : ndarray of shape (n,)
        Share of those who saw a post that reacted to it, in [0, 1].

    Returns
    -------
    ndarray of str objects, shape (n,)
        ``low``, ``medium`` or ``high``.

    Examples
    --------
    >>> performance_tier(np.array([0.01, 0.023, 0.5])).tolist()
    ['low', 'medium', 'high']
    """
    return np.array(TIERS, dtype=object)[np.searchsorted(TIER_CUTS, engagement_rate, side="right")]


def generate_posts(
    *, seed: int, start: datetime, days: int, posts_per_day: float, change_at: datetime | None
) -> pd.DataFrame:
    """Posts of ``days`` days and how they performed.

    Parameters
    ----------
    seed : int
        Same seed, same posts. Only the performance of posts from ``change_at`` on depends on
        ``change_at``.
    start, change_at : datetime
        Times with a time zone. The first day is the UTC day of ``start``; ``change_at`` None
        leaves the audience as it is.
    days : int
        Length of the history.
    posts_per_day : float
        The mean number of posts on a day (Poisson, fewer at weekends).

    Returns
    -------
    DataFrame
        One row per post, ordered by ``published_at``; ``post_id`` counts from 1. ``measured_at``
        is when the engagement became known, one to three days later. ``impressions`` and the two
        targets are known only then: no features.

    Raises
    ------
    InvalidRequest
        When a time has no time zone, or a count isn't positive.

    Examples
    --------
    >>> from datetime import UTC
    >>> start = datetime(2026, 1, 1, tzinfo=UTC)
    >>> posts = generate_posts(seed=0, start=start, days=2, posts_per_day=10, change_at=None)
    >>> bool((posts["measured_at"] > posts["published_at"]).all()), posts["post_id"].iloc[0].item()
    (True, 1)
    """
    if start.tzinfo is None or (change_at is not None and change_at.tzinfo is None):
        raise InvalidRequest("start and change_at need a time zone.", hint="Give them in UTC.")
    if days < 1 or posts_per_day <= 0:
        raise InvalidRequest("days and posts_per_day must be positive.")
    rng = np.random.default_rng(seed)
    published = _publication_times(rng, start, days, posts_per_day)
    n = len(published)
    delay = pd.to_timedelta(rng.integers(86_400, 3 * 86_400, n), unit="s")
    author, quality = _authors(rng, n)
    channel = rng.choice(len(CHANNELS), size=n, p=_CHANNEL_SHARES)
    steps = _FORMAT_SHARES.cumsum(axis=1)[channel]
    format_ = (rng.random(n)[:, None] > steps[:, :-1]).sum(axis=1)
    brief = _brief(rng, channel, format_)
    titles, bodies = write_texts(rng, brief)
    posts = pd.DataFrame(
        {
            "post_id": np.arange(1, n + 1),
            "published_at": published,
            "measured_at": (published + delay).as_unit("us"),
            "author": author,
            "channel": np.array(CHANNELS)[channel],
            "format": np.array(FORMATS)[format_],
            "title": titles,
            "body": bodies,
            "hashtags": brief.hashtags,
            "has_question": brief.asks,
            "impressions": np.exp(rng.normal(7.5, 0.6, n) + 0.5 * quality).astype(np.int64),
        }
    )
    luck = rng.normal(0.0, _NOISE, n)
    appeal = _appeal(_BEFORE, posts, channel, format_)
    if change_at is not None:
        appeal_after = _appeal(_AFTER, posts, channel, format_)
        appeal = np.where(published < pd.Timestamp(change_at), appeal, appeal_after)
    rate = (_TYPICAL_RATE * np.exp(appeal + quality + luck)).clip(0.0002, 0.6).round(5)
    return posts.assign(engagement_rate=rate, performance_tier=performance_tier(rate))


def _publication_times(
    rng: np.random.Generator, start: datetime, days: int, posts_per_day: float
) -> pd.DatetimeIndex:
    """Ordered publication times with a weekly and a daily rhythm, to the second."""
    first_day = pd.Timestamp(start).tz_convert("UTC").floor("D")
    midnights = pd.date_range(first_day, periods=days, freq="D")
    volume = rng.poisson(posts_per_day * _WEEKDAY_VOLUME[midnights.day_of_week])
    n = int(volume.sum())
    hours = rng.choice(24, size=n, p=_HOURS / _HOURS.sum())
    seconds = hours * 3600 + rng.integers(3600, size=n)
    times = midnights.repeat(volume) + pd.to_timedelta(seconds, unit="s")
    return pd.DatetimeIndex(times).as_unit("us").sort_values()


def _authors(rng: np.random.Generator, n: int) -> tuple[NDArray[np.str_], Floats]:
    """Who wrote each of n posts, and how good that author is."""
    quality = rng.normal(0.0, _AUTHOR_SPREAD, _AUTHORS)
    activity = rng.permutation(1.0 / np.arange(3, _AUTHORS + 3))
    quality -= np.average(quality, weights=activity)  # so that no seed has a better crowd
    author = rng.choice(_AUTHORS, size=n, p=activity / activity.sum())
    names = np.array([f"{first} {last}" for last in _LAST_NAMES for first in _FIRST_NAMES])
    return names[author], quality[author]


def _brief(rng: np.random.Generator, channel: Integers, format_: Integers) -> Brief:
    """What each post looks like, by its channel and format."""
    n = len(channel)
    typical = _MEDIAN_WORDS[channel] * _WORDS_PER_FORMAT[format_]
    return Brief(
        words=typical * np.exp(rng.normal(0.0, 0.5, n).clip(-1.2, 1.2)),
        asks=rng.random(n) < 0.35,
        hashtags=rng.poisson(_HASHTAGS[channel]).clip(max=8),
        emoji=rng.poisson(_EMOJI[channel]).clip(max=4),
    )


def _appeal(taste: _Taste, posts: pd.DataFrame, channel: Integers, format_: Integers) -> Floats:
    """How much an audience with this taste likes each post, on the log scale."""
    words = np.array([len(body.split()) for body in posts["body"]])
    length = np.log(words / _MEDIAN_WORDS[channel]).clip(-1.5, 1.5)
    hours = posts["published_at"].dt.hour.to_numpy()
    distance = np.abs((hours - taste.best_hour + 12) % 24 - 12)
    hour = np.exp(-0.5 * (distance / 3.0) ** 2) - 0.4
    at_weekend = posts["published_at"].dt.day_of_week.to_numpy() >= 5
    return np.asarray(
        taste.channel[channel]
        + taste.format_on_channel[channel, format_]
        + taste.length * length
        + taste.question * (posts["has_question"].to_numpy() - 0.35)
        + taste.hour * _HOUR_WEIGHT[channel] * hour
        + _WEEKEND_EFFECT[channel] * at_weekend
    )


def content_model_types() -> tuple[ModelType, ModelType]:
    """The built-in model types over ``public.content_posts``.

    Engagement is judged by its mean absolute error: rates are skewed, and a single viral post
    would dominate a squared error for weeks.

    Returns
    -------
    tier, rate : ModelType
        A classification of ``performance_tier``, and a regression of ``engagement_rate``.

    Examples
    --------
    >>> [(kind.name, kind.metric) for kind in content_model_types()]
    [('content_performance', 'accuracy'), ('engagement_prediction', 'mae')]
    """
    tier = ModelType(
        name="content_performance",
        title="Content performance",
        description="Will a post do poorly, fairly or well? Predicts its tier before it is "
        "published, from its text, its format, its channel, its time and its author's record.",
        source_relation="public.content_posts",
        key_columns=("post_id",),
        time_column="published_at",
        label_time_column="measured_at",
        label_delay=timedelta(days=3),  # the longest; an author's record waits as long
        target_column="performance_tier",
        feature_columns=(
            "published_at",
            "author",
            "channel",
            "format",
            "title",
            "body",
            "hashtags",
        ),
        task=Task.CLASSIFICATION,
        metric="accuracy",
        engine="content_performance",
        training_window=timedelta(weeks=8),
        min_training_samples=500,
    )
    rate = replace(
        tier,
        name="engagement_prediction",
        title="Engagement prediction",
        description="Which share of the people who see a post will react to it? Predicts the "
        "engagement rate before the post is published, from the same facts.",
        target_column="engagement_rate",
        task=Task.REGRESSION,
        metric="mae",
        retraining_threshold=0.10,  # relative: a week's mean absolute error varies by 4 % itself
    )
    return tier, rate
