from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from core.monitoring.label_buckets import (
    BLOCK,
    ShownLabels,
    bucket_factors,
    bucket_width,
    factors,
    next_levels,
)
from core.monitoring.sequential import LOOKBACK, EDetector

START = datetime(2026, 1, 1, tzinfo=UTC)
LIMIT = 0.2
WIDTH = timedelta(hours=4)


class Stream:
    """Labelled rows: losses, when they count, when they can first be seen, keys."""

    def __init__(
        self, rows: int, *, seed: int = 0, late_hours: float = 0.0, days: float = 30
    ) -> None:
        random = np.random.default_rng(seed)
        self.losses = (random.random(rows) < 0.25) * random.random(rows)
        seconds = np.sort(random.integers(0, int(days * 86_400), rows))
        start = np.datetime64(START.replace(tzinfo=None), "us")
        self.times = start + seconds * np.timedelta64(1, "s")
        late = random.random(rows) * late_hours * (random.random(rows) < 0.3)
        self.visible = self.times + (late * 3_600).astype(int) * np.timedelta64(1, "s")
        self.keys = random.integers(0, 2**63, rows).astype(np.uint64) * np.uint64(2)
        self.end = START + timedelta(days=days)

    def seen_at(self, moment: datetime) -> Any:
        """All rows visible then, the newest lookback alone, as a check reads them."""
        now = np.datetime64(moment.replace(tzinfo=None), "us")
        width = np.timedelta64(int((LOOKBACK + WIDTH).total_seconds()), "s")
        return (self.visible <= now) & (self.times > now - width)


def shown(detector: EDetector, stream: Stream, rows: Any, until: datetime) -> EDetector:
    return detector.count(labels(stream, rows), until=until)[0]


def labels(stream: Stream, rows: Any) -> ShownLabels:
    times = stream.times[rows]
    return ShownLabels(
        losses=stream.losses[rows], countable_at=times, happened_at=times, keys=stream.keys[rows]
    )


def checked(stream: Stream, moments: list[datetime], *, restart: bool = False) -> EDetector:
    detector = EDetector.start(LIMIT, WIDTH)
    for moment in moments:
        detector = shown(detector, stream, stream.seen_at(moment), moment)
        if restart:
            detector = EDetector.from_state(json.loads(json.dumps(detector.as_state())))
    return detector


def every(hours: float, stream: Stream) -> list[datetime]:
    count = int((stream.end - START) / timedelta(hours=hours))
    moments = [START + timedelta(hours=hours) * (i + 1) for i in range(count)]
    return [*moments, stream.end]


def at_random(stream: Stream, seed: int) -> list[datetime]:
    """About a look a day, at any time, so that no row leaves the lookback unseen."""
    hours = np.random.default_rng(seed).uniform(0.1, 40, 60).cumsum()
    found = [START + timedelta(hours=float(h)) for h in hours]
    return [*(m for m in found if m < stream.end), stream.end]


@pytest.mark.parametrize("seed", range(4))
def test_the_state_is_the_same_whenever_one_looked(seed: int) -> None:
    stream = Stream(1500, seed=seed)
    expected = checked(stream, every(4, stream))
    assert expected.labels == 1500
    assert checked(stream, at_random(stream, seed)) == expected
    assert checked(stream, every(24, stream), restart=True) == expected
    assert checked(stream, [*every(1, stream)[::3], stream.end]) == expected


def test_the_state_is_the_same_when_labels_come_one_by_one() -> None:
    stream = Stream(150, seed=9, days=6)
    detector = EDetector.start(LIMIT, WIDTH)
    for row in range(150):
        until = stream.times[row].astype(datetime).replace(tzinfo=UTC)
        detector = shown(detector, stream, np.arange(row + 1), until)
        assert detector.labels == row + 1
    one_by_one = shown(detector, stream, np.arange(150), stream.end)
    assert one_by_one == shown(EDetector.start(LIMIT, WIDTH), stream, np.arange(150), stream.end)


def test_the_order_of_rows_changes_nothing() -> None:
    stream = Stream(3000, seed=1)
    in_order = shown(EDetector.start(LIMIT), stream, np.arange(3000), stream.end)
    for seed in range(3):
        shuffled = np.random.default_rng(seed).permutation(3000)
        assert shown(EDetector.start(LIMIT), stream, shuffled, stream.end) == in_order


def test_labels_up_to_a_week_late_count_as_if_they_had_come_in_time() -> None:
    late, in_time = Stream(1500, seed=2, late_hours=140), Stream(1500, seed=2)
    end = late.end + LOOKBACK
    moments = [*every(4, late), *(late.end + timedelta(hours=4 * i) for i in range(1, 42)), end]
    assert checked(late, moments) == checked(in_time, moments)


def test_labels_that_come_after_their_bucket_has_closed_are_left_out() -> None:
    stream = Stream(400, days=3)
    detector = shown(EDetector.start(LIMIT, WIDTH), stream, np.arange(300), stream.end)
    long_after = stream.end + timedelta(days=30)
    closed = shown(detector, stream, np.arange(300), long_after)
    again = shown(closed, stream, np.arange(400), long_after)
    assert (again.labels, again.level) == (300, closed.level)


def test_rows_shown_again_count_once() -> None:
    stream = Stream(500, days=5)
    once = shown(EDetector.start(LIMIT), stream, np.arange(500), stream.end)
    again, new = once.count(labels(stream, np.arange(500)), until=stream.end)
    assert (again, new) == (once, 0)
    twice = np.repeat(np.arange(500), 2)
    assert shown(EDetector.start(LIMIT), stream, twice, stream.end) == once


