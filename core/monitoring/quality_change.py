"""How does the data differ from what the champion learnt from, in form rather than in degree?

How far distributions have moved is the matter of :mod:`core.monitoring.drift`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd
from scipy.stats import binom

from core.domain import ModelType, QualityFinding
from core.engines.columns import ColumnKind, as_times
from core.monitoring.profile import ColumnProfile, ReferenceProfile
from core.monitoring.profiled_values import finite_numbers
from core.monitoring.quality_finding import found

# Rows that the champion learnt from are in range: only the newest ones can be out of it.
NEWEST_SHARE = 0.2
LEAST_NEWEST = 200
# Out of range by chance: in one assessment of a hundred, whatever the number of columns.
RANGE_ALPHA = 0.01
RANGE_SHARE = 0.01
# Never a value in any row, if the rate of missing values were still the same: once in a million.
VANISHED_CHANCE = 1e-6

# Kinds that the same column may take by turns: a boolean with a hole is read as a number, and how
# many values differ makes a text or a category.
_FAMILIES = {
    ColumnKind.NUMERIC: "numbers",
    ColumnKind.BOOLEAN: "numbers",
    ColumnKind.CATEGORICAL: "words",
    ColumnKind.TEXT: "words",
    ColumnKind.DATETIME: "times",
}


def change_findings(
    frame: pd.DataFrame,
    model_type: ModelType,
    profile: ReferenceProfile,
    kinds: Mapping[str, str],
) -> Iterator[QualityFinding]:
    """What has changed in the features since the champion learnt from them.

    Parameters
    ----------
    frame : DataFrame of n labelled rows
    model_type : ModelType
    profile : ReferenceProfile
        Of the champion.
    kinds : mapping of str to str
        The kind of each feature that the frame has, as it is now.

    Yields
    ------
    QualityFinding
        ``vanished_column`` (blocking): it had values then and has none now. ``changed_kind``:
        numbers, words or times have become another of these. ``out_of_range``: numbers beyond the
        smallest or largest one that the champion saw, in more of the newest fifth of the rows than
        the 2/(m + 1) that are expected of m exchangeable rows (binomial test, Bonferroni).

    Examples
    --------
    See :func:`core.monitoring.data_quality.assess`.
    """
    newest = _newest(frame, model_type)
    known = {name: profile.features[name] for name in kinds if name in profile.features}
    for name, before in known.items():
        now = ColumnKind(kinds[name])
        if frame[name].isna().all():
            yield from _vanished(name, before, len(frame))
        elif now not in _FAMILIES or before.kind not in _FAMILIES:
            continue
        elif _FAMILIES[now] != (was := _FAMILIES[ColumnKind(before.kind)]):
            detail = f'"{name}" held {was} when the champion was trained, and holds '
            detail += f"{_FAMILIES[now]} now."
            yield found("changed_kind", name, detail, before=was, now=_FAMILIES[now])
        elif now is ColumnKind.NUMERIC and before.bounds is not None:
            yield from _out_of_range(name, frame[name].iloc[newest], before, columns=len(known))


def _newest(frame: pd.DataFrame, model_type: ModelType) -> np.ndarray:
    rows = max(LEAST_NEWEST, int(NEWEST_SHARE * len(frame)))
    if model_type.time_column not in frame.columns:
        return np.arange(len(frame))[-rows:]
    return as_times(frame[model_type.time_column]).to_numpy().argsort(kind="stable")[-rows:]


def _vanished(name: str, before: ColumnProfile, rows: int) -> Iterator[QualityFinding]:
    share = before.missing_share
    if rows and share**rows < VANISHED_CHANCE:
        # Rounded down: 100 % stands for every row.
        filled = int(100 * (1 - share))
        detail = (
            f'"{name}" has no value in any row; when the champion was trained it had one in '
            f"{filled} % of them."
        )
        yield found("vanished_column", name, detail, blocking=True, before=1 - share)


def _out_of_range(
    name: str, values: pd.Series, before: ColumnProfile, *, columns: int
) -> Iterator[QualityFinding]:
    low, high = before.bounds or (-np.inf, np.inf)
    numbers = finite_numbers(values)
    # Stored bounds are rounded to nine digits.
    slack = 1e-8 * max(abs(low), abs(high))
    beyond = int(((numbers < low - slack) | (numbers > high + slack)).sum())
    if not beyond:
        return
    expected = min(2 / (before.rows - before.missing + 1), 1.0)
    chance = float(binom.sf(beyond - 1, len(numbers), expected)) * columns
    if chance <= RANGE_ALPHA and beyond >= RANGE_SHARE * len(numbers):
        detail = (
            f'"{name}" is outside {low:g} to {high:g}, where the champion learnt, in '
            f"{beyond:,} of the {len(numbers):,} newest rows."
        )
        yield found("out_of_range", name, detail, rows=beyond, of=len(numbers), low=low, high=high)
