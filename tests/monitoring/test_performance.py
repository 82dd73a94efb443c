from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from core.domain import CheckVerdict, PerformanceCheck, Reference
from core.engines.continuous_learning import ContinuousLearningEngine
from core.engines.metrics import Scored, get_metric
from core.monitoring.change import measure_change
from core.monitoring.performance import check_performance
from tests.engines.rows import end_of, model_type, regression_type, rows

METRICS = ["accuracy", "f1", "roc_auc", "log_loss", "r2", "mae", "rmse", "mape"]


def kind_of(metric: str) -> Any:
    if metric in {"r2", "mae", "rmse", "mape"}:
        return regression_type(metric=metric, target_column="number")
    return model_type(metric=metric)


def data(count: int, *, seed: int = 0, noise: float = 0.5) -> pd.DataFrame:
    frame = rows(count, seed=seed, noise=noise)
    frame["number"] += 8  # off zero, for relative errors
    return frame


def trained(metric: str) -> Any:
    frame = data(4000)
    engine = ContinuousLearningEngine(kind_of(metric))
    plan = engine.plan(frame, as_of=end_of(frame), champion_cutoff=None)
    return engine.train(frame, plan, seed=0)


def check(metric: str, frame: pd.DataFrame, **changes: Any) -> PerformanceCheck:
    model = trained(metric)
    arguments = {"model": model.model, "reference": model.reference}
    return check_performance(
        model_type=kind_of(metric), frame=frame, threshold=None, **(arguments | changes)
    )


@pytest.mark.parametrize("metric", METRICS)
def test_a_broken_model_is_found_whatever_the_metric(metric: str) -> None:
    frame = data(600, seed=1)
    frame[["a", "b"]] = frame[["b", "a"]].to_numpy()
    result = check(metric, frame)
    assert result.verdict is CheckVerdict.DEGRADED, result.reason
    assert result.needs_retraining
    assert result.p_value is not None
    assert result.p_value < 0.01
    assert result.degradation is not None
    assert result.confidence_interval is not None
    low, high = result.confidence_interval
    assert 0 < low < result.degradation < high


@pytest.mark.parametrize("metric", METRICS)
def test_a_model_that_has_not_changed_is_not_called_degraded(metric: str) -> None:
    result = check(metric, data(600, seed=2))
    assert result.verdict in {CheckVerdict.HEALTHY, CheckVerdict.INCONCLUSIVE}
    assert not result.needs_retraining


def test_the_reason_reads_like_a_sentence() -> None:
    scored = check("accuracy", data(336, seed=3, noise=2.0))
    assert scored.reason.startswith("accuracy 0.")
    assert "on 336 rows" in scored.reason
    assert "a drop this size by chance: 1 in" in scored.reason or "less than" in scored.reason


def test_too_little_data_gives_no_verdict() -> None:
    few = check("accuracy", data(29, seed=1))
    assert few.verdict is CheckVerdict.INSUFFICIENT_DATA
    assert few.current is not None
    assert check("accuracy", data(0)).verdict is CheckVerdict.INSUFFICIENT_DATA
    small = check(
        "accuracy", data(300), reference=Reference(metric="accuracy", value=0.9, samples=99)
    )
    assert small.verdict is CheckVerdict.INSUFFICIENT_DATA
    assert "99 rows when it was deployed" in small.reason
    nothing = check("accuracy", data(300), model=None, reference=None)
    assert (nothing.verdict, nothing.baseline) == (CheckVerdict.INSUFFICIENT_DATA, None)


def test_another_metric_than_the_references_is_no_comparison() -> None:
    result = check("accuracy", data(300), reference=Reference(metric="f1", value=0.9, samples=900))
    assert result.verdict is CheckVerdict.INSUFFICIENT_DATA
    assert "f1" in result.reason


def test_a_small_reference_is_judged_strictly() -> None:
    drop = data(300, seed=1, noise=1.0)
    current = check("accuracy", drop).current
    assert current is not None
    strict, full = (
        check(
            "accuracy",
            drop,
            reference=Reference(metric="accuracy", value=current + 0.08, samples=samples),
        )
        for samples in (300, 2000)
    )
    assert (strict.low_power, full.low_power) == (True, False)
    assert strict.p_value is not None
    assert strict.p_value > 0.001
    assert strict.verdict is not CheckVerdict.DEGRADED
    assert full.verdict is CheckVerdict.DEGRADED, full.reason


def test_a_request_may_name_its_own_threshold() -> None:
    frame = data(600, seed=1, noise=1.1)
    model = trained("accuracy")
    results = [
        check_performance(
            model_type=model_type(),
            model=model.model,
            frame=frame,
            reference=model.reference,
            threshold=threshold,
        )
        for threshold in (0.01, 0.5)
    ]
    assert [r.needs_retraining for r in results] == [True, False]
    assert results[1].verdict is CheckVerdict.HEALTHY
    assert results[1].threshold == 0.5


def looks(accuracy: float, *, rows_now: int, reference_rows: int, runs: int = 2000) -> Any:
    """Changes that a single look measures, reference and new rows drawn anew each time."""
    random, metric = np.random.default_rng(11), get_metric("accuracy")
    for _ in range(runs):
        then = float((random.random(reference_rows) < 0.85).mean())
        now = (random.random(rows_now) < accuracy).astype(int)
        reference = Reference(metric="accuracy", value=then, samples=reference_rows)
        scored = Scored(truth=np.ones(rows_now, dtype=int), predicted=now)
        yield measure_change(metric, scored, reference, seed=0)


@pytest.mark.parametrize(("rows_now", "reference_rows"), [(60, 500), (336, 806), (630, 2000)])
def test_false_alarms_stay_at_their_level(rows_now: int, reference_rows: int) -> None:
    p_values = np.array(
        [c.p_value for c in looks(0.85, rows_now=rows_now, reference_rows=reference_rows)]
    )
    # 2,000 runs: level .01 ± 3 standard errors of .0022, level .05 ± 3 of .005.
    assert (p_values < 0.01).mean() <= 0.0167
    assert 0.03 <= (p_values < 0.05).mean() <= 0.065


def test_a_drop_of_eight_points_is_found_within_a_week_of_rows() -> None:
    found = [
        c.p_value < 0.01 and c.degradation >= 0.03
        for c in looks(0.77, rows_now=336, reference_rows=2000, runs=500)
    ]
    assert np.mean(found) > 0.85


def test_the_interval_covers_the_true_change() -> None:
    covered = [c.lower <= 0.05 <= c.upper for c in looks(0.80, rows_now=200, reference_rows=500)]
    assert 0.935 <= np.mean(covered) <= 0.97


def test_losses_of_a_regression_keep_their_level_too() -> None:
    random, metric, alarms = np.random.default_rng(5), get_metric("mae"), 0
    for _ in range(2000):
        before, now = np.abs(random.normal(size=500)), random.normal(size=200)
        reference = Reference(
            metric="mae",
            value=float(before.mean()),
            samples=500,
            losses_mean=float(before.mean()),
            losses_std=float(before.std(ddof=1)),
        )
        scored = Scored(truth=np.zeros(200), predicted=now)
        alarms += measure_change(metric, scored, reference, seed=0).p_value < 0.01
    assert alarms / 2000 <= 0.02  # level .01 + 3 standard errors, and a skewed loss
