from __future__ import annotations

import numpy as np
import pytest
import skops.io
from numpy.typing import NDArray
from scipy.special import expit

from core.artifacts.trusted_types import trusted_types
from core.engines.calibration import fit_isotonic, fit_sigmoid
from core.engines.calibration_error import expected_calibration_error
from core.engines.confidence import ConfidenceBasedMLEngine, SigmoidCalibrator

ENGINE = ConfidenceBasedMLEngine()


def draw(count: int, seed: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Log-odds, and classes that follow from them."""
    random = np.random.default_rng(seed)
    odds = 1.5 * random.normal(size=count)
    return odds, (random.random(count) < expit(odds)).astype(int)


def both(chance: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.column_stack([1 - chance, chance])


def crooked(odds: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probabilities that no sigmoid repairs."""
    return both(np.asarray(expit(np.sign(odds) * np.abs(odds) ** 3 + 0.5)))


def test_the_error_of_calibrated_probabilities_is_small_and_of_others_is_their_distance() -> None:
    odds, truth = draw(20_000, seed=0)
    chance = expit(odds)
    assert expected_calibration_error(both(chance), truth, [0, 1]) < 0.015
    moved = np.clip(chance + 0.1, 0, 1)
    assert expected_calibration_error(both(moved), truth, [0, 1]) == pytest.approx(0.1, abs=0.02)


def test_equal_probabilities_share_a_bin_whatever_the_order_of_the_rows() -> None:
    truth = np.repeat([1, 0], 500)
    assert expected_calibration_error(both(np.full(1000, 0.5)), truth, [0, 1]) == 0


def test_the_errors_of_several_classes_add_up_to_a_distance_that_does_not_shrink_with_them() -> (
    None
):
    truth = np.repeat([0, 1, 2], 100)
    proba = np.tile([[1.0, 0.0, 0.0]], (300, 1))
    # (1, 0, 0) is two thirds away from (⅓, ⅓, ⅓).
    assert expected_calibration_error(proba, truth, [0, 1, 2]) == pytest.approx(2 / 3)
    # Sure of ten classes in turn, and right in 7 of 10: off by 0.3, as with two classes.
    said = np.arange(10_000) % 10
    right = np.where(np.arange(10_000) // 10 % 10 < 7, said, (said + 1) % 10)
    assert expected_calibration_error(np.eye(10)[said], right, range(10)) == pytest.approx(0.3)


def test_weights_calibrate_for_the_rows_that_weigh() -> None:
    odds, truth = draw(4000, seed=1)
    truth[2000:] = np.random.default_rng(2).random(2000) < expit(odds[2000:] - 1)
    weights = np.repeat([0.0, 1.0], 2000)
    _, intercept = fit_sigmoid(odds, truth == 1, weights)
    assert intercept == pytest.approx(-1, abs=0.2)


def test_an_isotonic_curve_rises_and_stays_off_0_and_1() -> None:
    odds, truth = draw(500, seed=3)
    knots, chance = fit_isotonic(odds, truth == 1)
    assert (np.diff(knots) > 0).all()
    assert (np.diff(chance) >= 0).all()
    assert 0 < chance[0] < chance[-1] < 1


def test_isotonic_curves_are_chosen_where_sigmoids_do_not_fit() -> None:
    odds, truth = draw(11_000, seed=4)
    calibrator = ENGINE.calibrate(crooked(odds[:1000]), truth[:1000], [0, 1])
    assert calibrator.method == "isotonic"
    assert calibrator.errors is not None
    assert calibrator.errors["isotonic"] < calibrator.errors["sigmoid"]
    calibrated = calibrator.apply(crooked(odds[1000:]), [0, 1])
    before = np.abs(crooked(odds[1000:])[:, 1] - expit(odds[1000:])).mean()
    assert np.abs(calibrated[:, 1] - expit(odds[1000:])).mean() < before / 2


def test_isotonic_curves_are_seldom_chosen_where_sigmoids_fit() -> None:
    chosen = []
    for seed in range(6):
        odds, truth = draw(600, seed=seed)
        chosen.append(ENGINE.calibrate(both(expit(3 * odds)), truth, [0, 1]).method)
    assert chosen.count("isotonic") <= 2
    assert chosen.count("none") == 0


def test_few_rows_are_no_ground_for_an_isotonic_curve() -> None:
    odds, truth = draw(400, seed=4)
    assert "isotonic" not in (ENGINE.calibrate(crooked(odds), truth, [0, 1]).errors or {})


def test_an_isotonic_calibrator_survives_being_stored_without_further_trust() -> None:
    odds, truth = draw(1000, seed=4)
    calibrator = ENGINE.calibrate(crooked(odds), truth, [0, 1])
    stored = skops.io.dumps(calibrator)
    loaded = skops.io.loads(stored, trusted=sorted(trusted_types("linear")))
    assert loaded.method == "isotonic"
    assert loaded.errors == calibrator.errors
    np.testing.assert_array_equal(
        loaded.apply(crooked(odds), [0, 1]), calibrator.apply(crooked(odds), [0, 1])
    )


def test_a_calibrator_stored_before_there_was_a_choice_still_works() -> None:
    calibrator = SigmoidCalibrator(
        classes=[0, 1], slopes=np.array([2.0, 2.0]), intercepts=np.zeros(2)
    )
    for newer in ("curves", "method", "errors"):
        del calibrator.__dict__[newer]
    loaded = skops.io.loads(skops.io.dumps(calibrator), trusted=sorted(trusted_types("linear")))
    assert not {"curves", "method", "errors"} & set(loaded.__dict__)
    np.testing.assert_allclose(loaded.apply(np.array([[0.25, 0.75]]), [0, 1]), [[0.1, 0.9]])
