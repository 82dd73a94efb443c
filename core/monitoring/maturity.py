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


def labelled_share(
    rows: pd.DataFrame, model_type: ModelType, *, delay: timedelta, as_of: datetime
) -> tuple[int, float | None]:
    """Of the rows that are old enough, how many have their label?

    Parameters
    ----------
    rows : DataFrame of n rows
        All rows of a time, whatever their target; it may be empty.
    model_type : ModelType
    delay : timedelta
        95th percentile of label time − time.
    as_of : datetime

    Returns
    -------
    int, float or None
        Rows that are old enough, and the share of them that has a label; None where these are
        fewer than 30.

    Raises
    ------
    DataError
        When a column of times is missing or holds something else.

    Examples
    --------
    >>> from core.engines.example_rows import AS_OF, example_rows, example_type
    >>> labelled_share(example_rows(), example_type(), delay=timedelta(0), as_of=AS_OF)
    (300, 1.0)
    """
    if not len(rows):
        return 0, None
    times = as_times(rows[model_type.time_column])
    old = rows[(times + pd.Timedelta(delay) <= utc(as_of)).to_numpy(dtype=bool)]
    if len(old) < LEAST_ROWS:
        return len(old), None
    known = row_times(old, model_type) <= utc(as_of)
    return len(old), float((old[model_type.target_column].notna() & known).mean())


def measure_maturity(
    due: pd.DataFrame,
    model_type: ModelType,
    *,
    delay: timedelta,
    usual_coverage: float | None,
    as_of: datetime,
) -> Maturity:
    """Have as many of the rows their label as usually have, so that the labels speak for all?

    Parameters
    ----------
    due : DataFrame of n rows
        As for :func:`labelled_share`.
    model_type : ModelType
    delay : timedelta
        95th percentile of label time − time.
    usual_coverage : float or None
        Share of rows with a label when the model was trained; None: not known, and then any is
        enough.
    as_of : datetime

    Returns
    -------
    Maturity
        ``coverage`` is None where fewer than 30 rows are old enough.

    Raises
    ------
    DataError
        When a column of times is missing or holds something else.

    Examples
    --------
    >>> from core.engines.example_rows import AS_OF, example_rows, example_type
    >>> found = measure_maturity(example_rows(), example_type(), delay=timedelta(0),
    ...     usual_coverage=0.9, as_of=AS_OF)
    >>> found.coverage, round(found.coverage_needed, 2)
    (1.0, 0.72)
    """
    matured, covered = labelled_share(due, model_type, delay=delay, as_of=as_of)
    return Maturity(
        delay_seconds=delay.total_seconds(),
        matured_rows=matured,
        coverage=covered,
        coverage_needed=COVERAGE_KEPT * (usual_coverage or 0.0),
    )


def is_covered(maturity: Maturity) -> bool:
    """Whether enough of the rows have their label for the labels to speak for all.

    Parameters
    ----------
    maturity : Maturity

    Returns
    -------
    bool
        True where the coverage is not known.

    Examples
    --------
    >>> is_covered(
    ...     Maturity(delay_seconds=0.0, matured_rows=90, coverage=0.7, coverage_needed=0.8)
    ... )
    False
    """
    return maturity.coverage is None or maturity.coverage >= maturity.coverage_needed
