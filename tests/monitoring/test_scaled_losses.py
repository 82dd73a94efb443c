from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from bench.judgement.metrics_watched import PLAIN, RARE, SELDOM, Mix, watch
from core.engines.metrics import METRICS, Scored, degradation, get_metric, score
from core.engines.references import make_reference
from core.monitoring.scaled_losses import can_be_tested, loss_limit, losses_of, metric_at_limit

NAMES = [name for name in METRICS if name != "r2"]


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
    truth = predictions(name, 30_000, seed=1000)
    above = []
    for seed in range(120):
        reference = make_reference(metric, predictions(name, 600, seed=seed))
        bound = loss_limit(metric, reference, 0.0)
        above.append(bound >= losses_of(metric, truth, reference).mean())
    # 97.5 % less four standard errors of .014 for what the scaling itself learns.
    assert np.mean(above) >= 0.92


@pytest.mark.parametrize("name", [name for name in NAMES if name != "accuracy"])
def test_a_threshold_that_labels_cannot_tell_apart_is_raised(name: str) -> None:
    metric = METRICS[name]
    reference = make_reference(metric, predictions(name, 50_000, seed=1))
    assert reference.scaling is not None
    least = reference.scaling["mean"] + reference.scaling["std"] / 12
    tiny, large = (loss_limit(metric, reference, threshold) for threshold in (0.0001, 0.5))
    assert least < tiny < least + 0.1 * reference.scaling["std"]
    assert large > 2 * tiny - reference.scaling["mean"]


@pytest.mark.parametrize("name", [*NAMES, "r2"])
def test_chance_alone_seldom_starts_a_training(name: str) -> None:
    found = watch(METRICS[name], PLAIN, PLAIN, 630, 10 if name == "r2" else 60)
    assert found.alarms <= 3  # 64 of 1,000
    assert found.trainings <= 12  # accuracy: 7


@pytest.mark.parametrize("name", NAMES)
def test_the_limit_is_told_in_the_metrics_own_unit(name: str) -> None:
    metric = METRICS[name]
    reference = make_reference(metric, predictions(name, 20_000, seed=1))
    limit = loss_limit(metric, reference, 0.25)
    fall = float(degradation(metric, reference.value, metric_at_limit(metric, reference, limit)))
    assert fall == pytest.approx(0.25, abs=0.005)


@pytest.mark.parametrize("share", [0.1, 0.15, 0.4, 0.6])
@pytest.mark.parametrize("before", [SELDOM, PLAIN])
def test_an_auc_that_stays_while_the_classes_shares_move_is_no_fall(
    before: Mix, share: float
) -> None:
    metric, random = METRICS["roc_auc"], np.random.default_rng(0)
    reference = make_reference(metric, before.draw(metric, 20_000, random))
    rows = Mix(share=share, fitted_share=before.fitted_share).draw(metric, 40_000, random)
    assert score(metric, rows) == pytest.approx(reference.value, abs=0.005)
    mean, limit = losses_of(metric, rows, reference).mean(), loss_limit(metric, reference, 0.03)
    assert mean < limit - 0.02 * (reference.scaling or {})["per_point"]


@pytest.mark.parametrize(("name", "share"), [("roc_auc", 0.1), ("roc_auc", 0.6), ("f1", 0.15)])
def test_a_fall_is_seen_while_the_classes_shares_move(name: str, share: float) -> None:
    metric, random = METRICS[name], np.random.default_rng(0)
    reference = make_reference(metric, SELDOM.draw(metric, 20_000, random))
    limit = loss_limit(metric, reference, 0.03)
    for apart in np.arange(0.8, 2.8, 0.2):
        rows = Mix(share=share, fitted_share=0.3, apart=apart).draw(metric, 40_000, random)
        beyond = metric_at_limit(metric, reference, limit) - score(metric, rows)
        if abs(beyond) > 0.035:  # it follows to first order
            assert (losses_of(metric, rows, reference).mean() > limit) == (beyond > 0)


@pytest.mark.parametrize(
    "case",
    [
        ("roc_auc", SELDOM, Mix(share=0.6, fitted_share=0.3)),
        ("roc_auc", RARE, Mix(share=0.2, fitted_share=0.1)),
        ("r2", PLAIN, Mix(spread=1.5)),
    ],
)
def test_another_mix_of_rows_is_no_alarm(case: tuple[str, Mix, Mix]) -> None:
    name, before, now = case
    assert watch(METRICS[name], before, now, 630, 5 if before is RARE else 10).alarms <= 1


@pytest.mark.parametrize(
    "case",
    [
        ("roc_auc", SELDOM, Mix(share=0.15, fitted_share=0.3, apart=1.2)),
        ("r2", PLAIN, Mix(spread=0.7, noise=0.7)),
    ],
)
def test_a_fall_in_another_mix_of_rows_is_an_alarm(case: tuple[str, Mix, Mix]) -> None:
    name, before, now = case
    found = watch(METRICS[name], before, now, 630, 10)
    assert found.alarms == 10
    assert found.median <= 1000


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
    older = replace(reference, scaling={"kind": "placement", "mean": 0.1, "std": 0.1})
    assert not can_be_tested(auc, older)
    rare = RARE.draw(auc, 2000, np.random.default_rng(0))
    assert not can_be_tested(auc, make_reference(auc, rare))
    perfect = Scored(truth=np.ones(600), predicted=np.ones(600))
    assert not can_be_tested(get_metric("mae"), make_reference(get_metric("mae"), perfect))
    r2 = get_metric("r2")
    assert not can_be_tested(r2, make_reference(r2, predictions("r2", 600, seed=0)))
    older = replace(reference, metric="r2", scaling={"kind": "clipped", "bound": 1.0})
    assert not can_be_tested(r2, older)


def test_the_reference_knows_how_often_labels_come() -> None:
    times = np.datetime64("2026-01-01") + np.arange(600) * np.timedelta64(30, "m")
    scored = predictions("accuracy", 600, seed=0)
    assert make_reference(get_metric("accuracy"), scored, times).label_spacing_seconds == 1800.0
