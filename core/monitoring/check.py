"""A check of the champion: what its labels, its rows and their drift say, and what follows.

Workers and backtests run this very code. Nothing is read or stored here: rows and the state of the
last check come in, the check and the next state go out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pandas as pd

from core.domain import ModelType, MonitorState, PerformanceCheck, Reference
from core.engines.columns import as_times
from core.engines.fitted_model import FittedModel
from core.engines.metrics import Metric, get_metric
from core.engines.own_metrics import OwnMetric
from core.engines.time_split import is_after, utc
from core.monitoring.check_reasons import levels_in_words, with_more
from core.monitoring.drift_windows import DriftTracker
from core.monitoring.label_evidence import LabelEvidence, weigh_labels
from core.monitoring.performance import judge_by_test
from core.monitoring.profile import ReferenceProfile
from core.monitoring.sequential import EDetector
from core.monitoring.single_look import without_verdict
from core.monitoring.unlabelled import Signals, read_signals


@dataclass(frozen=True, kw_only=True)
class Watched:
    """The champion as a check needs it.

    Attributes
    ----------
    model : FittedModel
        The fit that serves.
    reference : Reference
    profile : ReferenceProfile or None
        From the artifact's metadata; None for models of before there were profiles.
    since : datetime
        Its training has seen all rows up to then (``champion.window_end``).
    monitor : MonitorState or None
    """

    model: FittedModel
    reference: Reference
    profile: ReferenceProfile | None
    since: datetime
    monitor: MonitorState | None

    @property
    def state(self) -> Mapping[str, Any]:
        """What the last check left behind."""
        return {} if self.monitor is None else self.monitor.state


@dataclass(frozen=True, kw_only=True)
class Checked:
    """A check, and the state to store with it; None where nothing may be stored."""

    check: PerformanceCheck
    state: dict[str, Any] | None


def read_labels_from(
    watched: Watched, model_type: ModelType, *, as_of: datetime, window: timedelta
) -> datetime:
    """The label time after which ``labelled`` must hold every row, so that none is left out.

    That is the check's window and the usual delay before it, since early labels wait for their
    like; and what the sequential test may still count: the last seven days and the usual delay, or
    all since the last check where that is longer ago.

    Parameters
    ----------
    watched : Watched
    model_type : ModelType
    as_of : datetime
    window : timedelta

    Returns
    -------
    datetime

    Examples
    --------
    >>> from core.engines.example_rows import example_type
    >>> watched = Watched(model=None, reference=None, profile=None, since=datetime(2026, 1, 1),
    ...     monitor=None)
    >>> week = timedelta(days=7)
    >>> str(read_labels_from(watched, example_type(), as_of=datetime(2026, 2, 1), window=week))
    '2026-01-01 00:00:00'
    """
    delay = usual_delay(watched, model_type)
    start = as_of - window - delay
    if watched.monitor is not None and "sequential" not in watched.state:
        return start  # no sequential test: only the window is looked at
    test = watched.state.get("sequential")
    closed = None if test is None else EDetector.from_state(test).closed_until
    if closed is None:  # it has not counted anything yet
        return min(watched.since, start)
    return min(closed - delay, start)


def read_rows_from(
    watched: Watched, model_type: ModelType, *, as_of: datetime, window: timedelta
) -> datetime:
    """The time after which ``recent`` must hold every row.

    That is the check's window, and the usual delay before it: a window of rows that are old enough
    to have their label, which tells whether labels speak for all rows. Where labels take longer
    than the window, no row of the window itself could tell.

    Parameters
    ----------
    watched : Watched
    model_type : ModelType
    as_of : datetime
    window : timedelta

    Returns
    -------
    datetime

    Examples
    --------
    >>> from core.engines.example_rows import example_type
    >>> watched = Watched(model=None, reference=None, profile=None, since=datetime(2026, 1, 1),
    ...     monitor=None)
    >>> kind, week = example_type(label_delay=timedelta(days=30)), timedelta(days=7)
    >>> str(read_rows_from(watched, kind, as_of=datetime(2026, 3, 10), window=week))
    '2026-02-01 00:00:00'
    """
    return as_of - window - usual_delay(watched, model_type)


def usual_delay(watched: Watched, model_type: ModelType) -> timedelta:
    """How long after a row's time its label is usually known: the 95th percentile.

    Examples
    --------
    >>> from core.engines.example_rows import example_type
    >>> watched = Watched(model=None, reference=None, profile=None, since=datetime(2026, 1, 1),
    ...     monitor=None)
    >>> usual_delay(watched, example_type(label_delay=timedelta(days=2))).days
    2
    """
    if watched.profile is None:
        return model_type.label_delay
    return timedelta(seconds=watched.profile.usual_delay_seconds)


def check_champion(
    *,
    model_type: ModelType,
    watched: Watched | None,
    labelled: pd.DataFrame,
    recent: pd.DataFrame,
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
    labelled : DataFrame of n rows
        Whose label became known after :func:`read_labels_from` and by ``as_of``.
    recent : DataFrame of m rows
        All rows whose own time is after :func:`read_rows_from` and no later than ``as_of``,
        whatever their target.
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

    Examples
    --------
    >>> from core.domain import Task
    >>> kind = ModelType(
    ...     name="t", source_relation="public.t", key_columns=("id",), time_column="at",
    ...     target_column="y", feature_columns=("a",), task=Task.REGRESSION, metric="mae",
    ... )
    >>> found = check_champion(
    ...     model_type=kind, watched=None, labelled=pd.DataFrame(), recent=pd.DataFrame(),
    ...     as_of=datetime(2026, 1, 8), window=timedelta(days=7),
    ... )
    >>> found.check.needs_retraining, found.state
    (True, None)
    """
    metric = get_metric(model_type.metric, model_type.task, metrics)
    wanted = model_type.retraining_threshold if threshold is None else threshold
    if watched is None:
        nothing = without_verdict(metric, None, wanted, 0, "No model is deployed.")
        return Checked(check=replace(nothing, needs_retraining=True), state=None)
    own_question = threshold is not None or custom_window
    is_past = watched.monitor is not None and utc(as_of) < utc(watched.monitor.seen_until)
    rows = labelled
    if len(rows):
        rows = rows[is_after(rows, model_type, watched.since)]
    evidence = weigh_labels(
        model_type,
        metric,
        watched.model,
        watched.reference,
        rows=rows,
        recent=recent,
        delay=usual_delay(watched, model_type),
        usual_coverage=None if watched.profile is None else watched.profile.label_coverage,
        as_of=as_of,
        window=window,
        threshold=wanted,
        state=None if is_past else watched.state.get("sequential", {}),
        repeats=not own_question,
    )
    signals = Signals(state={})
    if watched.profile is not None and not is_past:
        signals = read_signals(
            model_type,
            watched.model,
            watched.profile,
            labelled=rows,
            recent=_happened_after(recent, model_type, as_of - window),
            since=watched.since,
            as_of=as_of,
            window=window,
            state=watched.state,
        )
    check = _conclude(metric, evidence, signals, own_question=own_question)
    if own_question or is_past:
        return Checked(check=check, state=None)
    state = {**watched.state, **evidence.state, **signals.state}
    return Checked(check=check, state=state)


