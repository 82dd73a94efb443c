"""A check of the champion: what its labels, its rows and their drift say, and what follows.

Workers and backtests run this very code. Nothing is read or stored here: rows and the state of the
last check come in, the check and the next state go out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from core.domain import ModelType, PerformanceCheck
from core.engines.metrics import Metric, get_metric
from core.engines.own_metrics import OwnMetric
from core.monitoring.check_reasons import levels_in_words, with_more
from core.monitoring.check_rows import CheckRows
from core.monitoring.counted_labels import counted_labels
from core.monitoring.label_evidence import LabelEvidence, weigh_labels
from core.monitoring.performance import judge_by_test
from core.monitoring.single_look import without_verdict
from core.monitoring.unlabelled import NO_SIGNALS, Signals, read_signals
from core.monitoring.watched import Watched, state_after_attempt

__all__ = ["Checked", "Watched", "check_champion", "state_after_attempt"]


@dataclass(frozen=True, kw_only=True)
class Checked:
    """A check, and what it leaves behind.

    Attributes
    ----------
    check : PerformanceCheck
    state : dict or None
        The JSON object to store for the next check; None where nothing may be stored.
    """

    check: PerformanceCheck
    state: dict[str, Any] | None


def check_champion(
    *,
    model_type: ModelType,
    watched: Watched | None,
    rows: CheckRows,
    as_of: datetime,
    window: timedelta,
    threshold: float | None = None,
    custom_window: bool = False,
    metrics: Mapping[str, OwnMetric] | None = None,
) -> Checked:
    """Judge the champion as of a time.

    Parameters
    ----------
    model_type : ModelType
    watched : Watched or None
        None where nothing serves: then a first training is what is needed.
    rows : CheckRows
        Those that :func:`core.monitoring.check_rows.rows_needed` asks for.
    as_of : datetime
    window : timedelta
        Of the single look, of drift and of the estimate.
    threshold : float or None
        The request's own, in place of the model type's ``retraining_threshold``.
    custom_window : bool
        Whether ``window`` is the request's own.
    metrics : mapping of str to OwnMetric, or None
        The allow-listed metrics of the user's own.

    Returns
    -------
    Checked
        The sequential test decides; where the reference is too small for it or the metric has no
        bounded loss, a single look at p < .001. Drift and estimates may ask for a training too.
        A request with its own threshold or window gets the verdict of the single look, and as one
        of a time before the last check it changes no state.

    Raises
    ------
    DataError
        When the rows are not what the model needs.
    InvalidRequest
        When the metric is not known or not allowed, or one of the user's own fails.

    Examples
    --------
    >>> from core.domain import Task
    >>> kind = ModelType(
    ...     name="t", source_relation="public.t", key_columns=("id",), time_column="at",
    ...     target_column="y", feature_columns=("a",), task=Task.REGRESSION, metric="mae",
    ... )
    >>> found = check_champion(
    ...     model_type=kind, watched=None, rows=CheckRows(), as_of=datetime(2026, 1, 8),
    ...     window=timedelta(days=7),
    ... )
    >>> found.check.needs_retraining, found.state
    (True, None)
    """
    metric = get_metric(model_type.metric, model_type.task, metrics)
    wanted = model_type.retraining_threshold if threshold is None else threshold
    if watched is None:
        return Checked(check=_first_training(metric, wanted), state=None)
    own_question = threshold is not None or custom_window
    is_past = watched.saw(as_of)
    counted = counted_labels(model_type, watched, rows, as_of=as_of)
    evidence = weigh_labels(
        model_type,
        metric,
        watched,
        counted,
        as_of=as_of,
        window=window,
        threshold=wanted,
        repeats=not own_question,
    )
    signals = NO_SIGNALS
    if watched.profile is not None and not is_past:
        signals = read_signals(
            model_type,
            watched,
            watched.profile,
            counted=counted,
            recent=rows.recent,
            waiting=rows.waiting,
            as_of=as_of,
            window=window,
        )
    check = _conclude(metric, evidence, signals, own_question=own_question, is_past=is_past)
    if own_question or is_past:
        return Checked(check=check, state=None)
    state = {**watched.state, **evidence.state, **signals.state}
    return Checked(check=check, state=state)


def _first_training(metric: Metric, threshold: float) -> PerformanceCheck:
    reason = "No model is deployed."
    nothing = without_verdict(metric, None, threshold, 0, reason, outcome="no_model")
    return replace(nothing, needs_retraining=True)


def _conclude(
    metric: Metric,
    evidence: LabelEvidence,
    signals: Signals,
    *,
    own_question: bool,
    is_past: bool,
) -> PerformanceCheck:
    look, test = evidence.look, evidence.test
    found = replace(
        look,
        drift=signals.drift,
        estimate=signals.estimate,
        figures={**look.figures, "drift_stands": signals.drift_stands},
    )
    if own_question:
        if test is None:
            return found
        says = f"In the checks that repeat, {levels_in_words(test)}."
        alarm = test.level >= test.alarm_at
        return replace(found, sequential=test, alarm=alarm, reason=with_more(found, says))
    if test is None:
        # Of a time before the last check the test cannot be asked: its looks are one's own choice.
        found = replace(found, alarm=found.needs_retraining and not is_past)
    else:
        found = judge_by_test(found, test, metric.label)
    return replace(
        found,
        needs_retraining=found.needs_retraining or signals.start_training,
        reason=with_more(found, *signals.reasons),
    )
