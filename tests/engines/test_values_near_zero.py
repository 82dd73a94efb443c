"""A metric of the user's own whose value may be 0 or less, as a profit may."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from core.domain import DeploymentRule, Reference, Task, ValidationVerdict
from core.engines.comparison import compare
from core.engines.gates import beats_baseline, better_than_champion, deployment_rule, slices
from core.engines.metrics import Scored, degradation, get_metric, score
from core.monitoring.change import Change, measure_change
from tests.engines.rows import model_type

NAME = "acme.metrics:profit"


class Profit:
    """One for each case that was found, minus one for each that was not one."""

    greater_is_better = True

    def __call__(self, truth: Any, predicted: Any, proba: Any, classes: Any) -> float:  # noqa: ARG002
        return float(((predicted == 1) * np.where(truth == 1, 1, -1)).mean())


PROFIT = get_metric(NAME, Task.CLASSIFICATION, {NAME: Profit()})


def guessing(truth: Any, random: Any, *, gain: float = 0.0) -> Scored:
    """A model of a profit near 0, or of that gain."""
    known = random.random(len(truth)) < 2 * abs(gain)
    told = truth if gain > 0 else 1 - truth
    guess = random.integers(0, 2, len(truth))
    return Scored(truth=truth, predicted=np.where(known, told, guess))


def test_a_share_of_next_to_nothing_stays_within_bounds_and_keeps_its_sign() -> None:
    for baseline, current in ((0.0, 0.3), (1e-12, 0.3), (-1e-12, 0.3), (-0.2, 0.3), (0.0, -0.3)):
        worse = float(degradation(PROFIT, baseline, current))
        assert abs(worse) <= 2
        assert np.sign(worse) == np.sign(baseline - current)
    assert float(degradation(PROFIT, 0.0, 0.0)) == 0
    # Away from 0 a loss is what it was: a share of the baseline.
    assert float(degradation(PROFIT, 2.0, 1.5)) == pytest.approx(0.25)


def test_a_guess_without_any_profit_can_be_beaten_by_a_figure_that_people_can_read() -> None:
    truth = np.repeat([0, 1], [150, 50])
    random = np.random.default_rng(0)
    judged = beats_baseline(PROFIT, guessing(truth, random, gain=0.4), truth, seed=0)
    assert judged.verdict is ValidationVerdict.APPROVED
    assert judged.gate.value == 1.0
    assert "100.0% better" in judged.gate.detail
    worthless = beats_baseline(PROFIT, guessing(truth, random, gain=-0.2), truth, seed=0)
    assert worthless.verdict is ValidationVerdict.REJECTED


def outcomes(gain: float, *, runs: int) -> list[tuple[ValidationVerdict, DeploymentRule]]:
    random, found = np.random.default_rng(1), []
    for _ in range(runs):
        truth = random.integers(0, 2, 300)
        two = (guessing(truth, random, gain=one) for one in (gain, 0.0))
        against = compare(PROFIT, *two, seed=0, alpha=0.0304)
        verdict = better_than_champion(PROFIT, against, 0.02).verdict
        found.append((verdict, deployment_rule(against, 0.02, alarm=False)))
    return found


def test_against_a_champion_without_profit_only_the_better_one_is_promoted() -> None:
    equal = outcomes(0.0, runs=10)
    # .0304 of them: two of ten happen once in 30 draws.
    assert sum(rule is not DeploymentRule.NONE for _, rule in equal) <= 1
    better = outcomes(0.2, runs=2)
    assert all(rule is DeploymentRule.SURELY_BETTER for _, rule in better)
    worse = outcomes(-0.2, runs=2)
    assert all(verdict is ValidationVerdict.REJECTED for verdict, _ in worse)


def test_a_slice_without_profit_does_not_pass_by_an_interval_without_end() -> None:
    random = np.random.default_rng(3)
    truth = random.integers(0, 2, 600)
    champion = Scored(truth=truth, predicted=np.zeros(600, dtype=int))
    frame = pd.DataFrame({"city": ["Ulm"] * 300 + ["Bonn"] * 300})
    kind = model_type(slice_columns=("city",), metric=NAME)
    undecided = slices(PROFIT, guessing(truth, random), champion, frame, kind, alpha=0.05, seed=0)
    assert undecided.verdict is ValidationVerdict.INCONCLUSIVE
    better = guessing(truth, random, gain=0.3)
    assert slices(PROFIT, better, champion, frame, kind, alpha=0.05, seed=0).gate.passed


class Sales(Profit):
    """What the same cases bring in another currency."""

    def __call__(self, truth: Any, predicted: Any, proba: Any, classes: Any) -> float:
        return 1000 * super().__call__(truth, predicted, proba, classes)


def changes(metric: Any, *, before: float, now: float, runs: int = 40) -> list[Change]:
    """Of single looks at 250 rows, reference and rows drawn anew each time."""
    random, found = np.random.default_rng(5), []
    for _ in range(runs):
        then, later = random.integers(0, 2, 500), random.integers(0, 2, 250)
        value = score(metric, guessing(then, random, gain=before))
        reference = Reference(metric=NAME, value=value, samples=500)
        found.append(measure_change(metric, guessing(later, random, gain=now), reference, seed=0))
    return found


@pytest.mark.parametrize("gain", [0.0, 0.2])
def test_a_look_at_a_profit_that_has_not_changed_keeps_its_level(gain: float) -> None:
    found = changes(PROFIT, before=gain, now=gain, runs=60)
    p_values = np.array([one.p_value for one in found])
    # More than these at levels of .05 and .001 in one of 500 such tests.
    assert (p_values < 0.05).sum() <= 10
    assert (p_values < 0.001).sum() <= 1
    assert 0.25 <= (p_values < 0.5).mean() <= 0.75


def test_a_lost_profit_is_a_drop_whatever_it_is_counted_in() -> None:
    sales = get_metric(NAME, Task.CLASSIFICATION, {NAME: Sales()})
    in_both = [changes(metric, before=0.4, now=0.1, runs=5) for metric in (PROFIT, sales)]
    for one, other in zip(*in_both, strict=True):
        assert one.p_value < 0.001
        assert 0 < one.lower < one.degradation < one.upper
        assert (other.lower, other.upper, other.p_value) == pytest.approx(
            (one.lower, one.upper, one.p_value)
        )


def test_the_interval_of_a_lost_profit_covers_the_true_share() -> None:
    found = changes(PROFIT, before=0.4, now=0.2)
    covered = [one.lower <= 0.5 <= one.upper for one in found]
    assert sum(covered) >= 34  # of 40: fewer in one of 1,000 such tests of a 95 % interval
