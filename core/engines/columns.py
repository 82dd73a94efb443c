"""What each feature column is, decided once from the training data and stored in the model.

Data arrives differently each time (a nullable integer as float, a category as object, a boolean
as 0/1, a time with or without its zone). :func:`normalise` brings a column into the one form of
its kind, so that a model sees the same values when it is fitted and when it predicts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from enum import StrEnum
from numbers import Real

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.domain import Task
from core.errors import DataError

# Free text rather than a category: more than half of the values differ and two words on average.
TEXT_DISTINCT_SHARE = 0.5
TEXT_MEAN_WORDS = 2.0

# Text that stands for no value, or for a number that is not finite, in a column of numbers.
_BLANK = {"", "nan", "nat", "inf", "-inf", "infinity", "-infinity"}


class ColumnKind(StrEnum):
    """What a feature's values mean to a pipeline."""

    NUMERIC = "numeric"
    BOOLEAN = "boolean"
    CATEGORICAL = "categorical"
    TEXT = "text"
    DATETIME = "datetime"
    EMPTY = "empty"  # no value in any training row: nothing to learn, whatever comes later


# What a column of a kind holds, and how one of them is written.
_WRITTEN = {
    ColumnKind.NUMERIC: ("numbers", "26.18"),
    ColumnKind.BOOLEAN: ("booleans", "True or 1"),
    ColumnKind.DATETIME: ("times", "2026-01-31T12:00:00Z"),
}


def column_kinds(frame: pd.DataFrame, feature_columns: Iterable[str]) -> dict[str, str]:
    """Decide the kind of each feature from training rows.

    Parameters
    ----------
    frame : DataFrame of n rows
        Training rows.
    feature_columns : iterable of str
        The features, in the model's order.

    Returns
    -------
    dict of str to str
        Column name to the value of its :class:`ColumnKind`, in the order of the features.

    Examples
    --------
    >>> rows = pd.DataFrame({"price": [1, 2], "city": ["Ulm", "Ulm"], "paid": [True, False]})
    >>> column_kinds(rows, ["price", "city", "paid"])
    {'price': 'numeric', 'city': 'categorical', 'paid': 'boolean'}
    """
    return {name: str(_kind(frame[name])) for name in feature_columns}


def _kind(values: pd.Series) -> ColumnKind:
    dtype = values.dtype
    if pd.api.types.is_float_dtype(dtype):
        values = _as_float(values)
    if values.isna().all():
        return ColumnKind.EMPTY
    if isinstance(dtype, pd.CategoricalDtype):
        return ColumnKind.CATEGORICAL
    if pd.api.types.is_bool_dtype(dtype):
        return ColumnKind.BOOLEAN
    if pd.api.types.is_numeric_dtype(dtype) or pd.api.types.is_timedelta64_dtype(dtype):
        return ColumnKind.NUMERIC
    if pd.api.types.is_datetime64_any_dtype(dtype):
        return ColumnKind.DATETIME
    present = values.dropna()
    for kind, types in (
        (ColumnKind.BOOLEAN, (bool, np.bool_)),
        (ColumnKind.NUMERIC, (Real, Decimal)),
        (ColumnKind.DATETIME, (date, np.datetime64)),
    ):
        if all(isinstance(value, types) for value in present):
            return kind
    return _kind_of_strings(present.map(str))


def _kind_of_strings(present: pd.Series) -> ColumnKind:
    mean_words = float(present.str.count(r"\S+").mean())
    if mean_words >= TEXT_MEAN_WORDS and present.nunique() > TEXT_DISTINCT_SHARE * len(present):
        return ColumnKind.TEXT
    return ColumnKind.CATEGORICAL


def normalise(frame: pd.DataFrame, kinds: Mapping[str, str]) -> pd.DataFrame:
    """Bring each column into the one form of its kind.

    Numbers and booleans become float64 (infinity becomes NaN), categories and texts become str
    objects with NaN where missing, times become UTC timestamps, and a column that was empty in
    training stays constant. Numbers and times may come as text, where a blank one is missing.

    Parameters
    ----------
    frame : DataFrame of n rows
        Must have every column of ``kinds``; others are left out.
    kinds : mapping of str to str
        As :func:`column_kinds` gives it.

    Returns
    -------
    DataFrame of n rows
        The columns of ``kinds``, in that order.

    Raises
    ------
    DataError
        A column of numbers or times holds something else; it is named, with an example.

    Examples
    --------
    >>> normalise(pd.DataFrame({"a": ["1", " "], "b": [1, 2]}), {"a": "numeric"})["a"].tolist()
    [1.0, nan]
    """
    return pd.DataFrame(
        {name: _normalised(name, frame[name], ColumnKind(kind)) for name, kind in kinds.items()},
        index=frame.index,
    )


