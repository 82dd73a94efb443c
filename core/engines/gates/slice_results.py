"""One slice of the rows: what comparing two models on it gave, with Holm's correction."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from statsmodels.stats.multitest import multipletests

from core.engines.comparison import Comparison

# A slice of fewer common rows is not judged: hardly any model could pass.
LEAST_SLICE_ROWS = 200
# A slice may lose twice what all rows together may, since it has fewer of them.
SLICE_MARGIN = 0.03


@dataclass(frozen=True, kw_only=True)
class Slice:
    """The common rows of one value of a slice column, and what comparing them gave.

    ``compared`` is None where there are too few rows. ``level`` and ``p_adjusted`` are Holm's.

    Examples
    --------
    >>> Slice(column="city", value="Ulm", rows=120).verdict
    'unassessed'
    """

    column: str
    value: str
    rows: int
    compared: Comparison | None = None
    level: float = 0.05
    p_adjusted: float = 1.0
    alpha: float = 0.05

    @property
    def label(self) -> str:
        """As sentences name it."""
        return f"{self.column} = {self.value}"

    @property
    def verdict(self) -> str:
        """``as_good``, ``worse``, ``undecided``, ``not_defined`` or ``unassessed``."""
        if self.compared is None:
            return "unassessed"
        if not self.compared.is_defined:
            return "not_defined"
        if self.p_adjusted <= self.alpha:
            return "as_good"
        return "worse" if self.compared.bounds(self.level)[1] < 0 else "undecided"

    def as_json(self) -> dict[str, Any]:
        """As a JSON object: a line of a forest plot.

        Returns
        -------
        dict
            ``column``, ``value``, ``rows`` and ``verdict``; where it was compared also both
            metrics, the improvement with its bounds at ``level``, ``p_adjusted``, ``entities`` and
            ``rows_needed``.
        """
        made = {"column": self.column, "value": self.value, "rows": self.rows}
        if self.compared is None or not self.compared.is_defined:
            return made | {"verdict": self.verdict}
        lower, upper = self.compared.bounds(self.level)
        return made | {
            "verdict": self.verdict,
            "challenger": self.compared.challenger,
            "champion": self.compared.champion,
            "improvement": self.compared.improvement,
            "lower": lower,
            "upper": upper,
            "level": self.level,
            "p_adjusted": self.p_adjusted,
            "entities": self.compared.entities,
            "rows_needed": self.rows_needed if self.verdict == "undecided" else None,
        }

    @property
    def rows_needed(self) -> int:
        """How many rows of it would show that it is as good, if that is so."""
        if self.compared is None:
            return LEAST_SLICE_ROWS
        strict = _at_level(self.compared, self.level)
        return max(strict.rows_that_decide(SLICE_MARGIN), self.rows + 1)


def _at_level(compared: Comparison, level: float) -> Comparison:
    """The same comparison with its bounds at another one-sided level."""
    lower, upper = compared.bounds(level)
    return replace(compared, lower=lower, upper=upper, alpha=level)


def with_holm(found: list[Slice], alpha: float) -> list[Slice]:
    """Each slice with its adjusted p-value, and the level that Holm's step gives its bounds.

    Holm 1979, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of
    Statistics 6: the smallest p-value counts as many times as there are slices, the next one time
    less, and none less than the one before it.

    Parameters
    ----------
    found : list of Slice
        Those that were compared.
    alpha : float in (0, 0.5)
        One-sided level for all of them together.

    Returns
    -------
    list of Slice
        In the order of ``found``.

    Examples
    --------
    >>> compared = Comparison(challenger=0.8, champion=0.8, improvement=0.0, lower=-0.02,
    ...                       upper=0.02, p_value=0.5, samples=700)
    >>> two = [Slice(column="city", value=name, rows=700, compared=compared) for name in "ab"]
    >>> [one.level for one in with_holm(two, 0.05)]
    [0.025, 0.05]
    """
    p_values = np.array(
        [
            one.compared.p_of_margin(SLICE_MARGIN)
            if one.compared is not None and one.compared.is_defined
            else 1.0
            for one in found
        ]
    )
    if not found:
        return []
    p_adjusted = multipletests(p_values, alpha=alpha, method="holm")[1]
    ranks = np.argsort(np.argsort(p_values, kind="stable"), kind="stable")
    return [
        replace(one, level=alpha / (len(found) - int(rank)), p_adjusted=float(adjusted))
        for one, rank, adjusted in zip(found, ranks, p_adjusted, strict=True)
    ]
