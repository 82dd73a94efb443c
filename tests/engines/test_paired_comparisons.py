from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from core.domain import ValidationVerdict
from core.engines.comparison import Comparison, compare
from core.engines.gates import better_than_champion, calibration
from core.engines.gates.champion import rows_needed
from core.engines.holdout_use import spending_level
from core.engines.metrics import Scored, get_metric

ACCURACY = get_metric("accuracy")


def pair(*, wins: int, defeats: int, count: int) -> tuple[Scored, Scored]:
    truth = np.ones(count, dtype=int)
    ours, theirs = truth.copy(), truth.copy()
    theirs[:wins] = 0
    ours[wins : wins + defeats] = 0
    return Scored(truth=truth, predicted=ours), Scored(truth=truth, predicted=theirs)


def test_enough_uses_take_away_what_the_first_would_have_promoted() -> None:
    ours, theirs = pair(wins=66, defeats=40, count=1000)
    first = compare(ACCURACY, ours, theirs, seed=0, alpha=spending_level(1))
    tenth = compare(ACCURACY, ours, theirs, seed=0, alpha=spending_level(10))
    assert first.lower > 0 > tenth.lower


@pytest.mark.parametrize("improvement", [-0.014, -0.0075, 0.0, 0.01, 0.03])
@pytest.mark.parametrize("samples", [50, 1000, 100_000])
def test_more_rows_are_asked_for_than_there_are(improvement: float, samples: int) -> None:
    half = max(abs(improvement), improvement + 0.015) + 1e-4
    against = Comparison(
        challenger=0.8 + improvement,
        champion=0.8,
        improvement=improvement,
        lower=improvement - half,
        upper=improvement + half,
        p_value=0.5,
        samples=samples,
    )
    judged = better_than_champion(ACCURACY, against, 0.02)
    assert judged.verdict is ValidationVerdict.INCONCLUSIVE
    assert judged.gate.figures["rows_needed"] == rows_needed(against, 0.02) > samples
    assert judged.gate.figures["rows_missing"] > 0


def test_rows_of_one_entity_are_no_independent_evidence() -> None:
    random, passed, rowwise = np.random.default_rng(5), 0, 0
    runs, entities, each = 80, 40, 6
    codes = np.repeat(np.arange(entities), each)
    truth = np.ones(len(codes), dtype=int)
    for _ in range(runs):
        # Equal models, but which of them is right is much the same for all rows of an entity.
        drawn = np.repeat(random.random(entities), each)
        ours, theirs = drawn < 0.85, (drawn < 0.7) | (drawn >= 0.85)
        scored = [Scored(truth=truth, predicted=right.astype(int)) for right in (ours, theirs)]
        passed += compare(ACCURACY, *scored, seed=0, entities=codes).lower > 0
        rowwise += compare(ACCURACY, *scored, seed=0).lower > 0
    assert rowwise / runs > 0.2
    # At most .05, plus two standard errors (.024 each).
    assert passed / runs <= 0.098


# Calibration ----------------------------------------------------------------------------------


def confident(proba: Any, truth: Any) -> Scored:
    predicted = (proba > 0.5).astype(int)
    both = np.column_stack([1 - proba, proba])
    return Scored(truth=truth, predicted=predicted, proba=both, classes=[0, 1])


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


def test_equally_calibrated_models_hardly_ever_fail() -> None:
    random, failed, runs = np.random.default_rng(1), 0, 60
    for _ in range(runs):
        proba = random.uniform(0.05, 0.95, 200)
        truth = (random.random(200) < proba).astype(int)
        two = (np.clip(proba + random.normal(0, 0.05, 200), 0.01, 0.99) for _ in range(2))
        failed += not calibration(
            *(confident(one, truth) for one in two), alpha=0.05, seed=0
        ).gate.passed
    # At most .05, plus two standard errors (.028 each).
    assert failed / runs <= 0.106


def test_calibration_is_skipped_where_there_is_nothing_to_calibrate() -> None:
    one = Scored(truth=np.array([0, 1]), predicted=np.array([0, 1]))
    judged = calibration(one, one, alpha=0.05, seed=0)
    assert judged.gate.passed
    assert "no probabilities" in judged.gate.detail
