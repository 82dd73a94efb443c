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
from core.monitoring.distributions import (
    Distribution,
    NumberDistribution,
    distribution_from_json,
)
from core.monitoring.profiled_values import (
    comparable_parts,
    distribution_of,
    missing_rows,
    predicted_values,
)


@dataclass(frozen=True, kw_only=True)
class ColumnProfile:
    """One column as it was.

    Parameters
    ----------
    kind : str
        A value of :class:`core.engines.columns.ColumnKind`.
    rows, missing : int
        All rows, and those without a value.
    parts : mapping of str to Distribution
        What is compared of it (:func:`core.monitoring.profiled_values.comparable_parts`).
    importance : float or None
        Share of the model's permutation importance, in [0, 1]; None for target and prediction.

    Examples
    --------
    >>> numbers = NumberDistribution.of(np.array([1.0, 2.0, 8.0]))
    >>> column = ColumnProfile(kind="numeric", rows=4, missing=1, parts={"value": numbers})
    >>> column.missing_share, column.bounds
    (0.25, (1.0, 8.0))
    >>> ColumnProfile.from_json(column.as_json()).bounds
    (1.0, 8.0)
    """

    kind: str
    rows: int
    missing: int
    parts: Mapping[str, Distribution]
    importance: float | None = None

    @property
    def missing_share(self) -> float:
        """Share of the rows without a value."""
        return self.missing / self.rows if self.rows else 0.0

    @property
    def bounds(self) -> tuple[float, float] | None:
        """Smallest and largest number of a numeric column; None for other kinds."""
        numbers = self.parts.get("value")
        if not isinstance(numbers, NumberDistribution) or not numbers.rows:
            return None
        return float(numbers.points[0]), float(numbers.points[-1])

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Self:
        """From what :meth:`as_json` gives."""
        parts = {name: distribution_from_json(part) for name, part in row["parts"].items()}
        return cls(**(dict(row) | {"parts": parts}))

    def as_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return {
            "kind": self.kind,
            "rows": self.rows,
            "missing": self.missing,
            "parts": {name: part.as_json() for name, part in self.parts.items()},
            "importance": self.importance,
        }


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
        """From what :meth:`as_json` gives."""
        columns = {
            "features": {name: ColumnProfile.from_json(c) for name, c in row["features"].items()},
            "target": ColumnProfile.from_json(row["target"]),
            "prediction": ColumnProfile.from_json(row["prediction"]),
            "key_columns": tuple(row["key_columns"]),
        }
        return cls(**(dict(row) | columns))

    def as_json(self) -> dict[str, Any]:
        """As a JSON object."""
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
    target = _both(train, holdout, model.target_column)
    is_class = model_type.task is Task.CLASSIFICATION
    target_kind = ColumnKind.CATEGORICAL if is_class else ColumnKind.NUMERIC
    part, prediction_kind = predicted_values(model, holdout)
    return ReferenceProfile(
        rows=len(times),
        features=features,
        target=profile_column(target, str(target_kind), times=times),
        prediction=ColumnProfile(
            kind=prediction_kind,
            rows=len(holdout),
            missing=len(holdout) - len(part),
            parts={"value": distribution_of(part)},
        ),
        key_columns=model_type.key_columns,
        time_column=model_type.time_column,
        label_time_column=model_type.label_time_column,
        label_delay_seconds=model_type.label_delay.total_seconds(),
        usual_delay_seconds=_usual_delay(model_type, train, holdout, times),
        label_coverage=label_coverage,
        estimate=estimate or {},
    )


def profile_column(
    values: pd.Series,
    kind: str,
    *,
    times: pd.Series,
    is_time_column: bool = False,
    importance: float | None = None,
) -> ColumnProfile:
    """Profile one column of n rows; the parameters are those of :func:`comparable_parts`.

    Examples
    --------
    >>> cities = pd.Series(["Ulm", "Ulm", None, "Bonn"])
    >>> found = profile_column(cities, "categorical", times=pd.Series(dtype="datetime64[us, UTC]"))
    >>> dict(found.parts["value"].levels), found.missing
    ({'Ulm': 2, 'Bonn': 1}, 1)
    """
    parts = comparable_parts(values, kind, times=times, is_time_column=is_time_column)
    return ColumnProfile(
        kind=kind,
        rows=len(values),
        missing=missing_rows(values),
        parts={name: distribution_of(part) for name, part in parts.items()},
        importance=importance,
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
