"""From raw columns to what an estimator takes: the first step of every built-in pipeline."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin

from core.engines.columns import ColumnKind, normalise

# The parts of a time that repeat or grow, by the name of pandas' accessor.
TIME_PARTS = ("year", "month", "day", "day_of_week", "hour", "minute")


def numeric_features(kinds: Mapping[str, str]) -> list[str]:
    """Names of the numeric features that :class:`FeatureBuilder` makes, in order.

    Parameters
    ----------
    kinds : mapping of str to str
        Kind of each column, as :func:`core.engines.columns.column_kinds` gives it.

    Returns
    -------
    list of str

    Examples
    --------
    >>> numeric_features({"price": "numeric", "city": "categorical", "note": "text"})
    ['price', 'note__length', 'note__words']
    """
    names: list[str] = []
    for column, kind in kinds.items():
        if kind in {ColumnKind.NUMERIC, ColumnKind.BOOLEAN, ColumnKind.EMPTY}:
            names.append(column)
        elif kind == ColumnKind.DATETIME:
            names.extend(f"{column}__{part}" for part in TIME_PARTS)
        elif kind == ColumnKind.TEXT:
            names.extend((f"{column}__length", f"{column}__words"))
    return names


def categorical_features(kinds: Mapping[str, str]) -> list[str]:
    """Names of the categorical features that :class:`FeatureBuilder` makes, in order.

    Parameters
    ----------
    kinds : mapping of str to str
        Kind of each column, as :func:`core.engines.columns.column_kinds` gives it.

    Returns
    -------
    list of str

    Examples
    --------
    >>> categorical_features({"price": "numeric", "city": "categorical", "note": "text"})
    ['city']
    """
    return [column for column, kind in kinds.items() if kind == ColumnKind.CATEGORICAL]


class ColumnNormaliser(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Brings raw columns into the one form of their kind; it learns nothing.

    Parameters
    ----------
    column_kinds : mapping of str to str
        As :func:`core.engines.columns.column_kinds` gives it.

    Examples
    --------
    >>> rows = pd.DataFrame({"price": ["1.5", None]})
    >>> ColumnNormaliser({"price": "numeric"}).fit_transform(rows)["price"].tolist()
    [1.5, nan]
    """

    def __init__(self, column_kinds: Mapping[str, str]) -> None:
        self.column_kinds = column_kinds

    def fit(self, X: pd.DataFrame, y: Any = None) -> Self:
        """Nothing to learn.

        Parameters
        ----------
        X, y : object
            Not looked at; scikit-learn passes them.

        Returns
        -------
        ColumnNormaliser
            Itself.
        """
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """The same rows, each column in the one form of its kind.

        Parameters
        ----------
        X : DataFrame of n rows
            With every column of ``column_kinds``.

        Returns
        -------
        DataFrame of n rows
            The columns of ``column_kinds``, in that order.

        Raises
        ------
        DataError
            As :func:`core.engines.columns.normalise`.
        """
        return normalise(X, self.column_kinds)


class FeatureBuilder(ColumnNormaliser):
    """Normalised columns, with the parts of times and the size of texts in their place.

    The result has the columns of :func:`numeric_features` (float64) and then those of
    :func:`categorical_features` (str objects, NaN where missing).

    Examples
    --------
    >>> rows = pd.DataFrame({"note": ["two words"], "price": [1]})
    >>> found = FeatureBuilder({"note": "text", "price": "numeric"}).transform(rows)
    >>> found.iloc[0].to_dict()
    {'note__length': 9.0, 'note__words': 2.0, 'price': 1.0}
    """

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """The features of each row.

        Parameters
        ----------
        X : DataFrame of n rows
            With every column of ``column_kinds``.

        Returns
        -------
        DataFrame of n rows
            The columns of :func:`numeric_features`, then those of :func:`categorical_features`.

        Raises
        ------
        DataError
            As :func:`core.engines.columns.normalise`.
        """
        columns = normalise(X, self.column_kinds)
        made: dict[str, Any] = {}
        for name, kind in self.column_kinds.items():
            if kind == ColumnKind.DATETIME:
                parts = {f"{name}__{p}": getattr(columns[name].dt, p) for p in TIME_PARTS}
                made |= {key: part.astype("float64") for key, part in parts.items()}
            elif kind == ColumnKind.TEXT:
                made |= _text_sizes(name, columns[name])
            else:
                made[name] = columns[name]
        order = numeric_features(self.column_kinds) + categorical_features(self.column_kinds)
        return pd.DataFrame(made, index=columns.index)[order]


def _text_sizes(name: str, texts: pd.Series) -> dict[str, pd.Series]:
    strings = texts.astype("str")
    sizes = {"length": strings.str.len(), "words": strings.str.count(r"\S+")}
    return {f"{name}__{what}": size.astype("float64") for what, size in sizes.items()}
