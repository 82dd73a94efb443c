"""Has the champion really got worse, or is it chance? A single look at newly labelled rows."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite

import pandas as pd

from core.domain import CheckVerdict, ModelType, PerformanceCheck, Reference
from core.engines.fitted_model import FittedModel
from core.engines.metrics import Metric, get_metric, score
from core.monitoring.change import Change, measure_change

# Fewer new rows, or a smaller reference, say nothing either way.
LEAST_ROWS = 30
LEAST_REFERENCE = 100
# A smaller reference is mostly its own noise, which every later look repeats: one strict level.
FULL_REFERENCE = 500
LOW_POWER_LEVEL = 0.001
# Looks repeat: at .01 with weekly looks a model that has not changed starts about one needless
# training in two years (and the threshold has to be passed as well). A training costs little, since
# a challenger is deployed only if it is better; a missed drop costs until the next look.
LEVEL = 0.01


@dataclass(frozen=True, kw_only=True)
class _Judgement:
    verdict: CheckVerdict
    note: str


def check_performance(
    *,
    model_type: ModelType,
    model: FittedModel | None,
    frame: pd.DataFrame,
    reference: Reference | None,
    threshold: float | None = None,
) -> PerformanceCheck:
    """Judge the served model on newly labelled rows against its reference.

    Parameters
    ----------
    model_type : ModelType
    model : FittedModel or None
        The served model; None where nothing is deployed.
    frame : DataFrame of n rows
        Labelled in the window and after the served model's cut-off.
    reference : Reference or None
        What the model scored on its holdout, stored with the deployment.
    threshold : float or None
        Degradation that matters, in place of the model type's ``retraining_threshold``.

    Returns
    -------
    PerformanceCheck
        ``degraded``: the metric is worse by the threshold or more, and that is no chance
        (one-sided p < .01; p < .001 with a reference of 100 to 499 rows). ``healthy``: it is not
        worse, or the 95 % interval of the degradation excludes the threshold. ``inconclusive``:
        in between.
    """
    threshold = model_type.retraining_threshold if threshold is None else threshold
    metric = get_metric(model_type.metric, model_type.task)
    if model is None or reference is None:
        return _without_verdict(metric, reference, threshold, len(frame), "No model is deployed.")
    if reference.metric != metric.name:
        reason = (
            f"The deployed model was judged by {reference.metric}, the model type asks for "
            f"{metric.name}: deploy a newly trained model to get a reference."
        )
        return _without_verdict(metric, reference, threshold, len(frame), reason)
    if len(frame) < LEAST_ROWS or reference.samples < LEAST_REFERENCE:
        return _too_few(metric, model, frame, reference, threshold)
    change = measure_change(metric, model.scored(frame), reference, seed=model_type.random_seed)
    if not change.is_defined:
        reason = f"{metric.label} is not defined on these {len(frame):,} rows (a single class?)."
        return _without_verdict(metric, reference, threshold, len(frame), reason)
    low_power = reference.samples < FULL_REFERENCE
    judgement = _judge(change, threshold, LOW_POWER_LEVEL if low_power else LEVEL)
    return PerformanceCheck(
        verdict=judgement.verdict,
        needs_retraining=judgement.verdict is CheckVerdict.DEGRADED,
        metric=metric.name,
        baseline=reference.value,
        current=change.current,
        degradation=change.degradation,
        confidence_interval=(change.lower, change.upper),
        p_value=change.p_value,
        samples=len(frame),
        threshold=threshold,
        low_power=low_power,
        reason=_in_words(metric, change, reference, len(frame), judgement, low_power=low_power),
    )


def _judge(change: Change, threshold: float, level: float) -> _Judgement:
    if change.degradation >= threshold and change.degradation > 0 and change.p_value < level:
        return _Judgement(verdict=CheckVerdict.DEGRADED, note="that is a real drop")
    if change.degradation <= 0:
        return _Judgement(verdict=CheckVerdict.HEALTHY, note="it is not worse")
    if change.upper < threshold:
        return _Judgement(
            verdict=CheckVerdict.HEALTHY, note="too small a drop to matter, and surely so"
        )
    note = "too likely to be chance" if change.p_value >= level else "a drop too small to matter"
    return _Judgement(verdict=CheckVerdict.INCONCLUSIVE, note=f"{note}, so it does not decide")


def _in_words(
    metric: Metric,
    change: Change,
    reference: Reference,
    rows: int,
    judgement: _Judgement,
    *,
    low_power: bool,
) -> str:
    values = (
        f"{metric.label} {change.current:.3g} on {rows:,} rows, {reference.value:.3g} at deployment"
    )
    if change.degradation <= 0:
        return f"{values}: {judgement.note}."
    chance = f"a drop this size by chance: {_odds(change.p_value)}"
    weak = f" (only {reference.samples:,} rows at deployment: stricter)" if low_power else ""
    return f"{values}; {chance}{weak}; {judgement.note}."


def _odds(p_value: float) -> str:
    """1 in N, with two leading digits."""
    if p_value < 1e-6:
        return "less than 1 in 1,000,000"
    times = 1 / p_value
    return f"1 in {times:,.1f}" if times < 10 else f"1 in {float(f'{times:.2g}'):,.0f}"


def _too_few(
    metric: Metric, model: FittedModel, frame: pd.DataFrame, reference: Reference, threshold: float
) -> PerformanceCheck:
    if len(frame) < LEAST_ROWS:
        reason = f"{len(frame):,} newly labelled rows; {LEAST_ROWS} are needed for a verdict."
    else:
        reason = (
            f"The model was judged on {reference.samples:,} rows when it was deployed; "
            f"{LEAST_REFERENCE} are needed to compare with."
        )
    current = score(metric, model.scored(frame)) if len(frame) else None
    return _without_verdict(metric, reference, threshold, len(frame), reason, current=current)


def _without_verdict(
    metric: Metric,
    reference: Reference | None,
    threshold: float,
    rows: int,
    reason: str,
    *,
    current: float | None = None,
) -> PerformanceCheck:
    if current is not None and not isfinite(current):  # not defined on so few rows
        current = None
    return PerformanceCheck(
        verdict=CheckVerdict.INSUFFICIENT_DATA,
        needs_retraining=False,
        metric=metric.name,
        baseline=None if reference is None else reference.value,
        current=current,
        degradation=None,
        confidence_interval=None,
        p_value=None,
        samples=rows,
        threshold=threshold,
        low_power=False,
        reason=reason,
    )
