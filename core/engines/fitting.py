"""Fitting one pipeline to rows: anew, with the settings of another, or on top of what it knows."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.pipeline import Pipeline

from core.domain import ModelType, Task
from core.engines.columns import target_values
from core.engines.fitted_model import FittedModel
from core.engines.incremental import INCREMENTAL_ENGINES, learn_first, learn_on
from core.engines.metrics import Metric, get_metric
from core.engines.own_metrics import OwnMetric
from core.engines.pipelines import Factories, make_pipeline
from core.engines.sample_weights import sample_weights, weight_argument
from core.errors import DataError, InvalidRequest


@dataclass(frozen=True, kw_only=True)
class Learner:
    """Fits the engine of a model type, rows weighed as the model type says.

    Parameters
    ----------
    model_type : ModelType
    factories : mapping of str to callable
        Engines of the user's own, by their allow-listed name.
    metrics : mapping of str to OwnMetric
        Metrics of the user's own, likewise.

    Examples
    --------
    >>> from core.engines.example_rows import example_rows, example_type
    >>> rows, kinds = example_rows(), {"a": "numeric", "b": "numeric"}
    >>> learner = Learner(model_type=example_type(), factories={}, metrics={})
    >>> model = learner.fit(rows[:200], kinds, seed=0)
    >>> learner.refit(model, rows).classes, learner.knows_classes_of(model, rows)
    ([0, 1], True)
    """

    model_type: ModelType
    factories: Factories
    metrics: Mapping[str, OwnMetric]

    @property
    def metric(self) -> Metric:
        """The model type's metric."""
        return get_metric(self.model_type.metric, self.model_type.task, self.metrics)

    @property
    def is_incremental(self) -> bool:
        """Whether the engine can add rows to what a model knows."""
        return self.model_type.engine in INCREMENTAL_ENGINES

    def features(self, frame: pd.DataFrame) -> list[str]:
        """The model type's feature columns.

        Parameters
        ----------
        frame : DataFrame

        Returns
        -------
        list of str

        Raises
        ------
        DataError
            When ``frame`` lacks one.
        """
        names = list(self.model_type.feature_columns)
        if missing := [name for name in names if name not in frame.columns]:
            raise DataError(
                f"The feature column {', '.join(missing)} is missing.",
                hint="Bring it back, or change the model type's feature_columns.",
            )
        return names

    def fit(self, rows: pd.DataFrame, kinds: Mapping[str, str], *, seed: int) -> FittedModel:
        """A new model of these rows.

        Parameters
        ----------
        rows : DataFrame of n rows, sorted by time
        kinds : mapping of str to str
            Kind of each feature column.
        seed : int

        Returns
        -------
        FittedModel
            Neither calibrated nor measured.

        Raises
        ------
        DataError
            When the engine cannot be fitted to these rows.
        InvalidRequest
            For an unknown engine or parameter, or weights that the engine does not take.
        """
        pipeline = make_pipeline(self.model_type, kinds, seed=seed, factories=self.factories)
        return self._fitted(pipeline, rows, self.features(rows), kinds)

    def refit(self, approved: FittedModel, rows: pd.DataFrame) -> FittedModel:
        """A new model of these rows with all the settings of ``approved``.

        They are taken from its pipeline, so that a refit is the same model whatever found its
        parameters, and whoever made it.

        Parameters
        ----------
        approved : FittedModel
        rows : DataFrame of n labelled rows, sorted by time

        Returns
        -------
        FittedModel
            Neither calibrated nor measured.

        Raises
        ------
        DataError
            When the engine cannot be fitted to these rows.
        InvalidRequest
            For weights that the engine does not take.
        """
        pipeline = clone(approved.pipeline)
        return self._fitted(pipeline, rows, approved.feature_columns, approved.column_kinds)

    def learn_on(self, model: FittedModel, rows: pd.DataFrame) -> FittedModel:
        """A copy of ``model`` that has learnt these rows too; ``model`` stays as it is.

        Parameters
        ----------
        model : FittedModel
            Of an incremental engine.
        rows : DataFrame of n rows, sorted by time
            Not of those that it has seen.

        Returns
        -------
        FittedModel
            Neither calibrated nor measured.

        Raises
        ------
        DataError
            When the target is missing, or a row has no label.
        InvalidRequest
            For a half-life of the rows' weights, which the engine does not take.
        """
        pipeline = copy.deepcopy(model.pipeline)
        target = self._target(rows)
        learn_on(pipeline, rows[model.feature_columns], target, self._weights(rows, target))
        return self._model(pipeline, model.feature_columns, model.column_kinds)

    def knows_classes_of(self, model: FittedModel, rows: pd.DataFrame) -> bool:
        """Whether ``model`` has met each class of these rows; so does any regression.

        Parameters
        ----------
        model : FittedModel
        rows : DataFrame of n labelled rows

        Returns
        -------
        bool

        Raises
        ------
        DataError
            When the target is missing, or a row has no label.
        """
        return model.classes is None or set(self._target(rows).tolist()) <= set(model.classes)

    def _fitted(
        self,
        pipeline: Pipeline,
        rows: pd.DataFrame,
        features: list[str],
        kinds: Mapping[str, str],
    ) -> FittedModel:
        target = self._target(rows)
        weights = self._weights(rows, target)
        try:
            if self.is_incremental:
                learn_first(pipeline, rows[features], target, weights)
            else:
                passed = {} if weights is None else {self._weight_name(pipeline): weights}
                pipeline.fit(rows[features], target, **passed)
        except (ValueError, TypeError) as exc:
            raise DataError(
                f'The engine "{self.model_type.engine}" could not be fitted: {exc}',
                hint="Check engine_parameters and the feature columns.",
            ) from exc
        return self._model(pipeline, features, kinds)

    def _model(
        self, pipeline: Pipeline, features: list[str], kinds: Mapping[str, str]
    ) -> FittedModel:
        model_type, classes = self.model_type, None
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

    def _target(self, rows: pd.DataFrame) -> NDArray[Any]:
        return target_values(rows, self.model_type.target_column, self.model_type.task)

    def _weights(self, rows: pd.DataFrame, target: NDArray[Any]) -> NDArray[np.float64] | None:
        if self.is_incremental and self.model_type.recency_half_life is not None:
            raise InvalidRequest(
                f'The engine "{self.model_type.engine}" learns the newest rows last and forgets '
                "old ones by itself: it takes no recency_half_life.",
                hint='Remove recency_half_life, or use the engine "linear".',
            )
        return sample_weights(rows, target, self.model_type)

    def _weight_name(self, pipeline: Pipeline) -> str:
        return weight_argument(pipeline, self.model_type.engine)


def _classes(pipeline: Pipeline, engine: str) -> list[Any]:
    if not hasattr(pipeline, "predict_proba"):
        raise InvalidRequest(
            f'The engine "{engine}" gives no class probabilities.',
            hint="Wrap its estimator in sklearn.calibration.CalibratedClassifierCV.",
        )
    found: list[Any] = pipeline.classes_.tolist()
    return found
