from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as reference

from core.domain import Task
from core.engines.metrics import (
    METRICS,
    Scored,
    degradation,
    get_metric,
    losses,
    score,
    weighted_scores,
)
from core.errors import InvalidRequest


def scored(classes: int, seed: int = 0) -> Scored:
    random = np.random.default_rng(seed)
    proba = random.dirichlet(np.ones(classes), 400).round(2)
    proba /= proba.sum(axis=1, keepdims=True)
    return Scored(
        truth=random.integers(0, classes, 400),
        predicted=proba.argmax(axis=1),
        proba=proba,
        classes=list(range(classes)),
    )


def numbers(seed: int = 0) -> Scored:
    random = np.random.default_rng(seed)
    truth = random.normal(5, 1, 300)
    return Scored(truth=truth, predicted=truth + random.normal(size=300))


@pytest.mark.parametrize("classes", [2, 3])
def test_metrics_of_classes_are_those_of_scikit_learn(classes: int) -> None:
    s = scored(classes)
    assert s.proba is not None
    proba = s.proba if classes > 2 else s.proba[:, 1]
    expected = {
        "accuracy": reference.accuracy_score(s.truth, s.predicted),
        "f1": reference.f1_score(s.truth, s.predicted, average="macro"),
        "roc_auc": reference.roc_auc_score(s.truth, proba, multi_class="ovr"),
        "log_loss": reference.log_loss(s.truth, s.proba),
    }
    for name, value in expected.items():
        assert score(get_metric(name), s) == pytest.approx(value), name


def test_metrics_of_numbers_are_those_of_scikit_learn() -> None:
    s = numbers()
    expected = {
        "r2": reference.r2_score(s.truth, s.predicted),
        "mae": reference.mean_absolute_error(s.truth, s.predicted),
        "rmse": reference.root_mean_squared_error(s.truth, s.predicted),
        "mape": reference.mean_absolute_percentage_error(s.truth, s.predicted),
    }
    for name, value in expected.items():
        assert score(get_metric(name), s) == pytest.approx(value), name


@pytest.mark.parametrize("name", list(METRICS))
def test_a_weight_of_two_is_the_row_twice(name: str) -> None:
    metric = METRICS[name]
    s = scored(3) if metric.task is Task.CLASSIFICATION else numbers()
    count = np.random.default_rng(1).integers(0, 3, len(s.truth))
    twice = s.rows(np.repeat(np.arange(len(s.truth)), count))
    weighted = weighted_scores(metric, s, count[np.newaxis].astype(float))
    assert weighted[0] == pytest.approx(score(metric, twice))


@pytest.mark.parametrize("name", ["roc_auc", "r2"])
def test_a_metric_that_is_not_defined_is_nan(name: str) -> None:
    metric = METRICS[name]
    s = scored(2) if metric.task is Task.CLASSIFICATION else numbers()
    flat = Scored(
        truth=np.zeros_like(s.truth), predicted=s.predicted, proba=s.proba, classes=s.classes
    )
    assert np.isnan(score(metric, flat))


def test_a_class_without_probability_costs_a_finite_loss() -> None:
    s = scored(2)
    unknown = Scored(truth=np.full(400, 7), predicted=s.predicted, proba=s.proba, classes=s.classes)
    per_row = losses(get_metric("log_loss"), unknown)
    assert per_row is not None
    assert np.isfinite(per_row).all()


def test_worse_is_positive_whichever_way_the_metric_goes() -> None:
    assert degradation(get_metric("accuracy"), 0.9, 0.8) == pytest.approx(0.1)
    assert degradation(get_metric("log_loss"), 0.5, 0.6) == pytest.approx(0.2)
    assert degradation(get_metric("rmse"), 4.0, 3.0) == pytest.approx(-0.25)


def test_a_metric_of_the_other_task_is_refused() -> None:
    with pytest.raises(InvalidRequest, match=r"accuracy.*not one for a regression.*mae"):
        get_metric("accuracy", Task.REGRESSION)
    with pytest.raises(InvalidRequest, match="beauty"):
        get_metric("beauty")
