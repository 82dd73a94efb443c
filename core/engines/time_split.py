"""Which rows a training uses, and how they are split: always by time, never through a tie."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.domain import ModelType, TrainingPlan
from core.engines.columns import as_times
from core.errors import DataError

# Holdout: a fifth of the window, but at most what decides 2 points at a disagreement of 10 %
# with some to spare (1,544 rows), and at least 100 as far as a third of the window allows.
HOLDOUT_SHARE = 0.2
MOST_HOLDOUT_ROWS = 2000
LEAST_HOLDOUT_ROWS = 100
# A reference of fewer rows is of low power for later checks (notes on sequential tests).
REFERENCE_ROWS = 500
# Calibration: two parameters a class, or one quantile, are steady on some hundred rows.
CALIBRATION_SHARE = 0.05
LEAST_CALIBRATION_ROWS = 100
MOST_CALIBRATION_ROWS = 1000


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

    Raises
    ------
    DataError
        When a column is missing or holds something else than times.
    """
    times = _times_of(frame, model_type.time_column)
    known = times + pd.Timedelta(model_type.label_delay)
    if model_type.label_time_column is not None:
        labelled = model_type.label_time_column
        if labelled not in frame.columns:
            raise DataError(f'The label time column "{labelled}" is missing.')
        known = as_times(frame[labelled]).fillna(known)
    return known


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
    """Which rows' label became known after ``cutoff``, shape (n,)."""
    return (row_times(frame, model_type) > _utc(cutoff)).to_numpy(dtype=bool)


def plan_window(
    frame: pd.DataFrame,
    model_type: ModelType,
    *,
    as_of: datetime,
    champion_cutoff: datetime | None,
    champion_degraded: bool = False,
) -> TrainingPlan:
    """Choose the window and its split.

    The newest rows are the holdout. For a first model it is a fifth of the window (bounds above).
    For a challenger it is what came after the champion's cut-off, since only those rows can
    compare the two; but no fewer than a reference needs, and no more than for a first model. While
    an alarm stands it is no more than a reference needs: the world has moved, and each row of the
    new one that is held out is one that the challenger learns nothing from.

    Parameters
    ----------
    frame : DataFrame of n labelled rows, in any order
    model_type : ModelType
    as_of : datetime
        Rows later than this are left out; the training window reaches back from here.
    champion_cutoff : datetime or None
        Time of the newest row that the champion has seen.
    champion_degraded : bool
        Whether a check found that the champion has got worse.

    Raises
    ------
    DataError
        When there are too few rows, or all carry the same time.
    """
    times = _window_times(frame, model_type, as_of)
    rows = len(times)
    least = max(model_type.min_training_samples, 3)
    if rows < least:
        raise DataError(
            f"There are {rows:,} labelled rows in the training window, {least:,} are needed.",
            hint="Wait for more labels, widen training_window or lower min_training_samples.",
        )
    holdout, reason = _holdout_rows(times, champion_cutoff, degraded=champion_degraded)
    starts = np.flatnonzero(times[1:] > times[:-1]) + 1
    if not len(starts):
        raise DataError(
            f'All {rows:,} rows carry the same time in "{model_type.time_column}".',
            hint="Splitting by time needs a column in which the rows differ.",
        )
    holdout_start = _nearest(starts, rows - holdout)
    calibration_start = _calibration_start(starts, holdout_start)
    return TrainingPlan(
        window_start=_moment(times[0]),
        window_end=_moment(times[-1]),
        train_rows=calibration_start,
        calibration_rows=holdout_start - calibration_start,
        holdout_rows=rows - holdout_start,
        train_end=_moment(times[holdout_start - 1]),
        reason=reason,
    )


def _window_times(
    frame: pd.DataFrame, model_type: ModelType, as_of: datetime
) -> NDArray[np.datetime64]:
    times = row_times(frame, model_type)
    inside = times <= _utc(as_of)
    if model_type.training_window is not None:
        inside &= times > _utc(as_of) - model_type.training_window
    return np.sort(times[inside].dt.tz_localize(None).to_numpy(dtype="datetime64[us]"))


def most_holdout_rows(rows: int) -> int:
    """How many of a window's rows are held out at most."""
    share = max(round(HOLDOUT_SHARE * rows), min(LEAST_HOLDOUT_ROWS, rows // 3), 1)
    return min(share, MOST_HOLDOUT_ROWS)


def least_holdout_rows(rows: int) -> int:
    """How many of a window's rows are held out at least."""
    return min(REFERENCE_ROWS, most_holdout_rows(rows))


def _holdout_rows(
    times: NDArray[np.datetime64], champion_cutoff: datetime | None, *, degraded: bool
) -> tuple[int, str]:
    rows = len(times)
    most = most_holdout_rows(rows)
    if champion_cutoff is None:
        return most, f"First model: the newest {most:,} of {rows:,} rows judge it."
    cutoff = np.datetime64(_utc(champion_cutoff).tz_localize(None), "us")
    newer = int((times > cutoff).sum())
    least = least_holdout_rows(rows)
    holdout = least if degraded else int(np.clip(newer, least, most))
    return holdout, (
        f"{newer:,} of {rows:,} rows are newer than what the champion learnt from; "
        f"the newest {holdout:,} judge both."
        if newer >= holdout
        else f"The newest {holdout:,} of {rows:,} rows judge the challenger, the {newer:,} that "
        "the champion has not seen compare the two."
    )


def _calibration_start(starts: NDArray[np.intp], holdout_start: int) -> int:
    """Where calibration begins; at ``holdout_start`` (none) when ties leave no room for it."""
    wished = int(
        np.clip(
            round(CALIBRATION_SHARE * holdout_start), LEAST_CALIBRATION_ROWS, MOST_CALIBRATION_ROWS
        )
    )
    wished = min(wished, holdout_start // 5)
    start = _nearest(
        np.append(starts[starts < holdout_start], holdout_start), holdout_start - wished
    )
    # A tie that would take more than half of what is left to train on is not worth it.
    return start if start >= holdout_start / 2 else holdout_start


def _nearest(starts: NDArray[np.intp], wished: int) -> int:
    return int(starts[np.argmin(np.abs(starts - wished))])


def split_window(frame: pd.DataFrame, model_type: ModelType, plan: TrainingPlan) -> Parts:
    """Cut the rows that ``plan`` chose into its parts.

    Raises
    ------
    DataError
        When ``frame`` is not the data that was planned with.
    """
    times = row_times(frame, model_type).dt.tz_localize(None).to_numpy(dtype="datetime64[us]")
    start, end = (
        np.datetime64(_utc(t).tz_localize(None), "us") for t in (plan.window_start, plan.window_end)
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


def _utc(moment: datetime) -> pd.Timestamp:
    stamp = pd.Timestamp(moment)
    return stamp.tz_localize(UTC) if stamp.tzinfo is None else stamp.tz_convert(UTC)


def _moment(time: np.datetime64) -> datetime:
    moment: datetime = time.astype("datetime64[us]").item()
    return moment.replace(tzinfo=UTC)
