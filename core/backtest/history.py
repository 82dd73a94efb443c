"""All rows of a model type, sorted once, and what of them could be seen at any time.

A worker reads the same rows from the database (:func:`core.datasets.read_rows`), in the same order.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.domain import ModelType
from core.engines.columns import as_times
from core.engines.time_split import plain_times
from core.monitoring.check_rows import CheckRows, RowsNeeded, Span
from core.monitoring.counted_labels import plain_time

Times = NDArray[np.datetime64]


class History:
    """Every row there ever was, those without a label included.

    Parameters
    ----------
    frame : DataFrame of n rows
        In any order, with the columns that the model type names. A row without a target, or without
        a time in the label-time column, has no label.
    model_type : ModelType

    Attributes
    ----------
    labelled : DataFrame of k rows
        Those with a label, by time and then keys.
    happened, known : ndarray of shape (k,), datetime64 in UTC
        When these happened, and when labels became known; each in its own order.

    Examples
    --------
    >>> from core.engines.example_rows import example_rows, example_type
    >>> from datetime import UTC
    >>> history = History(example_rows(48), example_type())
    >>> noon, night = datetime(2026, 1, 1, 12, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)
    >>> len(history.known_in(noon, night)), len(history.happened_in(noon, night))
    (12, 12)
    >>> history.to_predict(noon, night)
    slice(13, 25, None)
    """

    def __init__(self, frame: pd.DataFrame, model_type: ModelType) -> None:
        by = list(dict.fromkeys((model_type.time_column, *model_type.key_columns)))
        self._all = frame.sort_values(by, kind="stable", ignore_index=True)
        self._all_happened = _happened(self._all, model_type)
        self.labelled = self._all[_has_label(self._all, model_type)].reset_index(drop=True)
        self.happened = _happened(self.labelled, model_type)
        self._known_at = plain_times(self.labelled, model_type)
        self._by_known = np.argsort(self._known_at, kind="stable")
        self.known = self._known_at[self._by_known]

    def __len__(self) -> int:
        """How many rows have a label."""
        return len(self.labelled)

    @property
    def last(self) -> datetime:
        """When the newest labelled row happened."""
        return pd.Timestamp(self.happened[-1], tz="UTC").to_pydatetime()

    def known_in(self, start: datetime | None, end: datetime) -> pd.DataFrame:
        """Rows whose label became known in ``(start, end]``, by row time and then keys.

        Parameters
        ----------
        start : datetime or None
            None: all history.
        end : datetime

        Returns
        -------
        DataFrame of labelled rows
        """
        first = 0 if start is None else _position(self.known, start)
        chosen = self._by_known[first : _position(self.known, end)]
        return self.labelled.iloc[np.sort(chosen)].reset_index(drop=True)

    def happened_in(self, start: datetime, end: datetime) -> pd.DataFrame:
        """Rows that happened in ``(start, end]``, whatever their label.

        Parameters
        ----------
        start, end : datetime

        Returns
        -------
        DataFrame of rows
            By time and then keys.
        """
        first, last = _position(self._all_happened, start), _position(self._all_happened, end)
        return self._all.iloc[first:last].reset_index(drop=True)

    def for_check(self, needed: RowsNeeded) -> CheckRows:
        """What a check asks for.

        Parameters
        ----------
        needed : RowsNeeded
            As :func:`core.monitoring.check_rows.rows_needed` gives it.

        Returns
        -------
        CheckRows
            In the frames of rows whatever their target, labels that became known later are
            there too: a check goes by when they did.
        """
        none = self._all[:0]
        return CheckRows(
            labelled=self._counting_in(needed.counting, needed.delay),
            recent=self._in_span(needed.recent) if needed.recent else none,
            waiting=self._in_span(needed.waiting) if needed.waiting else none,
            due=self._in_span(needed.due),
            due_before=self._in_span(needed.due_before) if needed.due_before else none,
        )

    def _in_span(self, span: Span) -> pd.DataFrame:
        return self.happened_in(span.start, span.end)

    def _counting_in(self, span: Span, delay: timedelta) -> pd.DataFrame:
        """Labelled rows that begin to count in the span, none before its time plus the delay."""
        old = _position(self.happened, span.end - delay)
        usual = np.arange(_position(self.happened, span.start - delay), old)
        known = _position(self.known, span.end)
        late = self._by_known[_position(self.known, span.start) : known]
        chosen = np.union1d(usual[self._known_at[usual] <= plain_time(span.end)], late[late < old])
        return self.labelled.iloc[chosen].reset_index(drop=True)

    def to_predict(self, start: datetime, end: datetime) -> slice:
        """Where the labelled rows that happened in ``(start, end]`` stand.

        Parameters
        ----------
        start, end : datetime

        Returns
        -------
        slice
            Into ``labelled``, whose rows are in the order of time.
        """
        return slice(_position(self.happened, start), _position(self.happened, end))


def _has_label(frame: pd.DataFrame, model_type: ModelType) -> NDArray[np.bool_]:
    labelled = frame[model_type.target_column].notna()
    if model_type.label_time_column is not None:
        labelled &= as_times(frame[model_type.label_time_column]).notna()
    return labelled.to_numpy(dtype=bool)


def _happened(frame: pd.DataFrame, model_type: ModelType) -> Times:
    times = as_times(frame[model_type.time_column]).dt.tz_localize(None)
    return np.asarray(times, dtype="datetime64[us]")


def _position(times: Times, moment: datetime) -> int:
    """How many of the sorted times are not later."""
    return int(np.searchsorted(times, plain_time(moment), side="right"))
