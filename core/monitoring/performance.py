"""Has the champion really got worse, or is it chance?

A single look answers a person who asks now: the metric of the window with its interval and the
chance of such a drop. Checks repeat, and a single look that repeats calls chance a drop sooner or
later; so where the sequential test (:mod:`core.monitoring.sequential`) can watch the metric, it
decides, and the look stands beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pandas as pd

from core.domain import CheckVerdict, ModelType, PerformanceCheck, Reference, SequentialTest
from core.engines.fitted_model import FittedModel
from core.engines.metrics import get_metric
from core.engines.own_metrics import OwnMetric
from core.monitoring.check_reasons import levels_in_words, values_in_words
from core.monitoring.single_look import (
    LEAST_REFERENCE,
    LEAST_ROWS,
    look_once,
    without_verdict,
)

__all__ = ["LEAST_REFERENCE", "LEAST_ROWS", "check_performance", "judge_by_test"]


def check_performance(
    *,
    model_type: ModelType,
    model: FittedModel | None,
    frame: pd.DataFrame,
    reference: Reference | None,
    threshold: float | None = None,
    metrics: Mapping[str, OwnMetric] | None = None,
) -> PerformanceCheck:
    """Judge the served model on newly labelled rows against its reference, in a single look.

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
    metrics : mapping of str to OwnMetric, or None
        The allow-listed metrics of the user's own.

    Returns
    -------
    PerformanceCheck
        As :func:`look_once` has it.

    Raises
    ------
    DataError
        When the frame lacks a feature of the model, or its target holds something else.
    InvalidRequest
        When the metric is not known or not allowed, or one of the user's own fails.

    Examples
    --------
    >>> from core.domain import Task
    >>> kind = ModelType(
    ...     name="t", source_relation="public.t", key_columns=("id",), time_column="at",
    ...     target_column="y", feature_columns=("a",), task=Task.REGRESSION, metric="mae",
    ... )
    >>> nothing = check_performance(
    ...     model_type=kind, model=None, frame=pd.DataFrame(), reference=None
    ... )
    >>> str(nothing.verdict), nothing.reason
    ('insufficient_data', 'No model is deployed.')
    """
    threshold = model_type.retraining_threshold if threshold is None else threshold
    metric = get_metric(model_type.metric, model_type.task, metrics)
    if model is None:
        return without_verdict(
            metric, None, threshold, len(frame), "No model is deployed.", outcome="no_model"
        )
    if reference is None or reference.metric != metric.name:
        return look_once(metric, None, reference, threshold, seed=0, rows=len(frame))
    scored = model.scored(frame) if len(frame) else None
    return look_once(
        metric, scored, reference, threshold, seed=model_type.random_seed, rows=len(frame)
    )


def judge_by_test(look: PerformanceCheck, test: SequentialTest, label: str) -> PerformanceCheck:
    """The same figures, with the sequential test's verdict in place of the look's.

    Parameters
    ----------
    look : PerformanceCheck
        Of the window; it may be without a verdict for want of rows.
    test : SequentialTest
    label : str
        The metric's, for people.

    Returns
    -------
    PerformanceCheck
        ``degraded``: the level since the deployment has reached the alarm's. ``inconclusive``: one
        of the levels has reached the training's. Otherwise ``healthy``, or ``insufficient_data``
        where the window has too few rows. ``needs_retraining`` goes by the level since the last
        attempt.

    Examples
    --------
    >>> look = without_verdict(get_metric("accuracy"), None, 0.03, 12, "12 newly labelled rows.",
    ...                        outcome="too_few_rows")
    >>> test = SequentialTest(
    ...     level=6000.0, attempt_level=2.0, training_at=1000, alarm_at=5000, limit=0.2,
    ...     labels=700, new_labels=12,
    ... )
    >>> check = judge_by_test(look, test, "accuracy")
    >>> str(check.verdict), check.alarm, check.needs_retraining
    ('degraded', True, False)
    """
    alarm = test.level >= test.alarm_at
    if alarm:
        verdict = CheckVerdict.DEGRADED
    elif max(test.level, test.attempt_level) >= test.training_at:
        verdict = CheckVerdict.INCONCLUSIVE
    elif look.verdict is CheckVerdict.INSUFFICIENT_DATA:
        verdict = CheckVerdict.INSUFFICIENT_DATA
    else:
        verdict = CheckVerdict.HEALTHY
    return replace(
        look,
        verdict=verdict,
        needs_retraining=test.attempt_level >= test.training_at,
        alarm=alarm,
        sequential=test,
        reason=_reason_of_test(look, test, label, verdict),
    )


def _reason_of_test(
    look: PerformanceCheck, test: SequentialTest, label: str, verdict: CheckVerdict
) -> str:
    if verdict is CheckVerdict.INSUFFICIENT_DATA:
        return look.reason
    says = levels_in_words(test)
    if look.current is None or look.baseline is None or look.degradation is None:
        return f"{look.reason} But {says}."
    values = values_in_words(
        label,
        current=look.current,
        rows=look.samples,
        baseline=look.baseline,
        p_value=None if look.degradation <= 0 else look.p_value,
    )
    return f"{values}; {says}."
