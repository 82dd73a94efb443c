"""Each metric by its own test: how often one that has not changed looks worse by chance."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from core.domain import CheckVerdict, PerformanceCheck, Reference, SequentialTest
from core.engines.metrics import get_metric
from core.engines.references import make_reference
from core.monitoring.change import measure_change
from core.monitoring.performance import judge_by_test
from core.monitoring.single_look import look_once
from tests.monitoring.test_scaled_losses import predictions

RUNS = {"roc_auc": 40}  # its bootstrap is slow
MOST_RUNS = 100


def p_values(name: str, *, noise: float = 1.0, runs: int) -> Any:
    """Of single looks at 250 rows, reference and rows drawn anew each time."""
    metric, found = get_metric(name), []
    for run in range(runs):
        reference = make_reference(metric, predictions(name, 500, seed=1000 + run))
        rows = predictions(name, 250, seed=50_000 + run, noise=noise)
        found.append(measure_change(metric, rows, reference, seed=0).p_value)
    return np.array(found)


@pytest.mark.parametrize("name", ["f1", "roc_auc", "log_loss", "r2", "rmse", "mape"])
def test_a_look_at_what_has_not_changed_keeps_its_level(name: str) -> None:
    found = p_values(name, runs=RUNS.get(name, MOST_RUNS))
    # More than these at a level of .05 in one of 1,000 such tests.
    assert (found < 0.05).sum() <= (8 if name in RUNS else 13)
    assert 0.3 <= (found < 0.5).mean() <= 0.7, "neither too wide nor the wrong way round"


@pytest.mark.parametrize("name", ["f1", "log_loss", "r2", "rmse", "mape"])
def test_what_got_better_is_never_a_drop(name: str) -> None:
    assert (p_values(name, noise=0.6, runs=20) < 0.5).sum() == 0


def judged(level: float, attempt_level: float) -> PerformanceCheck:
    reference = Reference(metric="accuracy", value=0.85, samples=2000)
    few = look_once(get_metric("accuracy"), None, reference, 0.03, seed=0, rows=12)
    test = SequentialTest(
        level=level,
        attempt_level=attempt_level,
        training_at=1000,
        alarm_at=5000,
        limit=0.2,
        labels=700,
        new_labels=12,
    )
    return judge_by_test(few, test, "accuracy")


@pytest.mark.parametrize(
    ("level", "attempt_level", "verdict", "trains", "alarm"),
    [
        (999.9, 999.9, CheckVerdict.INSUFFICIENT_DATA, False, False),
        (1000.0, 1000.0, CheckVerdict.INCONCLUSIVE, True, False),
        (4999.9, 4999.9, CheckVerdict.INCONCLUSIVE, True, False),
        (5000.0, 5000.0, CheckVerdict.DEGRADED, True, True),
        (5000.0, 0.0, CheckVerdict.DEGRADED, False, True),
        (4999.9, 0.0, CheckVerdict.INCONCLUSIVE, False, False),
    ],
)
def test_a_training_starts_at_its_level_and_the_alarm_at_its_own(
    level: float, attempt_level: float, verdict: CheckVerdict, trains: bool, alarm: bool
) -> None:
    found = judged(level, attempt_level)
    assert (found.verdict, found.needs_retraining, found.alarm) == (verdict, trains, alarm)
