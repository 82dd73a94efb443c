from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bench.judgement.label_free import (
    SHIFTS,
    Watched,
    draw,
    estimate_errors,
    labels_until_off,
    watch,
)
from core.domain import EstimateStatus
from core.engines.coded_columns import Coding, codes_as_json, codes_from_json
from core.engines.columns import column_kinds
from core.engines.density_ratio import density_ratio
from core.engines.estimate_score import EstimateScore, ScoredChunk
from core.engines.expected_scores import expected_classification_score
from core.engines.label_free import estimate, learn_reference, score_labelled
from core.engines.metric_variance import ReferenceChunks, row_variance
from core.engines.metrics import Scored, get_metric, score
from tests.engines.rows import ALL_KINDS, all_kinds

UNTIL = datetime(2026, 3, 1, tzinfo=UTC)
FRESH = EstimateScore()


@cache
def watched(metric: str = "accuracy") -> Watched:
    return watch(metric, seed=1)


def rows(count: int = 2000, *, seed: int = 7, **changes: Any) -> pd.DataFrame:
    return draw(count, np.random.default_rng(seed), **changes)


def label_times(count: int, *, until: datetime = UNTIL, days: float = 3) -> pd.Series:
    return pd.Series(pd.date_range(until - timedelta(days=days), until, periods=count))


def chunk(until: datetime, *, error: float, rows: int = 2000) -> ScoredChunk:
    return ScoredChunk(
        until=until, rows=rows, estimated=0.85, realised=0.85 - error, variance=0.1275 / rows
    )


def test_under_a_covariate_shift_the_estimate_is_close_to_what_labels_show() -> None:
    found = estimate_errors("accuracy", SHIFTS["moderate"], models=5, chunks=2)
    assert found["mean_error"] <= 0.015
    assert found["valid"] == found["of"]


def test_a_concept_shift_switches_the_estimates_off_once_labels_show_it() -> None:
    off = labels_until_off("accuracy", shift=0.0, concept=True, rows=1000, models=2, chunks=4)
    assert None not in off


def test_good_estimates_stay_on_although_small_chunks_are_off_by_chance() -> None:
    random, switched_off = np.random.default_rng(0), 0
    for _ in range(200):
        score_now, true_error = FRESH, random.choice([-0.01, 0.01])
        for week in range(20):
            realised_less = true_error + np.sqrt(0.1275 / 200) * random.normal()
            score_now = score_now.add(
                chunk(UNTIL + timedelta(days=week), error=realised_less, rows=200), tolerated=0.015
            )
        assert score_now.mean_error is not None
        switched_off += score_now.off
    assert switched_off <= 4


def test_errors_that_change_their_sign_switch_it_off_too() -> None:
    score_now = FRESH
    for week in range(10):
        error = 0.06 * (-1) ** week
        score_now = score_now.add(chunk(UNTIL + timedelta(days=week), error=error), tolerated=0.015)
    assert score_now.off


def test_a_sudden_error_counts_in_spite_of_many_good_chunks() -> None:
    score_now = FRESH
    for week in range(60):
        score_now = score_now.add(chunk(UNTIL + timedelta(days=week), error=0.0), tolerated=0.015)
    assert not score_now.off
    for week in range(60, 66):
        score_now = score_now.add(chunk(UNTIL + timedelta(days=week), error=0.06), tolerated=0.015)
    assert score_now.off
    assert len(score_now.chunks) == 20
    assert score_now.scored_chunks == 66


def test_once_off_the_estimates_stay_off_and_say_so() -> None:
    off = FRESH.add(chunk(UNTIL, error=0.2), tolerated=0.015)
    later = off.add(chunk(UNTIL + timedelta(days=1), error=0.0), tolerated=0.015)
    assert later.off
    found = estimate(watched().reference, watched().model, rows(), score=later, seed=0)
    assert found.status is EstimateStatus.OFF
    assert found.value is None
    assert found.mean_error == pytest.approx(0.1)
    assert not found.outside_band


def test_each_label_is_scored_once_whatever_is_seen_again_after_a_restart() -> None:
    labelled, times = rows(), label_times(2000)
    arguments = (watched().reference, watched().model)
    first = score_labelled(*arguments, labelled, times, score=FRESH, until=UNTIL, seed=0)
    assert first.scored_chunks == 1
    restarted = EstimateScore.from_state(json.loads(json.dumps(first.as_state())))
    assert restarted == first
    again = score_labelled(*arguments, labelled, times, score=restarted, until=UNTIL, seed=0)
    assert again == first
    more = pd.concat([labelled, rows(2000, seed=8)], ignore_index=True)
    later = UNTIL + timedelta(days=3)
    all_times = pd.concat([times, label_times(2000, until=later, days=2.9)], ignore_index=True)
    second = score_labelled(*arguments, more, all_times, score=restarted, until=later, seed=0)
    assert [scored.rows for scored in second.chunks] == [2000, 2000]