def _happened_after(rows: pd.DataFrame, model_type: ModelType, start: datetime) -> pd.DataFrame:
    if not len(rows):
        return rows
    inside = (as_times(rows[model_type.time_column]) > utc(start)).to_numpy(dtype=bool)
    return rows if inside.all() else rows[inside]  # the usual case, spared a copy of the frame


def _conclude(
    metric: Metric, evidence: LabelEvidence, signals: Signals, *, own_question: bool
) -> PerformanceCheck:
    look, test = evidence.look, evidence.test
    found = replace(
        look, maturity=evidence.maturity, drift=signals.drift, estimate=signals.estimate
    )
    if own_question:
        if test is None:
            return found
        says = f"In the checks that repeat, {levels_in_words(test)}."
        alarm = test.level >= test.alarm_at
        return replace(found, sequential=test, alarm=alarm, reason=with_more(found, says))
    if test is None:
        found = replace(found, alarm=found.needs_retraining)
    else:
        found = judge_by_test(found, test, metric.label)
    return replace(
        found,
        needs_retraining=found.needs_retraining or signals.start_training,
        reason=with_more(found, *signals.reasons),
    )


def state_after_attempt(state: Mapping[str, Any], at: datetime) -> dict[str, Any]:
    """The state once a training was begun: what was seen up to then starts no further one.

    Parameters
    ----------
    state : mapping
        What a check left behind; may be empty.
    at : datetime
        When the training was begun (its ``as_of``).

    Returns
    -------
    dict
        A JSON object; the alarm stands as it did.

    Examples
    --------
    >>> after = state_after_attempt({"sequential": EDetector.start(0.2).as_state()},
    ...                             datetime(2026, 1, 8))
    >>> after["sequential"]["attempt_bucket"], after["attempt_at"]
    (122766, '2026-01-08T00:00:00+00:00')
    """
    after = dict(state) | {"attempt_at": utc(at).isoformat()}
    if "sequential" in after:
        test = EDetector.from_state(after["sequential"])
        after["sequential"] = test.after_attempt(at).as_state()
    if "drift" in after:
        after["drift"] = DriftTracker.from_state(after["drift"]).after_attempt().as_state()
    return after
