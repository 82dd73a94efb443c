"""The gates of a validation, one function each, and what a failed one means."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.dummy import DummyClassifier, DummyRegressor

from core.domain import DataQuality, Gate, ModelType, Task, ValidationVerdict
from core.engines.comparison import Comparison, compare
from core.engines.metrics import Metric, Scored

# Below this, a paired comparison says next to nothing, whatever its numbers.
LEAST_COMMON_ROWS = 30
# A challenger that is worse by less than this is as good as the champion.
NON_INFERIORITY = 0.015


@dataclass(frozen=True, kw_only=True)
class Judged:
    """A gate and the verdict that it alone would give."""

    gate: Gate
    verdict: ValidationVerdict


@dataclass(frozen=True, kw_only=True)
class ReloadCheck:
    """Predictions (n,) of the same rows: recorded after training, and by the reloaded artifact."""

    recorded: NDArray[Any]
    reloaded: NDArray[Any]


def _judged(
    name: str,
    verdict: ValidationVerdict,
    detail: str,
    *,
    value: float | None = None,
    threshold: float | None = None,
) -> Judged:
    if value is not None and not np.isfinite(value):
        value = None
    passed = verdict is ValidationVerdict.APPROVED
    gate = Gate(name=name, passed=passed, value=value, threshold=threshold, detail=detail)
    return Judged(gate=gate, verdict=verdict)


def enough_rows(training_rows: int, holdout_rows: int, model_type: ModelType) -> Judged:
    """Enough rows to learn from and to judge on."""
    least = model_type.min_training_samples
    enough = training_rows >= least and holdout_rows >= LEAST_COMMON_ROWS
    return _judged(
        "enough_rows",
        ValidationVerdict.APPROVED if enough else ValidationVerdict.INCONCLUSIVE,
        f"{training_rows:,} rows in the training window ({least:,} needed), {holdout_rows:,} of "
        f"them held out to judge ({LEAST_COMMON_ROWS} needed).",
        value=float(training_rows),
        threshold=float(least),
    )


def data_quality(quality: DataQuality) -> Judged:
    """Nothing in the training data forbids using it."""
    blocking = [finding.detail for finding in quality.findings if finding.blocking]
    detail = " ".join(blocking) or f"The training data scores {quality.score:.2f} of 1."
    return _judged(
        "data_quality",
        ValidationVerdict.REJECTED if blocking else ValidationVerdict.APPROVED,
        detail,
        value=quality.score,
    )


def beats_baseline(
    metric: Metric, challenger: Scored, train_target: NDArray[Any], *, seed: int
) -> Judged:
    """Significantly better than a constant guess from the training rows.

    The one-sided 95 % bound has to be above 0: "at least better" would let every second model
    pass that has learnt nothing, and a first model has no other judge of its quality. Better, but
    not surely, is inconclusive.
    """
    name = "beats_baseline"
    against = compare(
        metric, challenger, _constant_guess(metric, challenger, train_target), seed=seed
    )
    if not against.is_defined:
        return _judged(name, ValidationVerdict.INCONCLUSIVE, not_computed(metric), threshold=0.0)
    verdict = ValidationVerdict.APPROVED
    if against.lower <= 0:
        better = against.improvement > 0
        verdict = ValidationVerdict.INCONCLUSIVE if better else ValidationVerdict.REJECTED
    detail = f"{in_words(metric, against, 'a constant guess')}."
    if verdict is ValidationVerdict.INCONCLUSIVE:
        rows = against.rows_that_decide(against.improvement)
        detail += f" That may be chance; about {rows:,} held-out rows would tell."
    return _judged(name, verdict, detail, value=against.improvement, threshold=0.0)


def _constant_guess(metric: Metric, challenger: Scored, train_target: NDArray[Any]) -> Scored:
    rows, train_rows = np.zeros((len(challenger.truth), 1)), np.zeros((len(train_target), 1))
    if metric.task is Task.CLASSIFICATION:
        dummy = DummyClassifier(strategy="prior").fit(train_rows, train_target)
        proba, classes = dummy.predict_proba(rows), dummy.classes_.tolist()
    else:
        # The constant that is best for the metric: the median for absolute errors.
        strategy = "median" if metric.name in {"mae", "mape"} else "mean"
        dummy = DummyRegressor(strategy=strategy).fit(train_rows, train_target)
        proba, classes = None, None
    return Scored(
        truth=challenger.truth, predicted=dummy.predict(rows), proba=proba, classes=classes
    )


def artifact_reproduces(reload: ReloadCheck) -> Judged:
    """The artifact, loaded afresh from the store, gives the recorded predictions."""
    recorded, reloaded = np.asarray(reload.recorded), np.asarray(reload.reloaded)
    if recorded.shape != reloaded.shape:
        same = 0.0
    elif np.issubdtype(recorded.dtype, np.floating):
        close = np.isclose(recorded, reloaded.astype(np.float64), rtol=1e-9, atol=1e-12)
        same = float(close.mean()) if len(recorded) else 1.0
    else:
        same = float(np.mean(recorded == reloaded)) if len(recorded) else 1.0
    return _judged(
        "artifact_reproduces",
        ValidationVerdict.APPROVED if same == 1.0 else ValidationVerdict.REJECTED,
        f"Loaded afresh from the store, the model repeats {same:.1%} of {len(recorded):,} "
        "recorded predictions.",
        value=same,
        threshold=1.0,
    )


def first_model() -> Judged:
    """Nothing to compare with yet."""
    return _judged(
        "better_than_champion",
        ValidationVerdict.APPROVED,
        "Skipped: there is no champion yet; the other gates decide.",
    )


def champion_itself() -> Judged:
    """The model that is judged serves already."""
    return _judged(
        "better_than_champion",
        ValidationVerdict.APPROVED,
        "Skipped: this is the champion itself, not compared with itself; the other gates decide.",
    )


def not_comparable(reason: str, threshold: float) -> Judged:
    """The comparison could not be made: that is no pass."""
    return _judged(
        "better_than_champion", ValidationVerdict.INCONCLUSIVE, reason, threshold=threshold
    )


def better_than_champion(metric: Metric, against: Comparison, threshold: float) -> Judged:
    """Not worse than the champion by more than the margin of non-inferiority."""
    if against.samples < LEAST_COMMON_ROWS:
        return not_comparable(
            f"Only {against.samples:,} rows are newer than what both models learnt from; "
            f"{LEAST_COMMON_ROWS} are needed to compare them.",
            threshold,
        )
    if not against.is_defined:
        return not_comparable(not_computed(metric), threshold)
    detail = f"{in_words(metric, against, 'the champion')}."
    verdict = ValidationVerdict.INCONCLUSIVE
    if against.upper < 0:
        verdict = ValidationVerdict.REJECTED
        detail += " It is worse."
    elif against.lower > 0 or against.lower > -NON_INFERIORITY:
        verdict = ValidationVerdict.APPROVED
    else:
        rows = against.rows_that_decide(threshold or NON_INFERIORITY)
        detail += f" That does not decide; about {rows:,} common rows would."
    return _judged(
        "better_than_champion", verdict, detail, value=against.improvement, threshold=threshold
    )


def is_auto_deployable(against: Comparison, threshold: float, *, champion_degraded: bool) -> bool:
    """Whether the challenger may replace the champion without a person.

    Surely better, by at least the threshold. While the champion is known to have got worse, not
    replacing it costs something too: then better on the point and not worse on the bound is enough.
    """
    if champion_degraded and against.improvement >= 0 and against.lower > -NON_INFERIORITY:
        return True
    return bool(against.improvement >= threshold and against.lower > 0 and against.p_value <= 0.05)


def in_words(metric: Metric, against: Comparison, champion: str) -> str:
    """Both values and the interval, as a person reads them."""
    sign, size = ("{:+.3f}", "{:.3f}") if metric.in_points else ("{:+.1%}", "{:.1%}")
    bounds = " to ".join(sign.format(bound) for bound in (against.lower, against.upper))
    direction = "better" if against.improvement >= 0 else "worse"
    return (
        f"{metric.label} {against.challenger:.3g} against {against.champion:.3g} of {champion} on "
        f"{against.samples:,} rows: {size.format(abs(against.improvement))} {direction} "
        f"(90 % interval of the gain {bounds})"
    )


def not_computed(metric: Metric) -> str:
    """Why a metric has no value."""
    return (
        f"{metric.label} is not defined on these rows (a single class, or a constant target), so "
        "it proves nothing."
    )
