from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.special import expit, softmax

from core.domain import ValidationVerdict
from core.engines.gates import calibration
from core.engines.metrics import Scored


def scored(proba: Any, truth: Any) -> Scored:
    return Scored(
        truth=truth,
        predicted=proba.argmax(axis=1),
        proba=proba,
        classes=list(range(proba.shape[1])),
    )


def confident(chance: Any, truth: Any) -> Scored:
    return scored(np.column_stack([1 - chance, chance]), truth)


def drawn(proba: Any, random: Any) -> Any:
    """Classes that come true as often as the rows of ``proba`` (n, k) say."""
    return (proba.cumsum(axis=1) > random.random((len(proba), 1))).argmax(axis=1)


def fails(challenger: Scored, champion: Scored, **options: Any) -> bool:
    return not calibration(challenger, champion, alpha=0.05, seed=0, **options).gate.passed


def test_a_challenger_that_boasts_fails_though_it_answers_the_same() -> None:
    random = np.random.default_rng(0)
    proba = random.uniform(0.05, 0.95, 600)
    truth = (random.random(600) < proba).astype(int)
    honest = confident(proba, truth)
    boasting = confident(np.where(proba > 0.5, 0.99, 0.01), truth)
    judged = calibration(boasting, honest, alpha=0.05, seed=0)
    assert judged.verdict is ValidationVerdict.REJECTED
    assert judged.gate.interval is not None
    assert judged.gate.interval[1] < 0
    assert calibration(honest, boasting, alpha=0.05, seed=0).gate.passed


def test_chances_that_are_all_too_high_fail_though_the_confidence_is_right_on_average() -> None:
    random = np.random.default_rng(1)
    odds = random.normal(0, 1.5, 1500)
    truth = (random.random(1500) < expit(odds)).astype(int)
    honest, high = (confident(expit(odds + more), truth) for more in (0, 0.6))
    sure = np.asarray(high.proba).max(axis=1)
    assert abs(sure.mean() - (high.truth == high.predicted).mean()) < 0.04
    assert fails(high, honest)
    assert not fails(honest, high)


@pytest.mark.parametrize("classes", [2, 3, 10])
def test_boasting_is_found_whatever_the_number_of_classes(classes: int) -> None:
    random = np.random.default_rng(2)
    odds = random.normal(0, 1.8, (1000, classes))
    truth = drawn(softmax(odds, axis=1), random)
    assert fails(*(scored(softmax(odds * times, axis=1), truth) for times in (2, 1)))


@pytest.mark.parametrize(("classes", "rows", "runs"), [(2, 200, 60), (3, 300, 40), (10, 300, 25)])
def test_equally_calibrated_models_hardly_ever_fail(classes: int, rows: int, runs: int) -> None:
    random, failed = np.random.default_rng(3), 0
    for _ in range(runs):
        odds = random.normal(0, 1.8, (rows, classes))
        truth = drawn(softmax(odds, axis=1), random)
        two = (softmax(odds + random.normal(0, 0.3, odds.shape), axis=1) for _ in range(2))
        failed += fails(*(scored(one, truth) for one in two))
    # At most .05, plus two standard errors.
    assert failed / runs <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / runs)


@pytest.mark.parametrize(("classes", "rows", "runs"), [(2, 100, 60), (3, 300, 40), (10, 300, 25)])
def test_a_calibrated_model_that_commits_itself_less_hardly_ever_fails(
    classes: int, rows: int, runs: int
) -> None:
    random, failed = np.random.default_rng(4), 0
    unknown = random.normal(0, 1, (200, classes))
    for _ in range(runs):
        known = random.normal(0, 1.5, (rows, classes))
        full = softmax(known + random.normal(0, 1, known.shape), axis=1)
        # What it does not know is averaged over: its chances are right, but nearer to each other.
        less = np.mean([softmax(known + one, axis=1) for one in unknown], axis=0)
        truth = drawn(full, random)
        failed += fails(scored(less, truth), scored(full, truth))
    assert failed / runs <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / runs)


def test_a_model_that_knows_more_may_be_surer_than_it_should_be() -> None:
    random = np.random.default_rng(5)
    odds = random.normal(0, 2, 2000)
    truth = (random.random(2000) < expit(odds)).astype(int)
    knowing, ignorant = confident(expit(1.6 * odds), truth), confident(np.full(2000, 0.5), truth)
    judged = calibration(knowing, ignorant, alpha=0.05, seed=0)
    assert judged.gate.value is not None
    assert judged.gate.value < -0.02
    assert judged.gate.passed


def test_rows_of_one_entity_are_no_independent_evidence_of_harm() -> None:
    random, failed, runs = np.random.default_rng(6), 0, 40
    codes = np.repeat(np.arange(50), 8)
    for _ in range(runs):
        chance = np.repeat(random.uniform(0.2, 0.8, 50), 8)
        truth = np.repeat(random.random(50) < chance[::8], 8).astype(int)
        two = (np.clip(chance + np.repeat(random.normal(0, 0.1, 50), 8), 0, 1) for _ in range(2))
        failed += fails(*(confident(one, truth) for one in two), entities=codes)
    assert failed / runs <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / runs)


def test_calibration_is_skipped_where_there_is_nothing_to_calibrate() -> None:
    one = Scored(truth=np.array([0, 1]), predicted=np.array([0, 1]))
    judged = calibration(one, one, alpha=0.05, seed=0)
    assert judged.gate.passed
    assert "no probabilities" in judged.gate.detail
