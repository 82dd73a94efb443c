from __future__ import annotations

import numpy as np
import pytest
import skops.io
from sklearn.metrics import log_loss

from core.artifacts.trusted_types import trusted_types
from core.engines.confidence import ConfidenceBasedMLEngine
from core.engines.continuous_learning import ContinuousLearningEngine
from core.errors import DataError, InvalidRequest
from tests.engines.rows import end_of, model_type, regression_type, rows

ENGINE = ConfidenceBasedMLEngine()


def test_calibration_repairs_overconfident_probabilities() -> None:
    random = np.random.default_rng(0)
    true = random.uniform(0.05, 0.95, 6000)
    labels = (random.random(6000) < true).astype(int)
    odds = 3 * np.log(true / (1 - true))  # three times too sure
    proba = 1 / (1 + np.exp(-np.column_stack([-odds, odds])))

    calibrated = ENGINE.calibrate(proba[:3000], labels[:3000], [0, 1]).apply(proba[3000:], [0, 1])

    assert np.abs(calibrated[:, 1] - true[3000:]).mean() < 0.03
    assert np.allclose(calibrated.sum(axis=1), 1)


def test_several_classes_are_calibrated_and_sum_to_one() -> None:
    random = np.random.default_rng(1)
    true = random.dirichlet([1, 1, 1], 6000)
    labels = np.array([random.choice(3, p=p) for p in true])
    sharp = true**3 / (true**3).sum(axis=1, keepdims=True)

    calibrated = ENGINE.calibrate(sharp[:3000], labels[:3000], [0, 1, 2]).apply(
        sharp[3000:], [0, 1, 2]
    )

    assert np.allclose(calibrated.sum(axis=1), 1)
    assert log_loss(labels[3000:], calibrated) < log_loss(labels[3000:], sharp[3000:]) - 0.05


def test_too_few_rows_or_a_contradicted_ranking_leave_probabilities_alone() -> None:
    proba = np.tile([[0.3, 0.7], [0.8, 0.2]], (50, 1))
    few = ENGINE.calibrate(proba[:6], np.array([1, 0] * 3), [0, 1])
    turned = ENGINE.calibrate(proba, np.array([0, 1] * 50), [0, 1])
    for calibrator in (few, turned):
        np.testing.assert_allclose(calibrator.apply(proba, [0, 1]), proba)


def test_a_class_that_the_calibrator_does_not_know_keeps_its_probability() -> None:
    calibrator = ENGINE.calibrate(np.tile([[0.4, 0.6]], (10, 1)), np.array([0, 1] * 5), ["x", "y"])
    proba = np.array([[0.2, 0.3, 0.5]])
    np.testing.assert_allclose(calibrator.apply(proba, ["x", "new", "y"]), proba)


@pytest.mark.parametrize("coverage", [0.5, 0.9])
def test_intervals_cover_what_they_claim(coverage: float) -> None:
    random, covered = np.random.default_rng(2), []
    for _ in range(200):
        predicted = random.normal(size=600)
        truth = predicted + random.standard_t(3, 600) * (1 + (predicted > 0))
        intervals = ENGINE.conformalise(predicted[:300], truth[:300])
        assert intervals is not None
        half = intervals.half_widths(predicted[300:], coverage)
        covered.append(np.mean(np.abs(truth[300:] - predicted[300:]) <= half))
    # At least the claimed share, at most one residual per group (of 100) more; ± 3 standard errors.
    error = 3 * float(np.std(covered)) / np.sqrt(200)
    assert coverage - error <= np.mean(covered) <= coverage + 1 / 101 + error


def test_too_few_residuals_give_an_infinite_interval() -> None:
    intervals = ENGINE.conformalise(np.zeros(8), np.arange(8.0))
    assert intervals is not None
    assert np.isinf(intervals.half_widths(np.zeros(1), 0.9)).all()
    nine = ENGINE.conformalise(np.zeros(9), np.arange(9.0))
    assert nine is not None
    assert nine.half_widths(np.zeros(1), 0.9).tolist() == [8.0]


def test_predictions_with_smaller_errors_get_more_confidence_and_narrower_intervals() -> None:
    random = np.random.default_rng(3)
    predicted = np.repeat([0.0, 10.0], 300)
    truth = predicted + random.normal(size=600) * np.repeat([0.1, 6.0], 300)
    intervals = ENGINE.conformalise(predicted, truth)
    assert intervals is not None
    sure, unsure = intervals.confidence(np.array([0.0, 10.0]))
    narrow, wide = intervals.half_widths(np.array([0.0, 10.0]), 0.9)
    assert 0 <= unsure < sure <= 1
    assert narrow < wide


def test_confidence_is_how_often_a_prediction_is_right() -> None:
    frame = rows(4000, noise=1.0)
    engine = ContinuousLearningEngine(model_type(engine="gradient_boosting"))
    plan = engine.plan(frame, as_of=end_of(frame), champion_cutoff=None)
    model = engine.train(frame, plan, seed=0).model
    holdout = engine.split(frame, plan).holdout
    predicted, confidence = model.predict_with_confidence(holdout)
    assert ((confidence >= 0) & (confidence <= 1)).all()
    assert abs((predicted == holdout["y"]).mean() - confidence.mean()) < 0.05
    np.testing.assert_array_equal(model.confidence(holdout), confidence)


def test_a_regression_has_intervals_and_no_probabilities() -> None:
    frame = rows(1500)
    engine = ContinuousLearningEngine(regression_type(target_column="number"))
    plan = engine.plan(frame, as_of=end_of(frame), champion_cutoff=None)
    model = engine.train(frame, plan, seed=0).model
    holdout = engine.split(frame, plan).holdout
    bounds = model.interval(holdout, 0.9)
    inside = (bounds[:, 0] <= holdout["number"]) & (holdout["number"] <= bounds[:, 1])
    assert 0.84 < inside.mean() < 0.96
    assert ((model.confidence(holdout) > 0.5) & (model.confidence(holdout) <= 1)).all()
    with pytest.raises(InvalidRequest, match="no class probabilities"):
        model.predict_proba(holdout)
    with pytest.raises(InvalidRequest, match="coverage"):
        model.interval(holdout, 1.5)


@pytest.mark.parametrize("engine_name", ["gradient_boosting", "linear", "random_forest"])
@pytest.mark.parametrize("regression", [False, True])
def test_a_model_survives_being_stored(engine_name: str, regression: bool) -> None:
    changes = {"engine": engine_name}
    kind = regression_type(**changes) if regression else model_type(**changes)
    frame = rows(400)
    engine = ContinuousLearningEngine(kind)
    plan = engine.plan(frame, as_of=end_of(frame), champion_cutoff=None)
    model = engine.train(frame, plan, seed=0).model

    loaded = skops.io.loads(skops.io.dumps(model), trusted=sorted(trusted_types(engine_name)))

    new = rows(50, seed=1)
    np.testing.assert_array_equal(loaded.predict(new), model.predict(new))
    np.testing.assert_array_equal(loaded.confidence(new), model.confidence(new))
    if regression:
        np.testing.assert_array_equal(loaded.interval(new), model.interval(new))
    else:
        np.testing.assert_array_equal(loaded.predict_proba(new), model.predict_proba(new))


def test_a_missing_column_is_named() -> None:
    model = ContinuousLearningEngine(model_type()).fit_window(rows(200), seed=0)
    with pytest.raises(DataError, match='"b"'):
        model.predict(rows(5).drop(columns="b"))
