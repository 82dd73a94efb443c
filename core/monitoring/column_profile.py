"""One column as it was: what the same column of later rows is compared with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import pandas as pd

from core.monitoring.distributions import (
    Distribution,
    NumberDistribution,
    distribution_from_json,
)
from core.monitoring.profiled_values import comparable_parts, distribution_of, missing_rows


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
    >>> import numpy as np
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
        """From what :meth:`as_json` gives.

        Parameters
        ----------
        row : mapping
            The JSON object.

        Returns
        -------
        ColumnProfile
        """
        parts = {name: distribution_from_json(part) for name, part in row["parts"].items()}
        return cls(**(dict(row) | {"parts": parts}))

    def as_json(self) -> dict[str, Any]:
        """As a JSON object.

        Returns
        -------
        dict
            The fields by name, each of ``parts`` as a JSON object.
        """
        return {
            "kind": self.kind,
            "rows": self.rows,
            "missing": self.missing,
            "parts": {name: part.as_json() for name, part in self.parts.items()},
            "importance": self.importance,
        }


def profile_column(
    values: pd.Series,
    kind: str,
    *,
    times: pd.Series,
    is_time_column: bool = False,
    importance: float | None = None,
) -> ColumnProfile:
    """Profile one column.

    Parameters
    ----------
    values : Series of n rows
    kind : str
        A value of :class:`core.engines.columns.ColumnKind`.
    times : Series of n timestamps, UTC
        The rows' own times; only a column of times needs them.
    is_time_column : bool
        Whether the column is the one that ``times`` come from.
    importance : float or None
        Share of the model's permutation importance, in [0, 1].

    Returns
    -------
    ColumnProfile

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
