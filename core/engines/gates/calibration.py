"""Probabilities that say what they mean: the challenger's calibration against the champion's."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.domain import ValidationVerdict
from core.engines.calibration_error import BinnedProbabilities, total_distance
from core.engines.comparison import resamples
from core.engines.gates.judged import Judged, judged
from core.engines.metrics import Floats, Scored, require_proba
from core.engines.paired_tests import resampled_bounds

# Two points of confidence: below it, nobody decides otherwise because of it.
CALIBRATION_MARGIN = 0.02


def calibration(
    challenger: Scored,
    champion: Scored,
    *,
    alpha: float,
    seed: int,
    entities: NDArray[np.intp] | None = None,
) -> Judged:
    """The challenger's confidence is not further from the truth than the champion's.

    Measured by the expected calibration error
    (:func:`core.engines.calibration_error.expected_calibration_error`) without what chance adds to
    it: the shares of few rows are off though the chances are right, and more so for a model that
    commits itself less (Bröcker 2012, "Estimating reliability and resolution of probability
    forecasts through decomposition of the empirical score", Climate Dynamics 39, on such biases).
    How much, the resamples show: as far as their shares are from those of the rows, these are from
    the truth.

    It fails when the error is surely larger (paired bootstrap, bound at ``alpha``) and by more
    than the margin, and its probabilities are no better on the whole either (Brier 1950,
    "Verification of forecasts expressed in terms of probability"): a model that knows more after a
    change may be surer than it should be and still the better guide to what will happen. So harm
    has to be shown, not harmlessness: that the model is as good is for the comparison to show, and
    no hundred rows could ever show that two models are calibrated equally well.

    Parameters
    ----------
    challenger, champion : Scored
        Of the n common rows.
    alpha : float in (0, 0.5)
        One-sided level of each bound.
    seed : int
        Of the bootstrap.
    entities : array (n,) of int, optional
        As :func:`core.engines.comparison.compare` takes them.

    Returns
    -------
    Judged
        Approved or rejected, skipped where one of the two gives no probabilities; its value is by
        how much the challenger's error is smaller, in [−1, 1].

    Examples
    --------
    >>> random = np.random.default_rng(0)
    >>> proba = random.uniform(0.5, 1.0, 1000)
    >>> truth = (random.random(1000) < proba).astype(int)
    >>> honest, boastful = (
    ...     Scored(truth=truth, predicted=np.ones(1000, dtype=int),
    ...            proba=np.column_stack([1 - p, p]), classes=[0, 1])
    ...     for p in (proba, np.full(1000, 0.99)))
    >>> calibration(boastful, honest, alpha=0.05, seed=0).verdict.value
    'rejected'
    >>> calibration(honest, boastful, alpha=0.05, seed=0).verdict.value
    'approved'
    """
    if challenger.proba is None or champion.proba is None:
        return skipped_calibration("no_probabilities")
    ours, theirs = (_Resampled.of(one) for one in (challenger, champion))
    for weights in resamples(len(challenger.truth), seed, entities=entities):
        ours.add(weights)
        theirs.add(weights)
    gain = theirs.error - ours.error
    spread = theirs.resampled - ours.resampled
    units = len(challenger.truth) if entities is None else len(np.unique(entities))
    # Resampling adds to both errors, to the smaller one more: only its spread is used.
    bounds = resampled_bounds(gain + spread - spread.mean(), gain, units=units, alpha=alpha)
    lower, upper, _ = bounds
    sharper = _brier(champion) - _brier(challenger)
    worse = upper < 0 and gain < -CALIBRATION_MARGIN and sharper <= 0
    direction = "better" if gain >= 0 else "worse"
    return judged(
        "calibration",
        ValidationVerdict.REJECTED if worse else ValidationVerdict.APPROVED,
        f"Its confidence is off by {ours.error:.3f} on average beyond chance, the champion's by "
        f"{theirs.error:.3f}, on {len(challenger.truth):,} rows: {abs(gain):.3f} {direction} "
        f"({100 * (1 - 2 * alpha):.3g} % interval of the gain {lower:+.3f} to {upper:+.3f}).",
        value=gain,
        threshold=-CALIBRATION_MARGIN,
        interval=(lower, upper),
        figures={
            "outcome": "worse" if worse else "as_good",
            "measure": "expected_calibration_error",
            "challenger": ours.error,
            "champion": theirs.error,
            "by_chance": {"challenger": ours.by_chance, "champion": theirs.by_chance},
            "brier_improvement": sharper,
            "improvement": gain,
            "lower": lower,
            "upper": upper,
            "alpha": alpha,
            "samples": len(challenger.truth),
        },
    )


def _brier(scored: Scored) -> float:
    """Brier's score: the mean squared distance of the probabilities from what came true."""
    proba = np.asarray(scored.proba)
    true = np.asarray(scored.truth)[:, np.newaxis] == np.asarray(scored.classes)[np.newaxis]
    return float(((proba - true) ** 2).sum(axis=1).mean())


_SKIPPED = {
    "no_champion": "there is no champion to compare it with",
    "no_probabilities": "one of the models gives no probabilities",
    "regression": "a regression gives no probabilities",
}


def skipped_calibration(outcome: str) -> Judged:
    """Nothing to compare: ``no_champion``, ``no_probabilities`` or ``regression``.

    Parameters
    ----------
    outcome : str
        One of the three.

    Returns
    -------
    Judged
        Approved.

    Examples
    --------
    >>> skipped_calibration("regression").gate.detail
    'Skipped: a regression gives no probabilities.'
    """
    return judged(
        "calibration",
        ValidationVerdict.APPROVED,
        f"Skipped: {_SKIPPED[outcome]}.",
        figures={"outcome": outcome},
    )


class _Resampled:
    """A model's calibration error on all rows and in each resample."""

    def __init__(self, binned: BinnedProbabilities, rows: int) -> None:
        self._binned = binned
        self._whole = binned.distances(np.ones((1, rows)))
        self._errors: list[Floats] = []
        self._chance: list[Floats] = []

    @classmethod
    def of(cls, scored: Scored) -> _Resampled:
        proba, classes = require_proba(scored)
        return cls(BinnedProbabilities(proba, scored.truth, classes), len(proba))

    def add(self, weights: Floats) -> None:
        """Resamples (b, n) of the rows."""
        distances = self._binned.distances(weights)
        self._errors.append(total_distance(distances))
        self._chance.append(total_distance(distances - self._whole))

    @property
    def resampled(self) -> Floats:
        """The error in each resample, what chance adds included."""
        return np.concatenate(self._errors)

    @property
    def by_chance(self) -> float:
        """What chance adds to the error on all rows."""
        return float(np.concatenate(self._chance).mean())

    @property
    def error(self) -> float:
        """The error on all rows, without what chance adds; 0 where that explains all of it.

        Chance adds the less the more a bin is truly off, so that a large error is understated, and
        the gate blocks a little too seldom, never too often.
        """
        return max(float(total_distance(self._whole)[0]) - self.by_chance, 0.0)