def test_few_labels_wait_for_more_but_not_until_they_are_out_of_sight() -> None:
    labelled = rows(300)
    arguments = (watched().reference, watched().model, labelled)
    waiting = score_labelled(*arguments, label_times(300, days=2), score=FRESH, until=UNTIL, seed=0)
    assert waiting == FRESH
    scored = score_labelled(*arguments, label_times(300, days=4), score=FRESH, until=UNTIL, seed=0)
    assert [scored_chunk.rows for scored_chunk in scored.chunks] == [300]


def test_rows_labelled_after_the_check_are_not_scored_yet() -> None:
    times = label_times(2000, until=UNTIL + timedelta(days=30), days=20)
    arguments = (watched().reference, watched().model, rows())
    assert score_labelled(*arguments, times, score=FRESH, until=UNTIL, seed=0) == FRESH


def test_rows_too_different_give_no_estimate_and_are_passed_over_when_labels_come() -> None:
    shifted = rows(shift=0.9)
    found = estimate(watched().reference, watched().model, shifted, score=FRESH, seed=0)
    assert found.status is EstimateStatus.INVALID
    assert found.value is None
    assert found.domain_auc is not None
    assert found.domain_auc > 0.65
    after = score_labelled(
        watched().reference,
        watched().model,
        shifted,
        label_times(2000),
        score=FRESH,
        until=UNTIL,
        seed=0,
    )
    assert after.scored_chunks == 0
    assert after.scored_until == UNTIL


def test_without_a_change_an_estimate_lies_in_its_band_and_needs_no_target() -> None:
    unlabelled = rows().drop(columns=["y", "number"])
    found = estimate(watched().reference, watched().model, unlabelled, score=FRESH, seed=0)
    assert found.status is EstimateStatus.VALID
    assert found.band is not None
    assert found.value is not None
    assert found.band[0] < found.value < found.band[1]
    assert not found.outside_band
    assert estimate(watched().reference, watched().model, unlabelled, score=FRESH, seed=0) == found


def test_a_metric_that_falls_is_outside_its_band() -> None:
    reference = dict(watched().reference)
    reference["chunks"] = reference["chunks"] | {"mean": 0.99, "mean_variance": 1e-6}
    found = estimate(reference, watched().model, rows(), score=FRESH, seed=0)
    assert found.outside_band
    assert "worse than" in found.reason


@pytest.mark.parametrize("metric", ["f1", "roc_auc", "log_loss", "mae", "rmse"])
def test_every_metric_that_is_estimated_comes_close(metric: str) -> None:
    found = watched(metric)
    shifted = rows(20_000, shift=0.2)
    answer = estimate(found.reference, found.model, shifted, score=FRESH, seed=0)
    realised = score(get_metric(metric), found.model.scored(shifted))
    assert answer.value == pytest.approx(realised, rel=0.06)


def test_a_share_of_truths_close_to_0_would_need_more_rows_than_there_are() -> None:
    found = estimate(watched("mape").reference, watched("mape").model, rows(), score=FRESH, seed=0)
    assert found.status is EstimateStatus.INSUFFICIENT_DATA
    assert found.rows_needed is None or found.rows_needed > 20_000


@pytest.mark.parametrize("metric", ["r2", "my.metrics:profit"])
def test_other_metrics_are_not_estimated_and_the_reason_is_kept(metric: str) -> None:
    reference = learn_reference(watched().model, rows(), metric=metric, seed=0)
    found = estimate(reference, watched().model, rows(), score=FRESH, seed=0)
    assert found.status is EstimateStatus.INSUFFICIENT_DATA
    assert "cannot be estimated" in found.reason


def test_a_small_holdout_few_rows_and_no_reference_are_insufficient() -> None:
    small = learn_reference(watched().model, rows(400), metric="accuracy", seed=0)
    for reference, count, said in (
        (small, 2000, "400 rows were held out"),
        (None, 2000, "without a sample"),
        (watched().reference, 50, "needs"),
    ):
        found = estimate(reference, watched().model, rows(count), score=FRESH, seed=0)
        assert found.status is EstimateStatus.INSUFFICIENT_DATA
        assert said in found.reason


def test_a_final_fit_with_a_class_that_the_sample_lacks_is_estimated() -> None:
    found = watched()
    outcomes = found.reference["outcomes"] | {"classes": ["gone", 1]}
    answer = estimate(
        found.reference | {"outcomes": outcomes}, found.model, rows(), score=FRESH, seed=0
    )
    assert answer.status is EstimateStatus.VALID


