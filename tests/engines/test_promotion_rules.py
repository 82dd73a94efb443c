"""Every line of the table of what a comparison leads to, at its limits."""

from __future__ import annotations

import numpy as np
import pytest

from core.domain import DeploymentRule, ValidationVerdict
from core.engines.comparison import Comparison, compare
from core.engines.gates import beats_baseline, better_than_champion, deployment_rule
from core.engines.metrics import Scored, get_metric

ACCURACY = get_metric("accuracy")
APPROVED, REJECTED = ValidationVerdict.APPROVED, ValidationVerdict.REJECTED
INCONCLUSIVE = ValidationVerdict.INCONCLUSIVE
SURELY, NOT_WORSE, NONE = (
    DeploymentRule.SURELY_BETTER,
    DeploymentRule.NOT_WORSE,
    DeploymentRule.NONE,
)


def compared(
    improvement: float, lower: float, upper: float, *, p_value: float = 0.001
) -> Comparison:
    return Comparison(
        challenger=0.8 + improvement,
        champion=0.8,
        improvement=improvement,
        lower=lower,
        upper=upper,
        p_value=p_value,
        samples=2000,
        alpha=0.03,
    )


@pytest.mark.parametrize(
    ("improvement", "lower", "upper", "verdict", "calm", "alarmed"),
    [
        # Surely better, and by the threshold.
        (0.020, 0.001, 0.039, APPROVED, SURELY, SURELY),
        # Surely better, but not by the threshold: a person decides, or the alarm does.
        (0.019, 0.001, 0.037, APPROVED, NONE, NOT_WORSE),
        # Better by the threshold, but not surely better than nothing.
        (0.020, 0.000, 0.040, APPROVED, NONE, NOT_WORSE),
        # Surely not worse by 0.015, and no worse as measured.
        (0.000, -0.0149, 0.0149, APPROVED, NONE, NOT_WORSE),
        # Surely not worse by 0.015, but worse as measured.
        (-0.001, -0.0149, 0.013, APPROVED, NONE, NONE),
        # The bound at the margin itself is not above it.
        (0.000, -0.015, 0.015, INCONCLUSIVE, NONE, NONE),
        # Much better as measured, and all open.
        (0.050, -0.020, 0.120, INCONCLUSIVE, NONE, NONE),
        # Surely worse, though by less than the margin.
        (-0.007, -0.013, -0.001, REJECTED, NONE, NONE),
        (-0.050, -0.080, -0.020, REJECTED, NONE, NONE),
    ],
)
def test_what_a_comparison_leads_to(
    improvement: float,
    lower: float,
    upper: float,
    verdict: ValidationVerdict,
    calm: DeploymentRule,
    alarmed: DeploymentRule,
) -> None:
    against = compared(improvement, lower, upper)
    assert better_than_champion(ACCURACY, against, 0.02).verdict is verdict
    assert deployment_rule(against, 0.02, alarm=False) is calm
    assert deployment_rule(against, 0.02, alarm=True) is alarmed


def test_the_test_has_to_reach_the_level_of_the_bounds_too() -> None:
    for p_value, rule in ((0.030, SURELY), (0.031, NONE)):
        against = compared(0.03, 0.001, 0.059, p_value=p_value)
        assert deployment_rule(against, 0.02, alarm=False) is rule


@pytest.mark.parametrize("improvement", np.linspace(-0.1, 0.1, 9))
@pytest.mark.parametrize("half", [0.001, 0.01, 0.014, 0.03, 0.1])
@pytest.mark.parametrize("alarm", [False, True])
def test_only_an_approved_challenger_has_a_rule_to_serve_by(
    improvement: float, half: float, alarm: bool
) -> None:
    against = compared(improvement, improvement - half, improvement + half)
    if deployment_rule(against, 0.02, alarm=alarm) is not NONE:
        assert better_than_champion(ACCURACY, against, 0.02).verdict is APPROVED


def test_a_model_that_has_learnt_nothing_hardly_ever_beats_the_guess() -> None:
    random, passed, runs = np.random.default_rng(0), 0, 600
    for _ in range(runs):
        drawn = random.random(300)
        # Right where the guess is but for one row in twenty, and as often only it is.
        guess, model = drawn < 0.7, (drawn < 0.65) | (drawn >= 0.95)
        truth = np.ones(300, dtype=int)
        against = compare(
            ACCURACY,
            *(Scored(truth=truth, predicted=right.astype(int)) for right in (model, guess)),
            seed=0,
        )
        passed += against.lower > 0
    # At most .05, plus two standard errors (.009 each).
    assert passed / runs <= 0.068


def test_better_than_the_guess_by_chance_is_undecided_and_says_how_many_rows_would_tell() -> None:
    truth = np.repeat([0, 1], [60, 40])
    predicted = np.where(np.arange(100) < 2, 1, np.where(np.arange(100) >= 94, 1, 0))
    model = Scored(truth=truth, predicted=predicted)
    judged = beats_baseline(ACCURACY, model, truth, seed=0)
    assert judged.gate.value == pytest.approx(0.04)
    assert judged.verdict is INCONCLUSIVE
    assert judged.gate.figures["rows_needed"] > 100
    worse = Scored(truth=truth, predicted=1 - predicted)
    assert beats_baseline(ACCURACY, worse, truth, seed=0).verdict is REJECTED
