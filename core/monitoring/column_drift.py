"""Each column of a window against its profile, and which of them have drifted in earnest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from core.domain import DriftSeverity
from core.domain.monitoring import ColumnDrift
from core.engines.columns import ColumnKind
from core.monitoring.column_profile import ColumnProfile
from core.monitoring.comparison import Comparison, compare_shares
from core.monitoring.distributions import LevelDistribution
from core.monitoring.drift_windows import LEAST_ROWS
from core.monitoring.level_drift import compare_levels
from core.monitoring.number_drift import compare_numbers
from core.monitoring.profiled_values import Part, missing_rows

# Share of false ones among the columns that are called drifted (Benjamini and Hochberg 1995).
# Where nothing has drifted it is the share of windows in which any column is.
LEVEL = 0.05

_SEVERITIES = list(DriftSeverity)  # by degree
_CATEGORIES = {ColumnKind.CATEGORICAL, ColumnKind.BOOLEAN}


@dataclass(frozen=True, kw_only=True)
class ComparedColumn:
    """One column before the columns are judged together.

    Attributes
    ----------
    name : str
    profile : ColumnProfile
        As it was.
    distribution : Comparison or None
        Of the part that has moved most surely.
    missing, new_categories : Comparison or None
        Of the shares of rows without a value, and of rows whose category is new.
    missing_now, new_share : float
        These shares in the window, in [0, 1].
    tests : int
        How many were made, those of the other parts included.
    """

    name: str
    profile: ColumnProfile
    distribution: Comparison | None
    missing: Comparison | None
    new_categories: Comparison | None
    missing_now: float
    new_share: float
    tests: int

    @property
    def checks(self) -> tuple[Comparison, ...]:
        """Whatever could be tested."""
        found = (self.distribution, self.missing, self.new_categories)
        return tuple(check for check in found if check is not None)

    @property
    def p_value(self) -> float | None:
        """Of all its tests together (Bonferroni); None where there is none."""
        if not self.checks:
            return None
        return min(1.0, self.tests * min(check.p_value for check in self.checks))


def compare_column(
    name: str,
    profile: ColumnProfile,
    values: pd.Series,
    parts: Mapping[str, Part],
    *,
    seed: int,
    missing_matters: bool = True,
) -> ComparedColumn:
    """Compare one column with its profile.

    Parameters
    ----------
    name : str
    profile : ColumnProfile
    values : Series of all rows of the window
        For missing rows and new categories; how many there are tells what the sample stands for.
    parts : mapping of str to ndarray or Series
        What :func:`core.monitoring.profiled_values.comparable_parts` gives for a sample of them.
    seed : int
        Of the permutations.
    missing_matters : bool
        False for a target, which may just not be known yet, and a prediction.

    Returns
    -------
    ComparedColumn
        Without the tests that there is nothing for: fewer than 50 values, none missing, none new.

    Examples
    --------
    >>> from core.monitoring.profile import profile_column
    >>> no_times = pd.Series(dtype="datetime64[us, UTC]")
    >>> before, now = pd.Series(["a", "b"] * 200), pd.Series(["a", "c"] * 200)
    >>> profile = profile_column(before, "categorical", times=no_times)
    >>> compared = compare_column("city", profile, now, {"value": now}, seed=0)
    >>> compared.new_share, [check.test for check in compared.checks]
    (0.5, ['chi_squared', 'binomial'])
    """
    compared = [
        _compared(profile, part, parts[part], len(values), seed)
        for part in profile.parts
        if profile.parts[part].rows and len(parts[part]) >= LEAST_ROWS
    ]
    rows, missing_now, missing = len(values), 0, None
    if missing_matters and profile.kind != ColumnKind.EMPTY and rows:
        missing_now = missing_rows(values)
        if missing_now + profile.missing and profile.rows:
            missing = compare_shares(missing_now, rows, profile.missing, profile.rows)
    new_share, new_categories = _new_categories(profile, values, parts)
    return ComparedColumn(
        name=name,
        profile=profile,
        distribution=min(compared, key=lambda found: found.p_value, default=None),
        missing=missing,
        new_categories=new_categories,
        missing_now=missing_now / max(rows, 1),
        new_share=new_share,
        tests=len(compared) + (missing is not None) + (new_categories is not None),
    )


def _compared(profile: ColumnProfile, name: str, part: Part, rows: int, seed: int) -> Comparison:
    reference = profile.parts[name]
    if isinstance(reference, LevelDistribution):
        return compare_levels(reference, pd.Series(part), seed=seed, rows=rows)
    return compare_numbers(reference, np.asarray(part), rows=rows)


def _new_categories(
    profile: ColumnProfile, values: pd.Series, parts: Mapping[str, Part]
) -> tuple[float, Comparison | None]:
    """Share of the rows with a value whose category is new, and the test where there are any.

    Of new rows, as many are expected to bring a new level as rows of the reference held a level
    that no other row held (Good 1953).
    """
    reference = profile.parts.get("value")
    if profile.kind != ColumnKind.CATEGORICAL or not isinstance(reference, LevelDistribution):
        return 0.0, None
    levels = list(reference.levels)
    if not reference.keeps_all:
        sample = pd.Series(parts["value"])
        unknown = 1 - float(sample.isin(levels).mean()) if len(sample) else 0.0
        return max(0.0, unknown - reference.others / reference.rows), None
    # Plain text is looked up in all rows, since a category that is new is rare at first.
    looked_up = values if values.dtype == "str" else pd.Series(parts["value"])
    rows = int(looked_up.notna().sum())
    new = rows - int(looked_up.isin(levels).sum())
    if not new or not reference.rows or rows < LEAST_ROWS:
        return new / max(rows, 1), None
    test = compare_shares(new, rows, reference.singletons, reference.rows)
    if new / rows <= reference.singletons / reference.rows:  # fewer new ones than expected
        return new / rows, None
    return new / rows, test


def judge_columns(columns: Sequence[ComparedColumn]) -> tuple[ColumnDrift, ...]:
    """Which columns have drifted, judged together.

    A column has drifted when a test of it stands at a false discovery rate of 5 % over all columns
    (Benjamini and Hochberg 1995; the tests of one column by Bonferroni) and the effect of that test
    reaches its bar. So in 95 % of windows without drift no column is called drifted, at whatever
    size, and in large windows no column is for a trifle.

    Parameters
    ----------
    columns : sequence of ComparedColumn

    Returns
    -------
    tuple of ColumnDrift
        In the order of ``columns``.

    Examples
    --------
    >>> judge_columns([])
    ()
    """
    tested = [column for column in columns if column.p_value is not None]
    p_values = [column.p_value for column in tested]
    q_values = stats.false_discovery_control(p_values) if p_values else []
    q_of = {c.name: float(q) for c, q in zip(tested, q_values, strict=True)}
    # What the procedure asks of each p-value: of the other tests of a column too.
    needed = LEVEL * sum(q <= LEVEL for q in q_of.values()) / max(len(tested), 1)
    return tuple(_judged(column, q_of.get(column.name), needed) for column in columns)


def _judged(column: ComparedColumn, q_value: float | None, needed: float) -> ColumnDrift:
    """One column; a test counts when it stands by itself, not because another of it does."""

    def severity(check: Comparison | None) -> DriftSeverity:
        if check is None or column.tests * check.p_value > needed:
            return DriftSeverity.NONE
        return check.severity

    by_check = [
        severity(check) for check in (column.distribution, column.missing, column.new_categories)
    ]
    is_category = column.profile.kind in _CATEGORIES | {ColumnKind.EMPTY}
    found = column.distribution
    return ColumnDrift(
        column=column.name,
        kind="categorical" if is_category else "numeric",
        test="chi_squared" if is_category else "kolmogorov_smirnov",
        p_value=column.p_value,
        q_value=q_value,
        effect=None if found is None else found.effect,
        effect_name="jensen_shannon" if is_category else "psi",
        severity=max(by_check, key=_SEVERITIES.index),
        importance=column.profile.importance,
        missing_before=column.profile.missing_share,
        missing_now=column.missing_now,
        new_categories=column.new_share,
        effect_needed=None if found is None else found.warning_at,
        missing_severity=by_check[1],
        new_categories_severity=by_check[2],
    )
