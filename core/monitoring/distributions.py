"""How the values of a column were distributed, small enough to be stored with a model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.monitoring.clustering import clustering_of

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

# Half a thousandth of the rows lie between two neighbours, less than any effect that matters.
MOST_POINTS = 513
# Enough for any category by which people tell things apart; the rest is pooled.
MOST_LEVELS = 200
# Cells by which stretches of time are told apart.
STRETCH_CELLS = 10
# A stored number has this many digits, and what is compared with it is rounded alike.
DIGITS = 9


@dataclass(frozen=True, kw_only=True)
class NumberDistribution:
    """Order statistics of a sample of numbers, with exact counts at each of them.

    Both one-sided limits of the empirical distribution function are exact at every point, so that
    continuous, discrete and mixed columns are all compared without interpolation.

    Parameters
    ----------
    rows : int
        Numbers in the sample, m.
    points : ndarray of shape (p,), p ≤ 513
        Increasing; the smallest and the largest number are the first and the last one. All
        distinct numbers where there are no more than 513.
    upto : ndarray of shape (p,)
        Rows that are no larger than each point.
    ties : ndarray of shape (p,)
        Rows that are equal to each point.
    clustering : float
        See :func:`core.monitoring.clustering.clustering_of`.

    Examples
    --------
    >>> found = NumberDistribution.of(np.array([1.0, 2.0, 2.0, 5.0]))
    >>> found.points.tolist(), found.upto.tolist(), found.ties.tolist()
    ([1.0, 2.0, 5.0], [1, 3, 4], [1, 2, 1])
    >>> NumberDistribution.from_json(found.as_json()).quantile(0.5)
    2.0
    """

    rows: int
    points: Floats
    upto: Counts
    ties: Counts
    clustering: float = 1.0

    @classmethod
    def of(cls, values: Floats) -> Self:
        """The distribution of a sample of numbers.

        Parameters
        ----------
        values : ndarray of shape (m,)
            All finite, in the order of time, by which their clustering is seen.

        Returns
        -------
        NumberDistribution
        """
        ordered = round_digits(np.sort(values))
        points = np.unique(ordered)
        if len(points) > MOST_POINTS:
            ranks = np.linspace(0, len(ordered) - 1, MOST_POINTS).round().astype(np.intp)
            points = np.unique(ordered[ranks])
        upto = np.searchsorted(ordered, points, side="right")
        below = np.searchsorted(ordered, points, side="left")
        ranks = np.arange(1, STRETCH_CELLS) * len(ordered) // STRETCH_CELLS
        deciles = ordered[ranks] if len(ordered) else ordered
        cells = np.searchsorted(np.unique(deciles), values, side="left")
        return cls(
            rows=len(ordered),
            points=points,
            upto=upto,
            ties=upto - below,
            clustering=clustering_of(cells, ordered=True),
        )

    def quantile(self, share: float) -> float:
        """The smallest stored point that ``share`` of the rows do not exceed; NaN without rows.

        Parameters
        ----------
        share : float
            In [0, 1].

        Returns
        -------
        float
        """
        if not self.rows:
            return float("nan")
        position = int(np.searchsorted(self.upto, share * self.rows))
        return float(self.points[min(position, len(self.points) - 1)])

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Self:
        """From what :meth:`as_json` gives.

        Parameters
        ----------
        row : mapping
            The JSON object.

        Returns
        -------
        NumberDistribution
        """
        return cls(
            rows=row["rows"],
            points=np.asarray(row["points"], dtype=np.float64),
            upto=np.asarray(row["upto"], dtype=np.int64),
            ties=np.asarray(row["ties"], dtype=np.int64),
            clustering=row["clustering"],
        )

    def as_json(self) -> dict[str, Any]:
        """As a JSON object: the fields by name, arrays as lists."""
        return {
            "rows": self.rows,
            "points": self.points.tolist(),
            "upto": self.upto.tolist(),
            "ties": self.ties.tolist(),
            "clustering": self.clustering,
        }


@dataclass(frozen=True, kw_only=True)
class LevelDistribution:
    """How often each category occurred.

    Parameters
    ----------
    rows : int
        Rows counted, m.
    levels : mapping of str to int
        Rows of each level that is kept, at most 200, the most frequent first.
    others : int
        Rows of all other levels, pooled; 0 where every level is kept.
    clustering : float
        See :func:`core.monitoring.clustering.clustering_of`.

    Examples
    --------
    >>> found = LevelDistribution.of(pd.Series(["red", "blue", "red"]))
    >>> dict(found.levels), found.others, found.keeps_all
    ({'red': 2, 'blue': 1}, 0, True)
    """

    rows: int
    levels: Mapping[str, int]
    others: int
    clustering: float = 1.0

    @classmethod
    def of(cls, values: pd.Series) -> Self:
        """The distribution of a sample of categories.

        With more than 200 levels the ones to keep are chosen on every other row and counted on
        the rows between. Chosen and counted on the same rows they would look more frequent than
        they are, and every later window would seem to have drifted.

        Parameters
        ----------
        values : Series of m strings
            None missing, in the order of time, by which their clustering is seen.

        Returns
        -------
        LevelDistribution
        """
        counts = _counted(values)
        kept = list(counts)
        others = 0
        if len(counts) > MOST_LEVELS:
            kept = list(_counted(values.iloc[::2]))[:MOST_LEVELS]
            values = values.iloc[1::2]
            counts = _counted(values)
            others = len(values) - sum(counts.get(level, 0) for level in kept)
        cells = pd.Index(kept[: STRETCH_CELLS - 1]).get_indexer(pd.Index(values))
        return cls(
            rows=len(values),
            levels={level: counts.get(level, 0) for level in kept},
            others=others,
            clustering=clustering_of(cells + 1),
        )

    @property
    def keeps_all(self) -> bool:
        """Whether every level that occurred is kept, so that any other one is new."""
        return self.others == 0

    @property
    def singletons(self) -> int:
        """Levels that occurred once: as many rows out of m are to be expected of new levels."""
        return sum(count == 1 for count in self.levels.values())

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Self:
        """From what :meth:`as_json` gives.

        Parameters
        ----------
        row : mapping
            The JSON object.

        Returns
        -------
        LevelDistribution
        """
        return cls(**(dict(row) | {"levels": dict(row["levels"])}))

    def as_json(self) -> dict[str, Any]:
        """As a JSON object: the fields by name."""
        return {
            "rows": self.rows,
            "levels": dict(self.levels),
            "others": self.others,
            "clustering": self.clustering,
        }


Distribution = NumberDistribution | LevelDistribution


def distribution_from_json(row: Mapping[str, Any]) -> Distribution:
    """Either distribution from its JSON object.

    Parameters
    ----------
    row : mapping
        What either's ``as_json`` gives; only one of numbers has ``points``.

    Returns
    -------
    NumberDistribution or LevelDistribution

    Examples
    --------
    >>> distribution_from_json({"rows": 1, "levels": {"red": 1}, "others": 0}).rows
    1
    """
    kind = NumberDistribution if "points" in row else LevelDistribution
    found: Distribution = kind.from_json(row)
    return found


def round_digits(values: Floats) -> Floats:
    """Round to 9 significant digits, so that JSON holds the numbers shortly.

    Parameters
    ----------
    values : ndarray of shape (n,)
        Finite.

    Returns
    -------
    ndarray of shape (n,)

    Examples
    --------
    >>> round_digits(np.array([1 / 3, -1234567890.123, 0.0])).tolist()
    [0.333333333, -1234567890.0, 0.0]
    """
    magnitude = np.zeros(len(values))
    np.log10(np.abs(values), out=magnitude, where=values != 0)
    places = DIGITS - 1 - np.floor(magnitude)
    # Powers of ten are exact as long as they are whole numbers: divide by them, or multiply.
    up, down = (10.0 ** np.clip(sign * places, 0, 300) for sign in (1, -1))
    return np.asarray(np.round(values * up / down) / up * down)


def _counted(values: pd.Series) -> dict[str, int]:
    """Rows of each level, the most frequent first, ties by name."""
    counts = values.value_counts()
    pairs = zip(map(str, counts.index), map(int, counts), strict=True)
    return dict(sorted(pairs, key=lambda pair: (-pair[1], pair[0])))
