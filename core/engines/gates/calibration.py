"""Probabilities that say what they mean: the challenger's calibration against the champion's."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.domain import ValidationVerdict
from core.engines.comparison import resamples
from core.engines.gates.judged import Judged, judged
from core.engines.metrics import Scored
from core.engines.paired_tests import resampled_bounds

BINS = 10
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

    Measured by the expected calibration error with 10 bins of equal mass (Naeini, Cooper and
    Hauskrecht 2015, "Obtaining Well Calibrated Probabilities Using Bayesian Binning"; equal mass
    as in Nguyen and O'Connor 2015, "Posterior calibration and exploratory analysis for natural
    language processing models"). It fails when the error is surely larger (paired bootstrap,
    bound at ``alpha``) and by more than the margin, and its probabilities are no better on the
    whole either (Brier 1950, "Verification of forecasts expressed in terms of probability"): a
    model that knows more after a change may be surer than it should be and still the better guide
    to what will happen. So harm has to be shown, not harmlessness:
    that the model is as good is for the comparison to show, and no hundred rows could ever show
    that two models are calibrated equally well.

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
    ours, theirs = _Binned(challenger), _Binned(champion)
    whole = np.ones((1, len(challenger.truth)))
    error, before = float(ours.error(whole)[0]), float(theirs.error(whole)[0])
    gain = before - error
    values = np.concatenate(
        [
            theirs.error(weights) - ours.error(weights)
            for weights in resamples(len(challenger.truth), seed, entities=entities)
        ]
    )
    units = len(challenger.truth) if entities is None else len(np.unique(entities))
    spread = values - values.mean()
    # Resampling adds to both errors, to the smaller one more: only its spread is used.
    lower, upper, _ = resampled_bounds(gain + spread, gain, units=units, alpha=alpha)
    sharper = _brier(champion) - _brier(challenger)
    worse = upper < 0 and gain < -CALIBRATION_MARGIN and sharper <= 0
    direction = "better" if gain >= 0 else "worse"
    return judged(
        "calibration",
        ValidationVerdict.REJECTED if worse else ValidationVerdict.APPROVED,
        f"Its confidence is off by {error:.3f} on average, the champion's by {before:.3f}, on "
        f"{len(challenger.truth):,} rows: {abs(gain):.3f} {direction} "
        f"({100 * (1 - 2 * alpha):.3g} % interval of the gain {lower:+.3f} to {upper:+.3f}).",
        value=gain,
        threshold=-CALIBRATION_MARGIN,
        interval=(lower, upper),
        figures={
            "outcome": "worse" if worse else "as_good",
            "measure": "expected_calibration_error",
            "bins": BINS,
            "challenger": error,
            "champion": before,
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


class _Binned:
    """A model's confidence in its answers, cut into bins of equal mass."""

    def __init__(self, scored: Scored) -> None:
        proba = np.asarray(scored.proba)
        column = {name: position for position, name in enumerate(scored.classes or ())}
        chosen = np.array([column[name] for name in scored.predicted.tolist()], dtype=np.intp)
        confidence = proba[np.arange(len(proba)), chosen]
        right = scored.truth == scored.predicted
        # Equal confidences belong together: a bin's edge moves to the end of such a run.
        edges = np.quantile(confidence, np.arange(1, BINS) / BINS, method="inverted_cdf")
        at = np.searchsorted(np.unique(edges), confidence, side="left")
        self.off = (at[:, np.newaxis] == np.arange(BINS)) * (right - confidence)[:, np.newaxis]

    def error(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """The calibration error under each weighting, (b, n) → (b,)."""
        return np.asarray(np.abs(weights @ self.off).sum(axis=1) / weights.sum(axis=1))
