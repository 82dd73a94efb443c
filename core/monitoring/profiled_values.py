"""What is compared of each column: its values as numbers or categories, by the column's kind."""

from __future__ import annotations

import numpy as np
import pandas as pd

from core.engines.columns import ColumnKind, as_times, normalise
from core.engines.fitted_model import FittedModel
from core.monitoring.distributions import (
    Distribution,
    Floats,
    LevelDistribution,
    NumberDistribution,
)

# Numbers as an array of shape (n,), categories as a Series of n strings; none missing.
Part = Floats | pd.Series


def comparable_parts(
    values: pd.Series, kind: str, *, times: pd.Series, is_time_column: bool = False
) -> dict[str, Part]:
    """Split a column into what can be compared between two samples of rows.

    A category or a boolean is compared by its levels, a number as it is, a text by its length and
    its number of words. A time is compared by how long before its row's time it lies, since later
    rows hold later times whatever happens; the row's own time by the second of the day.

    Parameters
    ----------
    values : Series of n rows
    kind : str
        A value of :class:`ColumnKind`, as it was when the model learnt.
    times : Series of n timestamps, UTC
        The rows' own times.
    is_time_column : bool
        Whether the column is the one that ``times`` come from.

    Returns
    -------
    dict of str to ndarray or Series
        The parts by name, without missing values; none for a column that was empty in training.
        What is no number (or time) in a column that was learnt as one counts as missing.

    Examples
    --------
    >>> texts = pd.Series(["two words", None])
    >>> parts = comparable_parts(texts, "text", times=pd.Series(dtype="datetime64[us, UTC]"))
    >>> {name: part.tolist() for name, part in parts.items()}
    {'length': [9.0], 'words': [2.0]}
    """
    if kind == ColumnKind.EMPTY:
        return {}
    if kind == ColumnKind.NUMERIC:
        return {"value": finite_numbers(values)}
    if kind == ColumnKind.BOOLEAN:
        names = np.where(finite_numbers(values) != 0, "true", "false")
        return {"value": pd.Series(names, dtype="str")}
    if kind == ColumnKind.DATETIME:
        moments = as_times(values)
        if is_time_column:
            seconds = (moments - moments.dt.floor("D")).dt.total_seconds()
            return {"second_of_day": finite_numbers(seconds)}
        return {"age_seconds": finite_numbers((times - moments).dt.total_seconds())}
    strings = as_strings(values)
    if kind == ColumnKind.TEXT:
        sizes = {"length": strings.str.len(), "words": strings.str.count(r"\S+")}
        return {name: np.asarray(size, dtype=np.float64) for name, size in sizes.items()}
    return {"value": strings}


def finite_numbers(values: pd.Series) -> Floats:
    """The finite numbers among n values, as float64; everything else is left out.

    Parameters
    ----------
    values : Series of n values
        Of any kind: text is read as numbers, a time span as seconds.

    Returns
    -------
    ndarray of shape (m,), m ≤ n

    Examples
    --------
    >>> finite_numbers(pd.Series(["1.5", "soon", None, "inf"], dtype=object)).tolist()
    [1.5]
    """
    if not pd.api.types.is_numeric_dtype(values.dtype):
        if pd.api.types.is_timedelta64_dtype(values.dtype):
            values = values.dt.total_seconds()
        else:
            values = pd.to_numeric(values.astype(object), errors="coerce")
    floats = values.to_numpy(dtype=np.float64, na_value=np.nan)
    return np.asarray(floats[np.isfinite(floats)])


def as_strings(values: pd.Series) -> pd.Series:
    """The names of categories, as models are given them, without missing ones.

    Parameters
    ----------
    values : Series of n values
        Of any kind.

    Returns
    -------
    Series of m ≤ n strings

    Examples
    --------
    >>> as_strings(pd.Series(["a", "b"])).tolist()
    ['a', 'b']
    """
    if values.dtype == "str":
        return values.dropna()
    name = str(values.name)
    named = normalise(pd.DataFrame({name: values}), {name: str(ColumnKind.CATEGORICAL)})[name]
    return named.dropna().astype("str")


def predicted_values(model: FittedModel, rows: pd.DataFrame) -> tuple[Part, str]:
    """What a model predicts of n rows, and its kind.

    Parameters
    ----------
    model : FittedModel
    rows : DataFrame of n rows

    Returns
    -------
    (ndarray or Series, str)
        A regression's predictions and, with two classes, the probability of the second one as
        numbers; with more classes the predicted ones as categories.

    Raises
    ------
    DataError
        When the rows lack a feature of the model.

    Examples
    --------
    >>> from core.engines.example_rows import example_rows, example_type
    >>> from core.engines.fitting import Learner
    >>> rows = example_rows(600)
    >>> learner = Learner(model_type=example_type(), factories={}, metrics={})
    >>> model = learner.fit(rows[:100], {"a": "numeric", "b": "numeric"}, seed=0)
    >>> part, kind = predicted_values(model, rows)
    >>> part.shape, kind
    ((600,), 'numeric')
    """
    if model.classes is None:
        return finite_numbers(pd.Series(model.predict(rows))), str(ColumnKind.NUMERIC)
    if len(model.classes) == 2:
        return np.asarray(model.predict_proba(rows)[:, 1]), str(ColumnKind.NUMERIC)
    return as_strings(pd.Series(model.predict(rows))), str(ColumnKind.CATEGORICAL)


def distribution_of(part: Part) -> Distribution:
    """How a part is distributed.

    Parameters
    ----------
    part : ndarray or Series
        Of :func:`comparable_parts`, in the order of time.

    Returns
    -------
    NumberDistribution or LevelDistribution
        Of an array, or of a Series.

    Examples
    --------
    >>> distribution_of(np.array([3.0, 1.0])).rows
    2
    """
    if isinstance(part, pd.Series):
        return LevelDistribution.of(part)
    return NumberDistribution.of(part)


def missing_rows(values: pd.Series) -> int:
    """How many rows are without a value; an infinite number counts as none.

    Parameters
    ----------
    values : Series of n values

    Returns
    -------
    int
        From 0 to n.

    Examples
    --------
    >>> missing_rows(pd.Series([1.0, np.nan, np.inf]))
    2
    """
    if pd.api.types.is_float_dtype(values.dtype) and isinstance(values.dtype, np.dtype):
        return int(len(values) - np.isfinite(values.to_numpy()).sum())
    return int(values.isna().sum())