def test_the_reference_is_json_and_small() -> None:
    written = json.dumps(watched().reference, allow_nan=False)
    assert len(written) < 150_000


def test_codes_survive_json_and_know_every_kind_of_column_with_holes() -> None:
    frame = all_kinds(300)
    coding = Coding.learn(frame, column_kinds(frame, ALL_KINDS))
    again = Coding.from_json(json.loads(json.dumps(coding.as_json())))
    codes = coding.code(frame)
    np.testing.assert_array_equal(codes, again.code(frame))
    written = json.loads(json.dumps(codes_as_json(codes), allow_nan=False))
    np.testing.assert_array_equal(codes, codes_from_json(written, 300))
    names = [column.name for column in coding.columns]
    assert "since" not in " ".join(names)  # times always move on
    city = codes[:, names.index("city")]
    assert np.isnan(city).mean() == pytest.approx(frame["city"].isna().mean())


def test_equal_sets_cannot_be_told_apart_and_weights_follow_a_shift() -> None:
    random = np.random.default_rng(0)
    here, same = random.normal(size=(2, 1500, 4))
    equal = density_ratio(here, same, categorical=[], seed=0)
    assert 0.46 < equal.auc < 0.54
    shifted = density_ratio(here, same + np.array([0.3, 0, 0, 0]), categorical=[], seed=0)
    assert np.average(here[:, 0], weights=shifted.weights) == pytest.approx(0.3, abs=0.12)
    assert shifted.weights.mean() == pytest.approx(1)


@pytest.mark.parametrize("metric", ["accuracy", "f1", "roc_auc", "log_loss"])
def test_the_expected_score_is_the_mean_over_truths_drawn_from_the_probabilities(
    metric: str,
) -> None:
    random = np.random.default_rng(0)
    chance = random.dirichlet([1, 1, 2], 300)
    predicted = chance.argmax(axis=1)
    found = expected_classification_score(get_metric(metric), predicted, chance, chance)
    drawn = []
    for _ in range(200):
        truth = (random.random((300, 1)) > chance.cumsum(axis=1)).sum(axis=1)
        scored = Scored(truth=truth, predicted=predicted, proba=chance, classes=[0, 1, 2])
        drawn.append(score(get_metric(metric), scored))
    error = 4 * float(np.std(drawn)) / np.sqrt(200)
    assert found == pytest.approx(np.mean(drawn), abs=error)


def test_a_chunk_has_as_many_rows_as_three_points_need() -> None:
    right = np.random.default_rng(0).random(2000) < 0.85
    scored = Scored(truth=np.ones(2000, int), predicted=right.astype(int))
    chunks = ReferenceChunks.learn(get_metric("accuracy"), scored, seed=0)
    assert chunks is not None
    p = right.mean()
    assert chunks.least_rows == int(np.ceil(9 * p * (1 - p) / 0.03**2))
    assert chunks.chunks >= 10


def test_rows_that_are_wrong_together_have_more_variance() -> None:
    random = np.random.default_rng(0)
    right = np.repeat(random.random(400) < 0.8, 5).astype(int)
    together = Scored(truth=np.ones(2000, int), predicted=right)
    apart = Scored(truth=np.ones(2000, int), predicted=random.permutation(right))
    metric = get_metric("accuracy")
    assert row_variance(metric, together, seed=0) > 2 * row_variance(metric, apart, seed=0)


@pytest.mark.parametrize("holdout", [600, 2000, 15_000])
def test_a_band_holds_what_unchanged_chunks_show(holdout: int) -> None:
    random, outside, wide = np.random.default_rng(0), 0, []
    for _ in range(40):
        right = (random.random(holdout) < 0.85).astype(int)
        scored = Scored(truth=np.ones(holdout, int), predicted=right)
        chunks = ReferenceChunks.learn(get_metric("accuracy"), scored, seed=0)
        assert chunks is not None
        low, high = chunks.band(1300)
        later = random.binomial(1300, 0.85, 25) / 1300
        outside += int((later < low).sum())
        wide.append(high - low)
    assert (
        outside <= 8
    )  # of 1,000, of which 0.135 % are expected; a holdout's chunks share its luck
    assert np.mean(wide) < 0.25


def test_a_state_is_small() -> None:
    score_now = FRESH
    for week in range(100):
        score_now = score_now.add(chunk(UNTIL + timedelta(days=week), error=0.0), tolerated=0.015)
    assert len(json.dumps(score_now.as_state())) < 4000
    assert replace(score_now) == EstimateScore.from_state(score_now.as_state())
