"""The time that rows go by, and a plan's rows cut into its parts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.domain import ModelType, TrainingPlan
from core.engines.columns import as_times
from core.errors import DataError


@dataclass(frozen=True, kw_only=True)
class Parts:
    """The rows of a window: train, then calibration, then holdout, each sorted by time."""

    train: pd.DataFrame
    calibration: pd.DataFrame
    holdout: pd.DataFrame

    @property
    def window(self) -> pd.DataFrame:
        """All of them."""
        return pd.concat([self.train, self.calibration, self.holdout])


def row_times(frame: pd.DataFrame, model_type: ModelType) -> pd.Series:
    """When each row's label was known, in UTC: what windows and cut-offs go by.

    That is the label-time column where the model type has one (and the row a value), else the
    time column plus the label delay.

    Parameters
    ----------
    frame : DataFrame of n rows
        With the model type's time columns.
    model_type : ModelType

    Returns
    -------
    Series of n UTC times
        With the index of ``frame``.

    Raises
    ------
    DataError
        When a column is missing or holds something else than times.

    Examples
    --------
    >>> from core.engines.example_rows import example_rows, example_type
    >>> from datetime import timedelta
    >>> known = row_times(example_rows(1), example_type(label_delay=timedelta(days=2)))
    >>> known[0].isoformat()
    '2026-01-03T00:00:00+00:00'
    """
    times = _times_of(frame, model_type.time_column)
    known = times + pd.Timedelta(model_type.label_delay)
    if model_type.label_time_column is not None:
        labelled = model_type.label_time_column
        if labelled not in frame.columns:
            raise DataError(f'The label time column "{labelled}" is missing.')
        known = as_times(frame[labelled]).fillna(known)
    return known


def plain_times(frame: pd.DataFrame, model_type: ModelType) -> NDArray[np.datetime64]:
    """:func:`row_times` as NumPy's microseconds of UTC, shape (n,), in the frame's order.

    Parameters
    ----------
    frame : DataFrame of n rows
        With the model type's time columns.
    model_type : ModelType

    Returns
    -------
    ndarray of datetime64[us], shape (n,)

    Raises
    ------
    DataError
        As :func:`row_times`.

    Examples
    --------
    >>> from core.engines.example_rows import example_rows, example_type
    >>> plain_times(example_rows(1), example_type()).astype(str).tolist()
    ['2026-01-01T00:00:00.000000']
    """
    times = row_times(frame, model_type).dt.tz_localize(None)
    plain: NDArray[np.datetime64] = times.to_numpy(dtype="datetime64[us]")
    return plain


def _times_of(frame: pd.DataFrame, column: str) -> pd.Series:
    if column not in frame.columns:
        raise DataError(f'The time column "{column}" is missing.', hint="Name an existing column.")
    values = frame[column]
    if pd.api.types.is_numeric_dtype(values.dtype):
        times = pd.Series(pd.NaT, index=values.index, dtype="datetime64[us, UTC]")
    else:
        times = as_times(values)
    if wrong := int(times.isna().sum()):
        raise DataError(
            f'The time column "{column}" holds no time in {wrong:,} of {len(times):,} rows.',
            hint="Use a column of dates or timestamps without missing values.",
        )
    return times


def is_after(frame: pd.DataFrame, model_type: ModelType, cutoff: datetime) -> NDArray[np.bool_]:
    """Which rows' label became known after ``cutoff``, shape (n,).

    Parameters
    ----------
    frame : DataFrame of n rows
        With the model type's time columns.
    model_type : ModelType
    cutoff : datetime
        Without a zone it is taken for UTC.

    Returns
    -------
    ndarray of bool, shape (n,)

    Raises
    ------
    DataError
        As :func:`row_times`.

    Examples
    --------
    >>> from core.engines.example_rows import example_rows, example_type
    >>> is_after(example_rows(3), example_type(), datetime(2026, 1, 1, 1)).tolist()
    [False, False, True]
    """
    return (row_times(frame, model_type) > utc(cutoff)).to_numpy(dtype=bool)


def split_window(frame: pd.DataFrame, model_type: ModelType, plan: TrainingPlan) -> Parts:
    """Cut the rows that ``plan`` chose into its parts.

    Parameters
    ----------
    frame : DataFrame
        The rows that ``plan`` was made from, in any order.
    model_type : ModelType
    plan : TrainingPlan

    Returns
    -------
    Parts
        Rows of the same time stay in the order of ``frame``.

    Raises
    ------
    DataError
        When ``frame`` is not the data that was planned with.

    Examples
    --------
    >>> from core.engines.example_rows import AS_OF, example_rows, example_type
    >>> from core.engines.window_plan import plan_window
    >>> rows, kind = example_rows(), example_type()
    >>> parts = split_window(rows, kind, plan_window(rows, kind, as_of=AS_OF, champion_cutoff=None))
    >>> len(parts.train), len(parts.calibration), len(parts.holdout)
    (160, 40, 100)
    """
    times = plain_times(frame, model_type)
    start, end = (
        np.datetime64(utc(t).tz_localize(None), "us") for t in (plan.window_start, plan.window_end)
    )
    chosen = np.flatnonzero((times >= start) & (times <= end))
    if len(chosen) != plan.rows:
        raise DataError(
            f"The plan has {plan.rows:,} rows, the data {len(chosen):,} in its window.",
            hint="Plan and train on the same rows.",
        )
    # Stable, so that rows of the same time stay in the order in which they were read.
    ordered = chosen[np.argsort(times[chosen], kind="stable")]
    first, second = plan.train_rows, plan.train_rows + plan.calibration_rows
    return Parts(
        train=frame.iloc[ordered[:first]],
        calibration=frame.iloc[ordered[first:second]],
        holdout=frame.iloc[ordered[second:]],
    )


def utc(moment: datetime) -> pd.Timestamp:
    """The moment as pandas compares it; without a zone it is taken for UTC.

    Parameters
    ----------
    moment : datetime

    Returns
    -------
    pandas.Timestamp
        In UTC.

    Examples
    --------
    >>> utc(datetime(2026, 1, 1)).isoformat()
    '2026-01-01T00:00:00+00:00'
    """
    stamp = pd.Timestamp(moment)
    return stamp.tz_localize(UTC) if stamp.tzinfo is None else stamp.tz_convert(UTC)
