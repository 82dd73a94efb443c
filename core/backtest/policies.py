"""The policies that Refit is compared with."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import pandas as pd

from core.backtest.history import History
from core.backtest.records import Event
from core.domain import ModelType
from core.engines.continuous_learning import ContinuousLearningEngine
from core.engines.fitted_model import FittedModel
from core.engines.metrics import degradation, get_metric, score
from core.engines.own_metrics import OwnMetric
from core.engines.time_split import plain_times
from core.engines.window_plan import window_length

# How far back a check looks when nobody says otherwise.
CHECK_WINDOW = timedelta(days=7)
_NAIVE_ROWS = 100
_NAIVE_HOLDOUT = 0.2


@dataclass(frozen=True, kw_only=True)
class Look:
    """What a policy did at one step.

    Attributes
    ----------
    retrained, deployed : bool
    seconds : float
        Spent on training, be it in vain.
    event : Event or None
        Of Refit alone.
    """

    retrained: bool = False
    deployed: bool = False
    seconds: float = 0.0
    event: Event | None = None


class Keeper(Protocol):
    """A way of keeping a model fresh, as it goes through time."""

    def look(self, moment: datetime) -> Look:
        """Do what there is to do at this time; afterwards :attr:`model` serves.

        Parameters
        ----------
        moment : datetime
            No earlier than at the look before.

        Returns
        -------
        Look
        """

    @property
    def model(self) -> FittedModel:
        """What serves now."""


class BareFits:
    """Fits of the whole window without split or judgement: the first alone, or one a step.

    Parameters
    ----------
    history : History
    engine : ContinuousLearningEngine
    every_step : bool
        False: the first fit serves for good.

    Examples
    --------
    >>> from core.engines.example_rows import example_rows, example_type
    >>> from datetime import UTC
    >>> kind = example_type()
    >>> fits = BareFits(History(example_rows(48), kind), ContinuousLearningEngine(kind),
    ...     every_step=False)
    >>> moments = [datetime(2026, 1, 2, hour, tzinfo=UTC) for hour in (0, 12)]
    >>> [fits.look(moment).retrained for moment in moments]
    [True, False]
    """

    model: FittedModel

    def __init__(
        self, history: History, engine: ContinuousLearningEngine, *, every_step: bool
    ) -> None:
        self._history = history
        self._engine = engine
        self._every_step = every_step
        self._first = True

    def look(self, moment: datetime) -> Look:
        """Fit, where it is time to.

        Parameters
        ----------
        moment : datetime

        Returns
        -------
        Look
            Whatever is fitted is deployed.

        Raises
        ------
        DataError
            The rows of the window cannot be learnt from.
        """
        if not (self._first or self._every_step):
            return Look()
        started = time.perf_counter()
        rows = training_rows(self._history, self._engine.model_type, moment)
        self.model = self._engine.fit_window(rows, seed=self._engine.model_type.random_seed)
        self._first = False
        return Look(retrained=True, deployed=True, seconds=time.perf_counter() - started)


class NaiveThresholds:
    """Retrain when the metric fell by the threshold, deploy what is better by the other one.

    No figure is ever chance: 100 rows of the last seven days against what the model scored on the
    fifth that was held out when it was trained; and the challenger against the champion on the
    newest fifth of its window.

    Parameters
    ----------
    history : History
    engine : ContinuousLearningEngine
    metrics : mapping of str to OwnMetric

    Examples
    --------
    >>> from core.engines.example_rows import example_rows, example_type
    >>> from datetime import UTC
    >>> kind = example_type()
    >>> naive = NaiveThresholds(History(example_rows(48), kind), ContinuousLearningEngine(kind),
    ...     metrics={})
    >>> moments = [datetime(2026, 1, 2, hour, tzinfo=UTC) for hour in (0, 12)]
    >>> [naive.look(moment).retrained for moment in moments]
    [True, False]
    """

    model: FittedModel

    def __init__(
        self,
        history: History,
        engine: ContinuousLearningEngine,
        *,
        metrics: Mapping[str, OwnMetric],
    ) -> None:
        self._history = history
        self._engine = engine
        self._metric = get_metric(engine.model_type.metric, engine.model_type.task, metrics)
        self._reference: float | None = None
        self._window_end: datetime | None = None

    def look(self, moment: datetime) -> Look:
        """Compare with the thresholds, and train where the metric fell.

        Parameters
        ----------
        moment : datetime

        Returns
        -------
        Look

        Raises
        ------
        DataError
            The rows of the window cannot be learnt from.
        """
        if not self._has_fallen(moment):
            return Look()
        started = time.perf_counter()
        model_type = self._engine.model_type
        rows = _by_label_time(training_rows(self._history, model_type, moment), model_type)
        cut = len(rows) - round(_NAIVE_HOLDOUT * len(rows))
        held_out = rows.iloc[cut:]
        challenger = self._engine.fit_window(rows.iloc[:cut], seed=model_type.random_seed)
        value = score(self._metric, challenger.scored(held_out))
        deployed = self._reference is None or self._gain(value, held_out) >= (
            model_type.auto_deployment_threshold
        )
        if deployed:
            self.model, self._reference, self._window_end = challenger, value, moment
        return Look(retrained=True, deployed=deployed, seconds=time.perf_counter() - started)

    def _has_fallen(self, moment: datetime) -> bool:
        if self._reference is None or self._window_end is None:
            return True
        start = max(moment - CHECK_WINDOW, self._window_end)
        rows = self._history.known_in(start, moment)
        if len(rows) < _NAIVE_ROWS:
            return False
        current = score(self._metric, self.model.scored(rows))
        fall = degradation(self._metric, self._reference, current)
        return bool(fall >= self._engine.model_type.retraining_threshold)

    def _gain(self, value: float, held_out: pd.DataFrame) -> float:
        theirs = score(self._metric, self.model.scored(held_out))
        return -float(degradation(self._metric, theirs, value))


def training_rows(history: History, model_type: ModelType, moment: datetime) -> pd.DataFrame:
    """What a training may use: the labelled rows of the window before it.

    Parameters
    ----------
    history : History
    model_type : ModelType
        It says how long the window is.
    moment : datetime
        When the training begins: what became known later is left out.

    Returns
    -------
    DataFrame of n labelled rows
        By time and then keys.

    Examples
    --------
    >>> from core.engines.example_rows import example_rows, example_type
    >>> from datetime import UTC
    >>> kind = example_type(training_window=timedelta(hours=6))
    >>> history = History(example_rows(48), kind)
    >>> len(training_rows(history, kind, datetime(2026, 1, 2, tzinfo=UTC)))
    6
    """
    length = window_length(model_type)
    return history.known_in(moment - length if length else None, moment)


def _by_label_time(rows: pd.DataFrame, model_type: ModelType) -> pd.DataFrame:
    return rows.iloc[plain_times(rows, model_type).argsort(kind="stable")]
