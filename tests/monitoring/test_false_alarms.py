from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from bench.judgement.false_alarms import LABELS_A_WEEK, delays, draw, levels, unchanged
from core.monitoring.label_buckets import BLOCK, ShownLabels
from core.monitoring.sequential import EDetector


@pytest.mark.parametrize("bucket", [BLOCK, 15, 50])
def test_the_bench_counts_as_the_detector_does(bucket: int) -> None:
    random = np.random.default_rng(0)
    wrong = draw(3, 400, 0.3, random)
    limit = np.array([0.2, 0.25, 0.3])
    found = levels(wrong, limit, bucket)
    width, start = timedelta(hours=4), datetime(2026, 1, 1, tzinfo=UTC)
    number, within = np.divmod(np.arange(400), bucket)
    times = np.datetime64(start.replace(tzinfo=None), "us") + (
        number * np.timedelta64(width) + within * np.timedelta64(1, "m")
    )
    keys = np.arange(1, 401, dtype=np.uint64)
    for run in range(3):
        detector = EDetector.start(limit[run], width)
        for done in range(found.shape[1]):
            rows = slice(0, (done + 1) * bucket)
            shown = ShownLabels(
                losses=wrong[run, rows].astype(float),
                countable_at=times[rows],
                happened_at=times[rows],
                keys=keys[rows],
            )
            until = start + (done + 1) * width - timedelta(seconds=1)
            detector, _ = detector.count(shown, until=until)
            assert detector.level == pytest.approx(found[run, done])


@pytest.mark.parametrize(("labels_a_week", "bucket"), [(20_000, 476), (630, 90), (3_150, 450)])
def test_neither_a_busy_stream_nor_a_nightly_batch_of_labels_is_an_alarm(
    labels_a_week: int, bucket: int
) -> None:
    alarms, trainings, _ = unchanged(60, labels_a_week, 2000, 0.0, bucket)
    assert (alarms, trainings) <= (1, 6)


@pytest.mark.parametrize("labels_a_week", LABELS_A_WEEK)
def test_a_model_that_has_not_changed_hardly_ever_raises_an_alarm(labels_a_week: int) -> None:
    alarms, trainings, naive = unchanged(300, labels_a_week, 2000, 0.0)
    assert alarms <= 19  # 64 of 1,000
    assert alarms <= trainings < naive


def test_losses_that_depend_on_the_last_one_raise_few_alarms() -> None:
    assert unchanged(300, 630, 2000, 0.3)[0] <= 33  # 110 of 1,000


def test_a_model_that_got_worse_is_found_in_time() -> None:
    assert np.median(delays(400, 0.23, 2000)) <= 700
    assert np.median(delays(400, 0.30, 2000)) <= 200


def test_repeated_losses_keep_their_share_and_follow_each_other() -> None:
    wrong = draw(200, 5000, 0.15, np.random.default_rng(1), repeated=0.3).astype(float)
    assert wrong.mean() == pytest.approx(0.15, abs=0.003)
    assert np.corrcoef(wrong[:, 1:].ravel(), wrong[:, :-1].ravel())[0, 1] == pytest.approx(
        0.3, abs=0.01
    )