def test_a_check_that_sees_fewer_rows_loses_none() -> None:
    stream = Stream(500, days=5)
    full = shown(EDetector.start(LIMIT), stream, np.arange(500), stream.end)
    assert shown(full, stream, np.arange(0, 500, 2), stream.end) == full
    assert shown(full, stream, np.arange(0), stream.end) == full


def test_an_attempt_resets_its_own_level_alone() -> None:
    stream = Stream(1000, days=5)
    before = shown(EDetector.start(0.05), stream, np.arange(600), stream.end)
    assert before.attempt_level == before.level > 100
    at = stream.times[599].astype(datetime).replace(tzinfo=UTC)
    after = before.after_attempt(at)
    assert (after.level, after.attempt_level) == (before.level, 0.0)
    later = shown(after, stream, np.arange(1000), stream.end)
    assert 0 < later.attempt_level < later.level
    month = stream.end + timedelta(days=30)
    closed = shown(later, stream, np.arange(0), month)
    assert closed.attempt_level == pytest.approx(later.attempt_level)
    assert closed.level == pytest.approx(later.level)
    assert not closed.buckets


def test_a_changed_limit_asks_the_open_labels_anew() -> None:
    stream = Stream(500, days=5)
    strict = shown(EDetector.start(0.05), stream, np.arange(500), stream.end)
    lenient = shown(EDetector.start(0.5), stream, np.arange(500), stream.end)
    assert shown(strict.with_limit(0.5), stream, np.arange(500), stream.end) == lenient
    assert strict.with_limit(0.05) is strict


def test_the_state_of_a_busy_stream_stays_small() -> None:
    stream = Stream(200_000, days=20)
    detector = EDetector.start(LIMIT, bucket_width(5.0))
    detector = shown(detector, stream, np.arange(200_000), stream.end)
    assert detector.labels == 200_000
    assert len(json.dumps(detector.as_state())) < 8_000


def test_the_level_ends_a_bad_stretch_within_some_hundred_good_labels() -> None:
    levels = np.zeros(4)
    for total in [8.0] * 100 + [1.0] * 60:
        levels = next_levels(levels, BLOCK, factors(total, BLOCK, LIMIT))
    assert levels.mean() < 5000


def test_a_factor_is_a_fair_bet_while_the_mean_loss_is_the_limit() -> None:
    random = np.random.default_rng(0)
    for rows in (1, 5, 8):
        totals = random.binomial(rows, LIMIT, 400_000)
        mean = factors(totals, rows, LIMIT).mean(axis=0)
        assert mean == pytest.approx(1.0, abs=0.01)
        worst = factors(np.array([0.0, rows]), rows, LIMIT)
        assert (worst > 0).all()


def test_a_bucket_bets_on_each_of_its_blocks() -> None:
    losses = np.random.default_rng(1).random(20)
    expected = np.ones(4)
    for block in (losses[:8], losses[8:16], losses[16:]):
        expected = expected * factors(block.sum(), len(block), LIMIT)
    assert bucket_factors(losses, LIMIT) == pytest.approx(expected)
    assert next_levels(np.zeros(4), 20, expected) == pytest.approx(8 * expected)


def test_a_bucket_of_any_size_can_be_stored() -> None:
    worst, best = bucket_factors(np.ones(100_000), 0.01), bucket_factors(np.zeros(100_000), 0.01)
    assert worst == pytest.approx(100_000.0)
    assert (best >= 0).all()
    mixed = np.concatenate([np.ones(100), np.zeros(100_000)])
    assert (bucket_factors(mixed, 0.01) < 1e-9).all()


def test_rows_that_come_together_are_bet_on_in_their_own_order() -> None:
    """A nightly batch: eight bad hours in a row are one block, whatever the order it came in."""
    night = np.full(16, np.datetime64("2026-01-02", "us"))
    hours = np.datetime64("2026-01-01", "us") + np.arange(16) * np.timedelta64(1, "h")
    losses, keys = np.repeat([0.0, 1.0], 8), np.arange(16, dtype=np.uint64)
    found = set()
    for seed in range(5):
        order = np.random.default_rng(seed).permutation(16)
        shown_now = ShownLabels(
            losses=losses[order],
            countable_at=night,
            happened_at=hours[order],
            keys=keys[order],
        )
        detector, _ = EDetector.start(LIMIT, WIDTH).count(
            shown_now, until=START + timedelta(days=2)
        )
        found.add(detector.level)
    assert found == {float(np.mean(8 * bucket_factors(losses, LIMIT)))}


def test_a_stream_at_the_limit_reaches_a_level_no_more_often_than_promised() -> None:
    """Looked at after every label: the mean number of labels to level 200 is at least 200."""
    random, runs, labels, level = np.random.default_rng(3), 2000, 4000, 200.0
    wrong = (random.random((runs, labels)) < LIMIT).astype(float).reshape(runs, -1, BLOCK)
    current, reached = np.zeros((runs, 4)), np.full(runs, float(labels))
    for bucket in range(wrong.shape[1]):
        totals = wrong[:, bucket].cumsum(axis=1)
        for rows in range(1, BLOCK + 1):
            now = next_levels(current, rows, factors(totals[:, rows - 1], rows, LIMIT))
            hit = (now.mean(axis=1) >= level) & (reached == labels)
            reached[hit] = bucket * BLOCK + rows
        current = now
    assert reached.mean() - 3 * reached.std() / runs**0.5 > level