def _normalised(name: str, values: pd.Series, kind: ColumnKind) -> pd.Series:
    if kind is ColumnKind.EMPTY:
        # A constant: gradient boosting cannot be fitted to a column that is always missing.
        return pd.Series(0.0, index=values.index)
    if kind in {ColumnKind.NUMERIC, ColumnKind.BOOLEAN}:
        floats = _as_float(values)
        if not pd.api.types.is_numeric_dtype(values.dtype):
            _require_all(name, values, floats.notna(), kind)
        return floats
    if kind is ColumnKind.DATETIME:
        times = as_times(values)
        _require_all(name, values, times.notna(), kind)
        return times
    strings = values.astype(object).map(_as_string)
    return strings.astype(object).where(strings.notna(), np.nan)


def _require_all(name: str, values: pd.Series, converted: pd.Series, kind: ColumnKind) -> None:
    """Refuse a value that is there and was not converted: taken as missing it would mislead."""
    learnt, example = _WRITTEN[kind]
    lost = values[~converted].dropna()
    for value in lost.unique():
        if str(value).strip().lower() not in _BLANK:
            raise DataError(
                f'The column "{name}" was learnt as {learnt} and now holds {value!r}.',
                hint=f"Write {learnt} like {example}, or retrain the model type with the column "
                "as it is now.",
            )


def _as_string(value: object) -> object:
    """A category's name; 3.0 and 3 are the same one, since a missing value turns int to float."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, list | tuple | np.ndarray | dict):
        return str(value)
    return np.nan if pd.isna(value) else str(value)  # type: ignore[call-overload]


def _as_float(values: pd.Series) -> pd.Series:
    if pd.api.types.is_timedelta64_dtype(values.dtype):
        return pd.Series(values.dt.total_seconds(), index=values.index)
    if not pd.api.types.is_numeric_dtype(values.dtype):
        values = pd.to_numeric(values.astype(object), errors="coerce")
    floats = values.astype("Float64").to_numpy(dtype=np.float64, na_value=np.nan)
    # Infinity is no number that a tree or a scaler can place; data quality reports it.
    return pd.Series(np.where(np.isfinite(floats), floats, np.nan), index=values.index)


def as_times(values: pd.Series) -> pd.Series:
    """Dates, times or ISO 8601 strings as UTC; naive ones are taken as UTC, all else is NaT.

    Parameters
    ----------
    values : Series of n values
        Of any dtype.

    Returns
    -------
    Series of n UTC times
        With the index of ``values``.

    Examples
    --------
    >>> as_times(pd.Series(["2026-01-31", "soon"])).isna().tolist()
    [False, True]
    """
    if not pd.api.types.is_datetime64_any_dtype(values.dtype):
        values = values.astype(object)
    return pd.to_datetime(values, utc=True, errors="coerce", format="ISO8601")


def target_values(frame: pd.DataFrame, column: str, task: Task) -> NDArray[np.generic]:
    """The target as an array that scikit-learn takes.

    Parameters
    ----------
    frame : DataFrame of n labelled rows
    column : str
        The target's name.
    task : Task
        Classes keep their values (integers, booleans, strings); a regression's are float64.

    Returns
    -------
    ndarray of shape (n,)

    Raises
    ------
    DataError
        When the column is missing, has missing values, or does not fit the task.

    Examples
    --------
    >>> target_values(pd.DataFrame({"y": [1.0, 0.0]}), "y", Task.CLASSIFICATION).tolist()
    [1, 0]
    """
    if column not in frame.columns:
        raise DataError(
            f'The target column "{column}" is missing.', hint="Name an existing column."
        )
    values = frame[column]
    if missing := int(values.isna().sum()):
        raise DataError(
            f'The target "{column}" is missing in {missing:,} of {len(values):,} rows.',
            hint="Rows without a label cannot be learnt from; leave them out.",
        )
    return _numbers(values, column) if task is Task.REGRESSION else _labels(values, column)


def _numbers(values: pd.Series, column: str) -> NDArray[np.generic]:
    floats = _as_float(values).to_numpy()
    if not np.isfinite(floats).all():
        raise DataError(
            f'The target "{column}" holds values that are no finite numbers.',
            hint="A regression needs a numeric target; for classes use task classification.",
        )
    return floats


def _labels(values: pd.Series, column: str) -> NDArray[np.generic]:
    if isinstance(values.dtype, pd.CategoricalDtype):
        values = values.astype(values.cat.categories.dtype)
    if pd.api.types.is_bool_dtype(values.dtype) or all(
        isinstance(value, bool | np.bool_) for value in values
    ):
        return values.to_numpy(dtype=bool)
    if pd.api.types.is_numeric_dtype(values.dtype):
        floats = values.to_numpy(dtype=np.float64)
        if not np.array_equal(floats, np.floor(floats)):
            raise DataError(
                f'The target "{column}" holds fractions, which are no classes.',
                hint="Use task regression, or a target with whole numbers or names.",
            )
        return floats.astype(np.int64)
    return values.map(str).to_numpy(dtype=object)
