from __future__ import annotations

import numpy as np
import pytest

from core.domain import ValidationVerdict
from core.engines.comparison import Comparison, compare
from core.engines.gates import better_than_champion
from core.engines.gates.champion import rows_needed
from core.engines.holdout_use import spending_level
from core.engines.metrics import Scored, get_metric

ACCURACY, MAE = get_metric("accuracy"), get_metric("mae")


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


def test_rows_of_one_entity_are_no_independent_evidence_for_an_error_either() -> None:
    random, passed, rowwise = np.random.default_rng(6), 0, 0
    runs, entities, each = 60, 40, 5
    codes = np.repeat(np.arange(entities), each)
    truth = np.zeros(len(codes))
    for _ in range(runs):
        # Equally good models, whose errors differ from entity to entity.
        off = np.repeat(random.lognormal(0, 0.4, (2, entities)), each, axis=1)
        scored = [Scored(truth=truth, predicted=one) for one in off]
        passed += compare(MAE, *scored, seed=0, entities=codes).lower > 0
        rowwise += compare(MAE, *scored, seed=0).lower > 0
    assert rowwise / runs > 0.15
    # At most .05, plus two standard errors (.028 each).
    assert passed / runs <= 0.106
