"""What a champion learnt from, kept small: what later rows are compared with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import pandas as pd

from core.domain import ModelType, Task
from core.engines.columns import ColumnKind, as_times
from core.engines.fitted_model import FittedModel
from core.engines.importance import importance_shares
from core.engines.metrics import get_metric
from core.engines.own_metrics import OwnMetric
from core.monitoring.column_profile import ColumnProfile, profile_column
from core.monitoring.profiled_values import distribution_of, predicted_values

__all__ = ["ColumnProfile", "ReferenceProfile", "make_profile", "profile_column"]


@dataclass(frozen=True, kw_only=True)
class ReferenceProfile:
    """What a model learnt from, so that no check reads the training data again.

    Parameters
    ----------
    rows : int
        Rows that it was made from.
    features : mapping of str to ColumnProfile
        In the model's order.
    target, prediction : ColumnProfile
        The prediction is of holdout rows, which the model had not seen.
    key_columns, time_column, label_time_column
        As in the model type.
    label_delay_seconds : float
        The model type's; a label without a time of its own is known that long after its row.
    usual_delay_seconds : float
        95th percentile of label time − time.
    label_coverage : float or None
        Share of matured rows that had a label; None where the caller did not say.
    estimate : mapping
        What :mod:`core.engines.label_free` learnt; empty where it learnt nothing.

    Examples
    --------
    See :func:`make_profile`.
    """

    rows: int
    features: Mapping[str, ColumnProfile]
    target: ColumnProfile
    prediction: ColumnProfile
    key_columns: tuple[str, ...]
    time_column: str
    label_time_column: str | None
    label_delay_seconds: float
    usual_delay_seconds: float
    label_coverage: float | None = None
    estimate: Mapping[str, Any] = field(default_factory=dict)

    @property
    def column_kinds(self) -> dict[str, str]:
        """The schema: the kind of each feature, in the model's order."""
        return {name: column.kind for name, column in self.features.items()}

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Self:
        """From what :meth:`as_json` gives.

        Parameters
        ----------
        row : mapping
            The JSON object.

        Returns
        -------
        ReferenceProfile
        """
        columns = {
            "features": {name: ColumnProfile.from_json(c) for name, c in row["features"].items()},
            "target": ColumnProfile.from_json(row["target"]),
            "prediction": ColumnProfile.from_json(row["prediction"]),
            "key_columns": tuple(row["key_columns"]),
        }
        return cls(**(dict(row) | columns))

    def as_json(self) -> dict[str, Any]:
        """As a JSON object.

        Returns
        -------
        dict
            The fields by name, each column as a JSON object.
        """
        return {
            "rows": self.rows,
            "features": {name: column.as_json() for name, column in self.features.items()},
            "target": self.target.as_json(),
            "prediction": self.prediction.as_json(),
            "key_columns": list(self.key_columns),
            "time_column": self.time_column,
            "label_time_column": self.label_time_column,
            "label_delay_seconds": self.label_delay_seconds,
            "usual_delay_seconds": self.usual_delay_seconds,
            "label_coverage": self.label_coverage,
            "estimate": dict(self.estimate),
        }


def make_profile(
    model_type: ModelType,
    model: FittedModel,
    train: pd.DataFrame,
    holdout: pd.DataFrame,
    *,
    seed: int,
    label_coverage: float | None = None,
    estimate: Mapping[str, Any] | None = None,
    metrics: Mapping[str, OwnMetric] | None = None,
) -> ReferenceProfile:
    """Profile what a model learnt from and was judged by.

    Parameters
    ----------
    model_type : ModelType
    model : FittedModel
        It has not seen the holdout.
    train, holdout : DataFrame of labelled rows
        Features and target are profiled on both together, predictions and importance on the
        holdout alone.
    seed : int
        Of the permutation importance.
    label_coverage : float or None
        Share of matured rows that have a label, where it is known.
    estimate : mapping or None
        What :mod:`core.engines.label_free` learnt on the holdout.
    metrics : mapping of str to OwnMetric, or None
        The allow-listed metrics of the user's own.

    Returns
    -------
    ReferenceProfile

    Raises
    ------
    DataError
        When either frame lacks a feature of the model.
    InvalidRequest
        When the metric is not known or not allowed, or one of the user's own fails.

    Examples
    --------
    >>> from sklearn.linear_model import LinearRegression
    >>> rows = pd.DataFrame({"id": range(40), "a": np.arange(40.0), "y": np.arange(40.0)})
    >>> rows["at"] = pd.date_range("2026-01-01", periods=40, freq="h", tz="UTC")
    >>> model_type = ModelType(
    ...     name="t", source_relation="public.t", key_columns=("id",), time_column="at",
    ...     target_column="y", feature_columns=("a",), task=Task.REGRESSION, metric="mae",
    ... )
    >>> model = FittedModel(
    ...     pipeline=LinearRegression().fit(rows[["a"]], rows["y"]), task="regression",
    ...     target_column="y", feature_columns=["a"], column_kinds={"a": "numeric"},
    ... )
    >>> profile = make_profile(model_type, model, rows[:30], rows[30:], seed=0)
    >>> profile.rows, profile.features["a"].bounds, profile.features["a"].importance
    (40, (0.0, 39.0), 1.0)
    >>> ReferenceProfile.from_json(profile.as_json()).column_kinds
    {'a': 'numeric'}
    """
    model.check_frame(train)
    model.check_frame(holdout)
    metric = get_metric(model_type.metric, model_type.task, metrics)
    shares = importance_shares(model, holdout, metric, seed=seed)
    times = as_times(_both(train, holdout, model_type.time_column))
    features = {
        name: profile_column(
            _both(train, holdout, name),
            model.column_kinds[name],
            times=times,
            is_time_column=name == model_type.time_column,
            importance=shares[name],
        )
        for name in model.feature_columns
    }
    return ReferenceProfile(
        rows=len(times),
        features=features,
        target=_profile_target(
            _both(train, holdout, model.target_column), model_type.task, times=times
        ),
        prediction=_profile_prediction(model, holdout),
        key_columns=model_type.key_columns,
        time_column=model_type.time_column,
        label_time_column=model_type.label_time_column,
        label_delay_seconds=model_type.label_delay.total_seconds(),
        usual_delay_seconds=_usual_delay(model_type, train, holdout, times),
        label_coverage=label_coverage,
        estimate=estimate or {},
    )


def _profile_target(values: pd.Series, task: Task, *, times: pd.Series) -> ColumnProfile:
    is_class = task is Task.CLASSIFICATION
    kind = ColumnKind.CATEGORICAL if is_class else ColumnKind.NUMERIC
    return profile_column(values, str(kind), times=times)


def _profile_prediction(model: FittedModel, holdout: pd.DataFrame) -> ColumnProfile:
    part, kind = predicted_values(model, holdout)
    return ColumnProfile(
        kind=kind,
        rows=len(holdout),
        missing=len(holdout) - len(part),
        parts={"value": distribution_of(part)},
    )


def _both(train: pd.DataFrame, holdout: pd.DataFrame, column: str) -> pd.Series:
    return pd.concat([train[column], holdout[column]], ignore_index=True)


def _usual_delay(
    model_type: ModelType, train: pd.DataFrame, holdout: pd.DataFrame, times: pd.Series
) -> float:
    column = model_type.label_time_column
    if column is not None and column in train.columns and column in holdout.columns:
        known = as_times(_both(train, holdout, column))
        delays = (known - times).dt.total_seconds().dropna()
        if len(delays):
            return max(float(np.quantile(delays, 0.95)), 0.0)
    return model_type.label_delay.total_seconds()
