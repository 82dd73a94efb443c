from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from core.engines.metrics import METRICS, Scored, degradation, get_metric, score
from core.engines.references import make_reference
from core.monitoring.scaled_losses import can_be_tested, loss_limit, losses_of

NAMES = list(METRICS)


def predictions(name: str, rows: int, *, seed: int, noise: float = 1.0, classes: int = 2) -> Scored:
    """A model's predictions of one kind of rows; more noise makes it worse."""
    random = np.random.default_rng(seed)
    signal = random.normal(size=rows)
    if METRICS[name].needs_proba or name in {"accuracy", "f1"}:
        bounds = np.linspace(0.2, 1.3, classes - 1)  # the later classes are rare
        truth = np.searchsorted(bounds, signal)
        seen = signal + 0.5 * noise * random.normal(size=rows)
        centres = np.append(bounds - 0.5, bounds[-1] + 0.5)
        proba = np.exp(-2 * (seen[:, None] - centres) ** 2) + 0.01
        proba /= proba.sum(axis=1, keepdims=True)
        return Scored(
            truth=truth,
            predicted=proba.argmax(axis=1),
            proba=proba,
            classes=list(range(classes)),
        )
    number = 8 + signal
    return Scored(truth=number, predicted=number + noise * random.normal(size=rows) / 2)


@pytest.mark.parametrize("name", NAMES)
def test_losses_are_in_zero_to_one_and_below_the_limit_while_nothing_changes(name: str) -> None:
    metric = METRICS[name]
    for seed in range(3):
        reference = make_reference(metric, predictions(name, 2000, seed=seed))
        assert can_be_tested(metric, reference)
        found = losses_of(metric, predictions(name, 20_000, seed=99), reference)
        assert 0 <= found.min() <= found.max() <= 1
        assert 0 < found.mean() < loss_limit(metric, reference, 0.03) < 1


@pytest.mark.parametrize("name", NAMES)
def test_losses_follow_the_metric(name: str) -> None:
    """Worse by twice the threshold, the mean loss is above the limit."""
    metric = METRICS[name]
    reference = make_reference(metric, predictions(name, 20_000, seed=1))
    for noise in (1.3, 1.6, 2.0):
        worse = predictions(name, 40_000, seed=2, noise=noise)
        drop = float(degradation(metric, reference.value, score(metric, worse)))
        assert drop > 0.01
        found = losses_of(metric, worse, reference).mean()
        assert found > loss_limit(metric, reference, drop / 2)
        assert found < loss_limit(metric, reference, 2 * drop)


@pytest.mark.parametrize("name", ["f1", "roc_auc"])
def test_losses_of_several_classes_follow_the_metric(name: str) -> None:
    metric = METRICS[name]
    reference = make_reference(metric, predictions(name, 20_000, seed=1, classes=4))
    worse = predictions(name, 40_000, seed=2, noise=1.6, classes=4)
    drop = float(degradation(metric, reference.value, score(metric, worse)))
    found = losses_of(metric, worse, reference).mean()
    assert loss_limit(metric, reference, drop / 2) < found < loss_limit(metric, reference, 2 * drop)


@pytest.mark.parametrize("name", NAMES)
def test_the_limit_is_above_the_true_mean_loss_as_often_as_it_says(name: str) -> None:
    metric = METRICS[name]
    truth = predictions(name, 100_000, seed=1000)
    above = []
    for seed in range(120):
        reference = make_reference(metric, predictions(name, 600, seed=seed))
        bound = loss_limit(metric, reference, 0.0)
        above.append(bound >= losses_of(metric, truth, reference).mean())
    # 97.5 % less four standard errors of .014 for what the scaling itself learns.
    assert np.mean(above) >= 0.92


@pytest.mark.parametrize("name", NAMES)
def test_a_reference_survives_json(name: str) -> None:
    reference = make_reference(METRICS[name], predictions(name, 600, seed=0))
    restored = type(reference).from_row(json.loads(json.dumps(vars(reference))))
    assert restored == reference
    assert len(json.dumps(vars(reference))) < 6_000


def test_what_cannot_be_tested_says_so() -> None:
    auc = get_metric("roc_auc")
    reference = make_reference(auc, predictions("roc_auc", 600, seed=0))
    kept = replace(reference, kept_since=np.datetime64("2026-01-01").astype(object))
    assert not can_be_tested(auc, kept)
    assert not can_be_tested(auc, replace(reference, scaling=None))
    perfect = Scored(truth=np.ones(600), predicted=np.ones(600))
    assert not can_be_tested(get_metric("mae"), make_reference(get_metric("mae"), perfect))


def test_the_reference_knows_how_often_labels_come() -> None:
    times = np.datetime64("2026-01-01") + np.arange(600) * np.timedelta64(30, "m")
    scored = predictions("accuracy", 600, seed=0)
    assert make_reference(get_metric("accuracy"), scored, times).label_spacing_seconds == 1800.0
