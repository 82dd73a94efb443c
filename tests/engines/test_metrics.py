from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn import metrics as reference

from core.domain import Task
from core.engines.comparison import compare
from core.engines.metrics import (
    METRICS,
    Scored,
    degradation,
    get_metric,
    losses,
    score,
    weighted_scores,
)
from core.engines.references import make_reference
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


# ruff: noqa: ARG002  a metric is called with all that there is


class Profit:
    """A metric of the user's own: more is better, no loss per row."""

    label = "profit"
    greater_is_better = True

    def __call__(self, truth: Any, predicted: Any, proba: Any, classes: Any) -> float:
        return float((np.where(truth == 1, 5, -1) * (predicted == 1)).mean())


class Pinball:
    """A metric of the user's own that is a mean of losses."""

    greater_is_better = False

    def __call__(self, truth: Any, predicted: Any, proba: Any, classes: Any) -> float:
        return float(self.losses(truth, predicted, proba, classes).mean())

    def losses(self, truth: Any, predicted: Any, proba: Any, classes: Any) -> Any:
        return np.maximum(0.9 * (truth - predicted), 0.1 * (predicted - truth))


PROFIT, PINBALL = "acme.metrics:Profit", "acme.metrics:Pinball"
OWN: dict[str, Any] = {PROFIT: Profit(), PINBALL: Pinball()}


def test_a_metric_of_ones_own_is_named_labelled_and_directed() -> None:
    profit = get_metric(PROFIT, Task.CLASSIFICATION, OWN)
    assert (profit.name, profit.label, profit.greater_is_better) == (PROFIT, "profit", True)
    assert (profit.has_losses, profit.in_points) == (False, False)
    pinball = get_metric(PINBALL, Task.REGRESSION, OWN)
    assert (pinball.label, pinball.has_losses) == ("Pinball", True)


def test_a_metric_of_ones_own_scores_resampled_rows() -> None:
    metric, s = get_metric(PROFIT, Task.CLASSIFICATION, OWN), scored(2)
    count = np.random.default_rng(1).integers(0, 3, len(s.truth))
    twice = s.rows(np.repeat(np.arange(len(s.truth)), count))
    weights = np.stack([count, np.ones(len(count))]).astype(float)
    assert weighted_scores(metric, s, weights) == pytest.approx(
        [score(metric, twice), score(metric, s)]
    )


def test_two_models_are_compared_by_a_metric_of_ones_own() -> None:
    metric, s = get_metric(PROFIT, Task.CLASSIFICATION, OWN), scored(2)
    perfect = Scored(truth=s.truth, predicted=s.truth)
    found = compare(metric, perfect, s, seed=0)
    assert found.challenger > found.champion
    assert 0 < found.lower < found.improvement < found.upper


def test_a_mean_of_own_losses_can_be_watched() -> None:
    metric, s = get_metric(PINBALL, Task.REGRESSION, OWN), numbers()
    assert score(metric, s) == pytest.approx(Pinball()(s.truth, s.predicted, None, None))
    assert make_reference(metric, s).scaling is not None
    assert make_reference(get_metric(PROFIT, custom=OWN), scored(2)).scaling is None


def test_a_metric_of_ones_own_must_be_allowed_and_whole() -> None:
    with pytest.raises(InvalidRequest, match="not allowed.*REFIT_METRICS"):
        get_metric("acme.metrics:Other", Task.REGRESSION, OWN)
    with pytest.raises(InvalidRequest, match="greater_is_better"):
        get_metric("a:b", Task.REGRESSION, {"a:b": np.mean})  # type: ignore[dict-item]
    with pytest.raises(InvalidRequest, match="cannot be called"):
        get_metric("a:b", Task.REGRESSION, {"a:b": 3})  # type: ignore[dict-item]


def test_a_metric_of_ones_own_that_fails_is_named() -> None:
    class Broken(Pinball):
        def losses(self, truth: Any, predicted: Any, proba: Any, classes: Any) -> Any:
            return truth[:-1]

    metric = get_metric("a:Broken", Task.REGRESSION, {"a:Broken": Broken()})
    with pytest.raises(InvalidRequest, match='"a:Broken" does not give one loss'):
        score(metric, numbers())
