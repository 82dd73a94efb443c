"""From labelled rows to a challenger: plan the window, fit, measure, refit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from core.domain import Gate, ModelType, Reference, Task, TrainingPlan, WindowStrategy
from core.engines.adaptive_window import choose_window
from core.engines.agreement import final_fit_agreement
from core.engines.columns import column_kinds, target_values
from core.engines.confidence import ConfidenceBasedMLEngine
from core.engines.fitted_model import FittedModel
from core.engines.fitting import Learner
from core.engines.metrics import METRICS, Metric, Scored, score
from core.engines.own_metrics import OwnMetric
from core.engines.pipelines import Factories
from core.engines.planned_fit import PlannedFit, fit_plan, noted
from core.engines.references import make_reference
from core.engines.time_split import Parts, plain_times, split_window
from core.engines.window_plan import plan_window, shortened
from core.errors import DataError


@dataclass(frozen=True, kw_only=True)
class TrainedModel:
    """A challenger: the approved fit, which has not seen the holdout, and what it scored there."""

    model: FittedModel
    reference: Reference
    metrics: Mapping[str, float]  # of the holdout, by name; those that are defined there
    parameters: Mapping[str, Any]  # all of the estimator's, as far as JSON holds them
    engine_parameters: Mapping[str, Any]  # the model type's, and those that a search found
    plan: TrainingPlan


@dataclass(frozen=True, kw_only=True)
class FinalFit:
    """The same settings on the whole window, and whether it is still the approved model."""

    model: FittedModel
    gate: Gate

    @property
    def passed(self) -> bool:
        """Whether the final fit may serve in place of the approved one."""
        return self.gate.passed


class ContinuousLearningEngine:
    """Trains challengers of one model type.

    Parameters
    ----------
    model_type : ModelType
    factories : mapping of str to callable
        Engines of the user's own, by their allow-listed name.
    metrics : mapping of str to OwnMetric
        Metrics of the user's own, likewise.

    Examples
    --------
    >>> from core.engines.example_rows import AS_OF, example_rows, example_type
    >>> rows, engine = example_rows(), ContinuousLearningEngine(example_type())
    >>> plan = engine.plan(rows, as_of=AS_OF, champion_cutoff=None)
    >>> engine.train(rows, plan, seed=0).reference.samples, plan.holdout_rows
    (100, 100)
    """

    def __init__(
        self,
        model_type: ModelType,
        *,
        factories: Factories | None = None,
        metrics: Mapping[str, OwnMetric] | None = None,
    ) -> None:
        self.model_type = model_type
        self.learner = Learner(
            model_type=model_type, factories=factories or {}, metrics=metrics or {}
        )

    def plan(
        self,
        frame: pd.DataFrame,
        *,
        as_of: datetime,
        champion_cutoff: datetime | None,
        needs_retraining: bool = False,
    ) -> TrainingPlan:
        """Choose the training window and its split by time.

        :func:`core.engines.window_plan.plan_window` gives the holdout and the longest window; an
        adaptive one may begin later (:func:`core.engines.adaptive_window.choose_window`).

        Parameters
        ----------
        frame : DataFrame of n labelled rows, in any order
            As far back as :func:`core.engines.window_plan.window_length` says.
        as_of : datetime
            Rows later than this are left out.
        champion_cutoff : datetime or None
            Time of the newest row that the champion has seen.
        needs_retraining : bool
            Whether a check found that the champion has probably got worse.

        Returns
        -------
        TrainingPlan
            Its reason and figures (``window``) tell of an adaptive window too.

        Raises
        ------
        DataError
            When there are too few rows, all carry the same time, or the rows to train on hold one
            class only.
        """
        plan = plan_window(
            frame,
            self.model_type,
            as_of=as_of,
            champion_cutoff=champion_cutoff,
            needs_retraining=needs_retraining,
        )
        if self.model_type.window_strategy is WindowStrategy.ADAPTIVE:
            parts = self.split(frame, plan)
            known = pd.concat([parts.train, parts.calibration])
            choice = choose_window(known, self.learner, seed=self.model_type.random_seed)
            plan = shortened(plan, frame, self.model_type, start=choice.start)
            plan = noted(plan, choice.reason, window=choice.figures)
        if self.model_type.task is Task.CLASSIFICATION:
            self._require_classes(self.split(frame, plan).train)
        return plan

    def split(self, frame: pd.DataFrame, plan: TrainingPlan) -> Parts:
        """The rows of ``plan``, in their parts.

        Parameters
        ----------
        frame : DataFrame
            The rows that ``plan`` was made from.
        plan : TrainingPlan

        Returns
        -------
        Parts
            Train, calibration and holdout rows, each sorted by time.

        Raises
        ------
        DataError
            When ``frame`` is not the data that was planned with.
        """
        return split_window(frame, self.model_type, plan)

    def train(
        self,
        frame: pd.DataFrame,
        plan: TrainingPlan,
        *,
        seed: int,
        previous: FittedModel | None = None,
        previous_cutoff: datetime | None = None,
    ) -> TrainedModel:
        """Fit on the train part, calibrate on the next, measure on the newest.

        Parameters
        ----------
        frame : DataFrame
            The rows that ``plan`` was made from.
        plan : TrainingPlan
        seed : int
            The same data, plan and seed give the same model; with a search for parameters, the
            same number of trials too (:func:`core.engines.hyper_parameters.search_parameters`).
        previous : FittedModel or None
            For an incremental engine: the model to go on from, where that is possible
            (:func:`core.engines.continuing.continued`). Other engines leave it aside.
        previous_cutoff : datetime or None
            Time of the newest row that ``previous`` has seen.

        Returns
        -------
        TrainedModel
            Calibrated, with its reference and metrics on the holdout.

        Raises
        ------
        DataError
            When the engine cannot be fitted to these rows.
        InvalidRequest
            For an unknown engine, parameter or metric, or weights that the engine does not take.
        """
        parts = self.split(frame, plan)
        fitted = fit_plan(
            self.learner, parts.train, plan, seed=seed, previous=previous, cutoff=previous_cutoff
        )
        return self._measured(fitted, parts)

    def adopt(self, frame: pd.DataFrame, plan: TrainingPlan, model: FittedModel) -> TrainedModel:
        """Calibrate and measure a model that was made elsewhere, in place of training one.

        Parameters
        ----------
        frame : DataFrame
            The rows that ``plan`` was made from.
        plan : TrainingPlan
            Of :func:`core.engines.imported_model.judged_by_unseen`.
        model : FittedModel
            Of :func:`core.engines.imported_model.wrap_estimator`.

        Returns
        -------
        TrainedModel
            ``model`` itself, calibrated, with its reference and metrics on the holdout.

        Raises
        ------
        DataError
            When it does not predict these rows.
        """
        parts = self.split(frame, plan)
        model.column_kinds = self._kinds(parts.train)
        try:
            model.scored(parts.holdout)
        except Exception as exc:  # whatever a pipeline of somebody else's may raise
            raise DataError(
                f"The imported model does not predict the rows: {type(exc).__name__}: {exc}",
                hint="It gets the feature columns as they come from the table, as a DataFrame.",
            ) from exc
        return self._measured(PlannedFit(model=model, engine_parameters={}, plan=plan), parts)

    def _measured(self, fitted: PlannedFit, parts: Parts) -> TrainedModel:
        if len(parts.calibration):
            self._learn_confidence(fitted.model, parts.calibration)
        scored = fitted.model.scored(parts.holdout)
        return TrainedModel(
            model=fitted.model,
            reference=make_reference(
                self.learner.metric, scored, plain_times(parts.holdout, self.model_type)
            ),
            metrics=_all_metrics(self.learner.metric, scored),
            parameters=_parameters(fitted.model.pipeline),
            engine_parameters=fitted.engine_parameters,
            plan=fitted.plan,
        )

    def final_fit(
        self,
        frame: pd.DataFrame,
        approved: FittedModel | TrainedModel,
        plan: TrainingPlan,
        *,
        seed: int,
    ) -> FinalFit:
        """Refit the same settings on the whole window, holdout included.

        The newest rows are worth the most when the world moves. No rows are left to calibrate on,
        so that the approved fit's calibration and intervals are carried over. The settings, seeds
        among them, are those in the approved pipeline itself. A model of an incremental engine is
        not refitted: a copy of it learns the rows that it has not seen.

        Parameters
        ----------
        frame : DataFrame
            The rows that ``plan`` was made from.
        approved : FittedModel or TrainedModel
        plan : TrainingPlan
        seed : int
            Of the comparison with the approved fit, where that needs one.

        Returns
        -------
        FinalFit
            Its gate: :func:`core.engines.agreement.final_fit_agreement` on the holdout.

        Raises
        ------
        DataError
            When ``frame`` is not the data that was planned with, or the engine cannot be fitted to
            it.
        InvalidRequest
            For weights that the engine does not take.
        """
        if isinstance(approved, TrainedModel):
            approved = approved.model
        parts = self.split(frame, plan)
        unseen = pd.concat([parts.calibration, parts.holdout])
        if self.learner.is_incremental and self.learner.knows_classes_of(approved, unseen):
            model = self.learner.learn_on(approved, unseen)
        else:
            model = self.learner.refit(approved, parts.window)
        model.calibrator, model.intervals = approved.calibrator, approved.intervals
        return FinalFit(model=model, gate=final_fit_agreement(approved, model, parts.holdout))

    def fit_window(self, frame: pd.DataFrame, *, seed: int) -> FittedModel:
        """A bare fit of all the rows: no split, no calibration, no judgement (for baselines).

        Parameters
        ----------
        frame : DataFrame of n labelled rows, sorted by time
        seed : int

        Returns
        -------
        FittedModel

        Raises
        ------
        DataError
            When the engine cannot be fitted to these rows.
        InvalidRequest
            For an unknown engine or parameter, or weights that the engine does not take.
        """
        return self.learner.fit(frame, self._kinds(frame), seed=seed)

    def _kinds(self, rows: pd.DataFrame) -> dict[str, str]:
        return column_kinds(rows, self.learner.features(rows))

    def _learn_confidence(self, model: FittedModel, rows: pd.DataFrame) -> None:
        truth = target_values(rows, model.target_column, self.model_type.task)
        engine = ConfidenceBasedMLEngine()
        if model.classes is None:
            model.intervals = engine.conformalise(model.predict(rows), truth.astype(np.float64))
        else:
            model.calibrator = engine.calibrate(model.predict_proba(rows), truth, model.classes)

    def _require_classes(self, train: pd.DataFrame) -> None:
        column = self.model_type.target_column
        classes = np.unique(target_values(train, column, Task.CLASSIFICATION))
        if len(classes) < 2:
            raise DataError(
                f'The target "{column}" has only the class {classes.tolist()[0]!r} in the '
                f"{len(train):,} rows to train on.",
                hint="Widen training_window, or wait until other classes were labelled.",
            )


def _all_metrics(judged_by: Metric, scored: Scored) -> dict[str, float]:
    """Those of the task that are built in, and the one that the model is judged by."""
    built_in = {name: m for name, m in METRICS.items() if m.task is judged_by.task}
    every = built_in | {judged_by.name: judged_by}
    values = {name: score(m, scored) for name, m in every.items()}
    return {name: value for name, value in values.items() if np.isfinite(value)}


def _parameters(pipeline: Any) -> dict[str, Any]:
    """The estimator's own settings, as far as JSON holds them."""
    plain = (str, int, float, bool, type(None))
    estimator = pipeline[-1] if isinstance(pipeline, Pipeline) else pipeline
    settings = estimator.get_params(deep=False)
    return {name: value for name, value in settings.items() if isinstance(value, plain)}
