"""The replay itself: each row is predicted by what served at its time."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from core.backtest.data import OwnParts
from core.backtest.history import History
from core.backtest.policies import BareFits, Keeper, Look, NaiveThresholds
from core.backtest.records import Event, Policy, Timeline
from core.backtest.refit import RefitPolicy
from core.backtest.timeline import make_timeline
from core.domain import ModelType, Task
from core.engines.columns import target_values
from core.engines.continuous_learning import ContinuousLearningEngine
from core.engines.metrics import Metric, get_metric
from core.engines.own_metrics import OwnMetric

OnStep = Callable[[int, Mapping[Policy, Look]], None]


@dataclass(frozen=True, kw_only=True)
class Replay:
    """What happened under each policy, and what it predicted.

    Attributes
    ----------
    model_type : ModelType
    metric : Metric
        That the figures are told in.
    timeline : Timeline
    until : datetime
        Time of the last row.
    truth : ndarray of shape (n,)
        Targets of the labelled rows, in the order of time.
    spans : tuple of slice
        Which of them each step predicted.
    predicted : mapping of Policy to ndarray of shape (n,)
        Undefined for the rows before the start.
    looks : mapping of Policy to tuple of Look
        One for each step.
    """

    model_type: ModelType
    metric: Metric
    timeline: Timeline
    until: datetime
    truth: NDArray[Any]
    spans: tuple[slice, ...]
    predicted: Mapping[Policy, NDArray[Any]]
    looks: Mapping[Policy, tuple[Look, ...]]

    @property
    def events(self) -> tuple[Event, ...]:
        """What Refit did, step by step."""
        return tuple(look.event for look in self.looks.get(Policy.REFIT, ()) if look.event)


def replay(
    frame: pd.DataFrame,
    model_type: ModelType,
    *,
    start: datetime,
    step: timedelta,
    seed: int | None = None,
    policies: Collection[Policy] = tuple(Policy),
    own: OwnParts | None = None,
    on_step: OnStep | None = None,
) -> Replay:
    """Go through history, and write nothing.

    Each step does what the worker does with a training job that nobody forced: it checks the
    champion as of that time, by the labels that were known then, and trains, validates and deploys
    where it has to.

    Parameters
    ----------
    frame : DataFrame of n rows
        All rows, in any order, as :func:`core.datasets.read_rows` gives them.
    model_type : ModelType
        Its cool-down and budget count.
    start : datetime
        When the first models are trained (:func:`core.backtest.timeline.first_training`).
    step : timedelta
        From look to look.
    seed : int or None
        In place of the model type's own.
    policies : collection of Policy
    own : OwnParts or None
        Engines and metrics of the user's own.
    on_step : callable or None
        Told after each step, counted from 0, what each policy did.

    Returns
    -------
    Replay

    Raises
    ------
    RefitError
        The first model may not serve, or the rows cannot be learnt from.

    Examples
    --------
    >>> from core.engines.example_rows import example_rows, example_type
    >>> from datetime import UTC
    >>> found = replay(example_rows(480), example_type(), start=datetime(2026, 1, 15, tzinfo=UTC),
    ...     step=timedelta(days=2), policies=(Policy.NEVER, Policy.REFIT))
    >>> len(found.timeline.moments), str(found.events[0].action)
    (3, 'deployed')
    """
    if seed is not None:
        model_type = replace(model_type, random_seed=seed)
    history = History(frame, model_type)
    timeline = make_timeline(start, history.happened[-1], step)
    own = own or OwnParts()
    engine = ContinuousLearningEngine(model_type, factories=own.factories, metrics=own.metrics)
    keepers = {policy: _keeper(policy, history, engine, own) for policy in policies}
    truth = target_values(history.labelled, model_type.target_column, model_type.task)
    predicted = {policy: np.empty_like(truth) for policy in keepers}
    looks: dict[Policy, list[Look]] = {policy: [] for policy in keepers}
    spans = []
    # So small a data set gains nothing from more, and two replays may run side by side.
    with threadpool_limits(1):
        for number, moment in enumerate(timeline.moments):
            span = history.to_predict(moment, moment + step)
            rows = history.labelled.iloc[span]
            for policy, keeper in keepers.items():
                looks[policy].append(keeper.look(moment))
                predicted[policy][span] = keeper.model.predict(rows)
            spans.append(span)
            if on_step is not None:
                on_step(number, {policy: done[-1] for policy, done in looks.items()})
    return Replay(
        model_type=model_type,
        metric=told_metric(model_type, own.metrics),
        timeline=timeline,
        until=history.last,
        truth=truth,
        spans=tuple(spans),
        predicted=predicted,
        looks={policy: tuple(done) for policy, done in looks.items()},
    )


def told_metric(model_type: ModelType, metrics: Mapping[str, OwnMetric] | None = None) -> Metric:
    """The metric that figures are told in: accuracy for classes, for a number its model type's.

    Parameters
    ----------
    model_type : ModelType
    metrics : mapping of str to OwnMetric, or None
        The user's own.

    Returns
    -------
    Metric

    Raises
    ------
    InvalidRequest
        When the model type's metric is not known or not allowed.

    Examples
    --------
    >>> kind = ModelType(name="a", source_relation="a", key_columns=("id",), time_column="at",
    ...     target_column="y", feature_columns=("x",), task=Task.CLASSIFICATION, metric="f1")
    >>> told_metric(kind).name
    'accuracy'
    """
    name = "accuracy" if model_type.task is Task.CLASSIFICATION else model_type.metric
    return get_metric(name, model_type.task, metrics)


def steps_of(
    frame: pd.DataFrame, model_type: ModelType, *, start: datetime, step: timedelta
) -> int:
    """How many steps a replay will have.

    Parameters
    ----------
    frame, model_type, start, step
        As in :func:`replay`.

    Returns
    -------
    int
        At least 1.

    Raises
    ------
    InvalidRequest
        The data ends within the first step.

    Examples
    --------
    >>> from core.engines.example_rows import example_rows, example_type
    >>> from datetime import UTC
    >>> steps_of(example_rows(48), example_type(), start=datetime(2026, 1, 1, tzinfo=UTC),
    ...     step=timedelta(hours=12))
    4
    """
    return len(make_timeline(start, History(frame, model_type).happened[-1], step).moments)


def _keeper(
    policy: Policy, history: History, engine: ContinuousLearningEngine, own: OwnParts
) -> Keeper:
    match policy:
        case Policy.NEVER:
            return BareFits(history, engine, every_step=False)
        case Policy.REFIT:
            return RefitPolicy(history, engine, metrics=own.metrics)
        case Policy.EVERY_STEP:
            return BareFits(history, engine, every_step=True)
        case Policy.NAIVE:
            return NaiveThresholds(history, engine, metrics=own.metrics)
