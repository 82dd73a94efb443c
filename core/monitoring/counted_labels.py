"""Which labels a check counts: the one answer for the look, the test and the estimate's score."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.domain import Maturity, ModelType
from core.engines.columns import as_times
from core.engines.time_split import is_after, utc
from core.monitoring.check_rows import CheckRows
from core.monitoring.label_gap import LabelGap
from core.monitoring.maturity import countable_at, is_covered, labelled_share, measure_maturity
from core.monitoring.watched import Watched


@dataclass(frozen=True, kw_only=True)
class CountedLabels:
    """The labelled rows that may count, and whether they speak for all rows.

    Attributes
    ----------
    rows : DataFrame of n rows
    times : ndarray of shape (n,), datetime64 in UTC
        When each began to count.
    maturity : Maturity
    gap : LabelGap
        As this check leaves it.
    """

    rows: pd.DataFrame
    times: NDArray[np.datetime64]
    maturity: Maturity
    gap: LabelGap

    @property
    def covered(self) -> bool:
        """Whether enough rows have their label; if not, none of these is counted yet."""
        return is_covered(self.maturity)


def counted_labels(
    model_type: ModelType, watched: Watched, rows: CheckRows, *, as_of: datetime
) -> CountedLabels:
    """Choose the labelled rows that count as of a time.

    Parameters
    ----------
    model_type : ModelType
    watched : Watched
    rows : CheckRows
        Where the champion's profile does not know which share of rows usually has a label, the
        rows of before its training tell.
    as_of : datetime

    Returns
    -------
    CountedLabels
        Rows that the champion's training did not see, from when they count on
        (:func:`core.monitoring.maturity.countable_at`), without those of a time that was given up
        (:class:`core.monitoring.label_gap.LabelGap`).

    Raises
    ------
    DataError
        When a column of times is missing or holds something else.

    Examples
    --------
    >>> from core.engines.example_rows import example_rows, example_type
    >>> table, kind = example_rows(300), example_type()
    >>> watched = Watched(model=None, reference=None, profile=None, since=table["at"][99],
    ...     monitor=None)
    >>> shown = CheckRows(labelled=table, due=table[100:], due_before=table[:100])
    >>> found = counted_labels(kind, watched, shown, as_of=table["at"][199])
    >>> len(found.rows), found.covered, found.maturity.coverage_needed
    (100, True, 0.8)
    """
    delay, usual = watched.usual_delay(model_type), watched.usual_coverage
    if usual is None:
        _, usual = labelled_share(rows.due_before, model_type, delay=delay, as_of=as_of)
    maturity = measure_maturity(
        rows.due, model_type, delay=delay, usual_coverage=usual, as_of=as_of
    )
    gap = LabelGap.from_state(watched.state.get("labels"), since=watched.since)
    labelled, times = rows.labelled, np.empty(0, dtype="datetime64[us]")
    if len(labelled):
        times = countable_at(labelled, model_type, delay)
        counts = is_after(labelled, model_type, watched.since) & (times <= plain_time(as_of))
        if gap.left_out_until is not None:
            happened = as_times(labelled[model_type.time_column])
            late = happened + delay > utc(gap.left_out_until)
            counts &= late.to_numpy(dtype=bool)
        labelled, times = labelled[counts], times[counts]
    return CountedLabels(
        rows=labelled,
        times=times,
        maturity=maturity,
        gap=gap.after_check(as_of, counted=is_covered(maturity)),
    )


def plain_time(moment: datetime) -> np.datetime64:
    """A time as NumPy's microseconds of UTC.

    Parameters
    ----------
    moment : datetime
        One without a time zone is taken as UTC.

    Returns
    -------
    datetime64

    Examples
    --------
    >>> str(plain_time(datetime(2026, 1, 8)))
    '2026-01-08T00:00:00.000000'
    """
    return np.datetime64(utc(moment).tz_localize(None), "us")
