"""Rows as small whole numbers: what of a reference sample is kept, and compared with later rows.

Numbers become the interval of the reference's quantiles that they lie in, categories a position in
the list of frequent levels. Trees see as much of such codes as of the values, 2,000 rows of 20
columns take about 0.15 MB of JSON, and no value of a row is kept as it was.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.engines.columns import ColumnKind
from core.engines.features import FeatureBuilder, categorical_features, numeric_features

Floats = NDArray[np.float64]

QUANTILES = 64
MOST_LEVELS = 30
# A level seen less often is pooled with all others: its share is known too badly.
LEAST_ROWS_PER_LEVEL = 10
# Times always move on, so that they tell any two spans of rows apart; an empty column tells nothing
# until it is filled, which data quality reports.
_LEFT_OUT = {ColumnKind.DATETIME, ColumnKind.EMPTY}


@dataclass(frozen=True, kw_only=True)
class CodedColumn:
    """How one column becomes codes: by the edges of intervals, or by levels.

    Examples
    --------
    >>> column = CodedColumn(name="city", levels=("Bonn", "Ulm"))
    >>> column.codes(pd.Series(["Ulm", "Rome", None])).tolist()
    [1.0, 2.0, nan]
    """

    name: str
    edges: tuple[float, ...] = ()
    levels: tuple[str, ...] | None = None  # None for numbers

    def codes(self, values: pd.Series) -> Floats:
        """The code of each value (n,), NaN where it is missing.

        Numbers: 0 below the first edge, … ; levels: their position, one code for all others.

        Parameters
        ----------
        values : Series of n values
            Floats, or strings where the column has levels.

        Returns
        -------
        ndarray of shape (n,)
            Whole numbers ≥ 0, or NaN.
        """
        if self.levels is None:
            numbers = values.to_numpy(dtype=np.float64)
            codes = np.searchsorted(np.array(self.edges), numbers, side="right").astype(np.float64)
            return np.where(np.isnan(numbers), np.nan, codes)
        positions = {level: float(at) for at, level in enumerate(self.levels)}
        found = values.map(positions).to_numpy(dtype=np.float64)
        other = np.isnan(found) & values.notna().to_numpy()
        return np.where(other, float(len(self.levels)), found)


@dataclass(frozen=True, kw_only=True)
class Coding:
    """The columns of a table as codes, the numeric ones first.

    Examples
    --------
    >>> rows = pd.DataFrame({"price": [1.0, 2.0, 3.0, None] * 10, "city": ["Ulm"] * 39 + ["Bonn"]})
    >>> coding = Coding.learn(rows, {"price": "numeric", "city": "categorical"})
    >>> coding.code(rows.tail(2)).tolist()
    [[3.0, 0.0], [nan, 1.0]]
    """

    kinds: Mapping[str, str]
    columns: tuple[CodedColumn, ...]

    @classmethod
    def learn(cls, rows: pd.DataFrame, column_kinds: Mapping[str, str]) -> Coding:
        """Choose edges and levels.

        Parameters
        ----------
        rows : DataFrame of n ≥ 1 rows
        column_kinds : mapping of str to str
            As :func:`core.engines.columns.column_kinds` gives it; times are left out.

        Returns
        -------
        Coding
            Numbers by the edges of 64 intervals of equal share (fewer where values repeat),
            categories by the up to 30 most frequent levels that at least 10 rows have.

        Raises
        ------
        DataError
            A column of numbers holds something else.
        """
        kinds = {name: kind for name, kind in column_kinds.items() if kind not in _LEFT_OUT}
        features = FeatureBuilder(kinds).transform(rows)
        numbers = [_numeric(name, features[name]) for name in numeric_features(kinds)]
        levels = [_categorical(name, features[name]) for name in categorical_features(kinds)]
        return cls(kinds=kinds, columns=(*numbers, *levels))

    def code(self, rows: pd.DataFrame) -> Floats:
        """The codes of n rows, shape (n, c); NaN where a value is missing.

        Parameters
        ----------
        rows : DataFrame of n rows
            With the columns that were learnt from.

        Returns
        -------
        ndarray of shape (n, c)
            Whole numbers ≥ 0, or NaN; columns in the order of ``columns``.

        Raises
        ------
        DataError
            A column of numbers holds something else.
        """
        features = FeatureBuilder(self.kinds).transform(rows)
        codes = [column.codes(features[column.name]) for column in self.columns]
        return np.column_stack(codes) if codes else np.empty((len(rows), 0))

    @property
    def categorical(self) -> list[int]:
        """Positions of the columns whose codes have no order."""
        return [at for at, column in enumerate(self.columns) if column.levels is not None]

    @classmethod
    def from_json(cls, written: Mapping[str, Any]) -> Coding:
        """From what :meth:`as_json` gave.

        Parameters
        ----------
        written : mapping

        Returns
        -------
        Coding
        """
        columns = (
            CodedColumn(
                name=column["name"],
                edges=tuple(column.get("edges", ())),
                levels=tuple(column["levels"]) if "levels" in column else None,
            )
            for column in written["columns"]
        )
        return cls(kinds=dict(written["kinds"]), columns=tuple(columns))

    def as_json(self) -> dict[str, Any]:
        """As a JSON object.

        Returns
        -------
        dict
            ``kinds`` by column name, and ``columns``: each ``name`` with ``edges`` or ``levels``.
        """
        columns: list[dict[str, Any]] = [
            {"name": column.name, "edges": list(column.edges)}
            if column.levels is None
            else {"name": column.name, "levels": list(column.levels)}
            for column in self.columns
        ]
        return {"kinds": {name: str(kind) for name, kind in self.kinds.items()}, "columns": columns}


def _numeric(name: str, values: pd.Series) -> CodedColumn:
    present = values.dropna().to_numpy(dtype=np.float64)
    if not len(present):
        return CodedColumn(name=name)
    edges = np.quantile(present, np.linspace(0, 1, QUANTILES + 1), method="inverted_cdf")
    return CodedColumn(name=name, edges=tuple(np.unique(edges).tolist()))


def _categorical(name: str, values: pd.Series) -> CodedColumn:
    counts = values.value_counts()
    frequent = counts[counts >= LEAST_ROWS_PER_LEVEL].index[:MOST_LEVELS]
    return CodedColumn(name=name, levels=tuple(sorted(frequent)))


def codes_as_json(codes: Floats) -> list[list[int | None]]:
    """Codes (n, c) by column, as whole numbers, None where missing.

    Parameters
    ----------
    codes : ndarray of shape (n, c)
        As :meth:`Coding.code` gives them.

    Returns
    -------
    list of c lists of n int or None

    Examples
    --------
    >>> codes_as_json(np.array([[3.0, 0.0], [np.nan, 1.0]]))
    [[3, None], [0, 1]]
    """
    return [
        [None if np.isnan(code) else int(code) for code in column] for column in codes.T.tolist()
    ]


def codes_from_json(written: Sequence[Sequence[int | None]], rows: int) -> Floats:
    """Codes (n, c) from what :func:`codes_as_json` gave.

    Parameters
    ----------
    written : sequence of c sequences of n int or None
    rows : int
        n; where c is 0 nothing else tells it.

    Returns
    -------
    ndarray of shape (n, c)
        NaN in place of None.

    Examples
    --------
    >>> codes_from_json([[3, None], [0, 1]], 2).tolist()
    [[3.0, 0.0], [nan, 1.0]]
    """
    if not written:
        return np.empty((rows, 0))
    return np.column_stack([np.array(column, dtype=np.float64) for column in written])
