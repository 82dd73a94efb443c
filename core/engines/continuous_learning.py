"""From labelled rows to a challenger: plan the window, fit, measure, refit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline

from core.domain import Gate, ModelType, Reference, Task, TrainingPlan
from core.engines.agreement import final_fit_agreement
from core.engines.columns import column_kinds, target_values
from core.engines.confidence import ConfidenceBasedMLEngine
from core.engines.fitted_model import FittedModel
from core.engines.metrics import METRICS, Scored, get_metric, losses, score
from core.engines.pipelines import Factories, make_pipeline
from core.engines.time_split import Parts, plan_window, split_window
from core.errors import DataError, InvalidRequest


@dataclass(frozen=True, kw_only=True)
class TrainedModel:
    """A challenger: the approved fit, which has not seen the holdout, and what it scored there."""

    model: FittedModel
    reference: Reference
    metrics: Mapping[str, float]  # of the holdout, by name; those that are defined there
    parameters: Mapping[str, Any]
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
    """

    def __init__(self, model_type: ModelType, *, factories: Factories | None = None) -> None:
        self.model_type = model_type
        self.factories = factories or {}

    def plan(
        self,
        frame: pd.DataFrame,
        *,
        as_of: datetime,
        champion_cutoff: datetime | None,
        champion_degraded: bool = False,
    ) -> TrainingPlan:
        """Choose the training window and its split by time (:func:`plan_window`).

        Raises
        ------
        DataError
            Also when the rows to train on hold one class only.
        """
        plan = plan_window(
            frame,
            self.model_type,
            as_of=as_of,
            champion_cutoff=champion_cutoff,
            champion_degraded=champion_degraded,
        )
        if self.model_type.task is Task.CLASSIFICATION:
            self._require_classes(self.split(frame, plan).train)
        return plan

    def split(self, frame: pd.DataFrame, plan: TrainingPlan) -> Parts:
        """The rows of ``plan``, in their parts."""
        return split_window(frame, self.model_type, plan)

    def train(self, frame: pd.DataFrame, plan: TrainingPlan, *, seed: int) -> TrainedModel:
        """Fit on the train part, calibrate on the next, measure on the newest.

        Parameters
        ----------
        frame : DataFrame
            The rows that ``plan`` was made from.
        plan : TrainingPlan
        seed : int
            The same data, plan and seed give the same model.

        Raises
        ------
        DataError
            When the engine cannot be fitted to these rows.
        InvalidRequest
            For an unknown engine, parameter or metric.
        """
        metric = get_metric(self.model_type.metric, self.model_type.task)
        parts = self.split(frame, plan)
        kinds = column_kinds(parts.train, self._features(parts.train))
        model = self._fitted(parts.train, kinds, seed)
        if len(parts.calibration):
            self._learn_confidence(model, parts.calibration)
        scored = model.scored(parts.holdout)
        per_row = losses(metric, scored)
        return TrainedModel(
            model=model,
            reference=Reference(
                metric=metric.name,
                value=score(metric, scored),
                samples=len(parts.holdout),
                losses_mean=None if per_row is None else float(per_row.mean()),
                losses_std=None if per_row is None else _deviation(per_row),
            ),
            metrics=_all_metrics(self.model_type.task, scored),
            parameters=_parameters(model.pipeline),
            plan=plan,
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
        so that the approved fit's calibration and intervals are carried over.
        """
        if isinstance(approved, TrainedModel):
            approved = approved.model
        parts = self.split(frame, plan)
        model = self._fitted(parts.window, approved.column_kinds, seed)
        model.calibrator, model.intervals = approved.calibrator, approved.intervals
        return FinalFit(model=model, gate=final_fit_agreement(approved, model, parts.holdout))

    def fit_window(self, frame: pd.DataFrame, *, seed: int) -> FittedModel:
        """A bare fit of all the rows: no split, no calibration, no judgement (for baselines)."""
        return self._fitted(frame, column_kinds(frame, self._features(frame)), seed)

    def _features(self, frame: pd.DataFrame) -> list[str]:
        names = list(self.model_type.feature_columns)
        if missing := [name for name in names if name not in frame.columns]:
            raise DataError(
                f"The feature column {', '.join(missing)} is missing.",
                hint="Bring it back, or change the model type's feature_columns.",
            )
        return names

    def _fitted(self, rows: pd.DataFrame, kinds: Mapping[str, str], seed: int) -> FittedModel:
        model_type = self.model_type
        pipeline = make_pipeline(model_type, kinds, seed=seed, factories=self.factories)
        features = self._features(rows)
        target = target_values(rows, model_type.target_column, model_type.task)
        try:
            pipeline.fit(rows[features], target)
        except (ValueError, TypeError) as exc:
            raise DataError(
                f'The engine "{model_type.engine}" could not be fitted: {exc}',
                hint="Check engine_parameters and the feature columns.",
            ) from exc
        classes = None
        if model_type.task is Task.CLASSIFICATION:
            classes = _classes(pipeline, model_type.engine)
        return FittedModel(
            pipeline=pipeline,
            task=str(model_type.task),
            target_column=model_type.target_column,
            feature_columns=features,
            column_kinds=kinds,
            classes=classes,
        )

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


def _classes(pipeline: Pipeline, engine: str) -> list[Any]:
    if not hasattr(pipeline, "predict_proba"):
        raise InvalidRequest(
            f'The engine "{engine}" gives no class probabilities.',
            hint="Wrap its estimator in sklearn.calibration.CalibratedClassifierCV.",
        )
    found: list[Any] = pipeline.classes_.tolist()
    return found


def _all_metrics(task: Task, scored: Scored) -> dict[str, float]:
    values = {m.name: score(m, scored) for m in METRICS.values() if m.task is task}
    return {name: value for name, value in values.items() if np.isfinite(value)}


def _parameters(pipeline: Pipeline) -> dict[str, Any]:
    """The estimator's own settings, as far as JSON holds them."""
    plain = (str, int, float, bool, type(None))
    settings = pipeline.named_steps["model"].get_params(deep=False)
    return {name: value for name, value in settings.items() if isinstance(value, plain)}


def _deviation(values: NDArray[np.float64]) -> float:
    return float(values.std(ddof=1)) if len(values) > 1 else 0.0
