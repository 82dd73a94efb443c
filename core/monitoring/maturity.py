"""Which labels count yet: early ones alone would not speak for all rows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.domain import Maturity, ModelType
from core.engines.columns import as_times
from core.engines.time_split import row_times, utc

# Labels of fewer of the rows than this share of what was usual may be the easy ones.
COVERAGE_KEPT = 0.8
# Of fewer rows a share says nothing.
LEAST_ROWS = 30


def row_keys(frame: pd.DataFrame, key_columns: Sequence[str]) -> NDArray[np.uint64]:
    """A hash of each row's key, the same in every process.

    Parameters
    ----------
    frame : DataFrame of n rows
    key_columns : sequence of str

    Returns
    -------
    ndarray of shape (n,), uint64

    Examples
    --------
    >>> rows = pd.DataFrame({"id": [7, 8, 7]})
    >>> first, second, again = row_keys(rows, ["id"])
    >>> bool(first == again), bool(first == second)
    (True, False)
    """
    keys = frame[list(key_columns)]
    return np.asarray(pd.util.hash_pandas_object(keys, index=False), dtype=np.uint64)


def countable_at(
    frame: pd.DataFrame, model_type: ModelType, delay: timedelta
) -> NDArray[np.datetime64]:
    """When each labelled row begins to count.

    Not before its label was known, nor before labels of rows like it usually are: the later of
    the label's time and the row's time plus the usual delay.

    Parameters
    ----------
    frame : DataFrame of n labelled rows
    model_type : ModelType
    delay : timedelta
        95th percentile of label time − time.

    Returns
    -------
    ndarray of shape (n,), datetime64 in UTC

    Raises
    ------
    DataError
        When a column of times is missing or holds something else.

    Examples
    --------
    >>> from core.engines.example_rows import example_rows, example_type
    >>> countable_at(example_rows(1), example_type(), timedelta(days=2)).astype(str).tolist()
    ['2026-01-03T00:00:00.000000']
    """
    known = row_times(frame, model_type)
    usual = as_times(frame[model_type.time_column]) + pd.Timedelta(delay)
    later = known.where(known >= usual, usual)
    return np.asarray(later.dt.tz_localize(None), dtype="datetime64[us]")


def measure_maturity(
    recent: pd.DataFrame,
    model_type: ModelType,
    *,
    delay: timedelta,
    usual_coverage: float | None,
    as_of: datetime,
) -> Maturity:
    """Of the rows that are old enough, how many have their label?

    Parameters
    ----------
    recent : DataFrame of n rows
        All rows of the window and of the delay before it, by their own time, whatever their
        target; it may be empty.
    model_type : ModelType
    delay : timedelta
        95th percentile of label time − time.
    usual_coverage : float or None
        Share of rows with a label when the model was trained; None: not known, taken for 1.
    as_of : datetime

    Returns
    -------
    Maturity
        ``coverage`` is None where fewer than 30 rows are old enough.

    Examples
    --------
    >>> from core.engines.example_rows import AS_OF, example_rows, example_type
    >>> found = measure_maturity(example_rows(), example_type(), delay=timedelta(0),
    ...     usual_coverage=None, as_of=AS_OF)
    >>> found.coverage
    1.0
    """
    matured, covered = 0, None
    if len(recent) and model_type.target_column in recent.columns:
        times = as_times(recent[model_type.time_column])
        old = (times + pd.Timedelta(delay) <= utc(as_of)).to_numpy(dtype=bool)
        matured = int(old.sum())
        if matured >= LEAST_ROWS:
            rows = recent[old]
            known = row_times(rows, model_type) <= utc(as_of)
            labelled = rows[model_type.target_column].notna() & known
            covered = float(labelled.mean())
    return Maturity(
        delay_seconds=delay.total_seconds(),
        matured_rows=matured,
        coverage=covered,
        coverage_needed=COVERAGE_KEPT * (1.0 if usual_coverage is None else usual_coverage),
    )


def is_covered(maturity: Maturity) -> bool:
    """Whether enough of the rows have their label for the labels to speak for all.

    Parameters
    ----------
    maturity : Maturity

    Examples
    --------
    >>> is_covered(
    ...     Maturity(delay_seconds=0.0, matured_rows=90, coverage=0.7, coverage_needed=0.8)
    ... )
    False
    """
    return maturity.coverage is None or maturity.coverage >= maturity.coverage_needed
