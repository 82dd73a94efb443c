"""Which rows a training uses, and how they are split: always by time, never through a tie."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.domain import ModelType, TrainingPlan, WindowStrategy
from core.engines.time_split import plain_times, utc
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


def window_length(model_type: ModelType) -> timedelta | None:
    """How far back the rows are read that a training may use; None: all history.

    Parameters
    ----------
    model_type : ModelType

    Returns
    -------
    timedelta or None

    Examples
    --------
    >>> from core.domain import Task, WindowStrategy
    >>> common = {"name": "churn", "source_relation": "public.t", "key_columns": ("id",),
    ...     "time_column": "at", "target_column": "y", "feature_columns": ("a",),
    ...     "task": Task.CLASSIFICATION, "metric": "accuracy",
    ...     "training_window": timedelta(days=84)}
    >>> window_length(ModelType(**common)).days
    84
    >>> window_length(ModelType(**common, window_strategy=WindowStrategy.EXPANDING)) is None
    True
    """
    expanding = model_type.window_strategy is WindowStrategy.EXPANDING
    return None if expanding else model_type.training_window


def plan_window(
    frame: pd.DataFrame,
    model_type: ModelType,
    *,
    as_of: datetime,
    champion_cutoff: datetime | None,
    needs_retraining: bool = False,
) -> TrainingPlan:
    """Choose the window and its split.

    The newest rows are the holdout. For a first model it is a fifth of the window (bounds above).
    For a challenger it is what came after the champion's cut-off, since only those rows can
    compare the two; but no fewer than a reference needs, and no more than for a first model. When
    a check asked for the training it is no more than a reference needs: the world has moved, and
    each row of the new one that is held out is one that the challenger learns nothing from.

    The window is the longest that the model type's strategy allows; an adaptive one is shortened
    afterwards (:func:`core.engines.adaptive_window.choose_window`, :func:`shortened`).

    Parameters
    ----------
    frame : DataFrame of n labelled rows, in any order
    model_type : ModelType
    as_of : datetime
        Rows later than this are left out; the training window reaches back from here.
    champion_cutoff : datetime or None
        Time of the newest row that the champion has seen.
    needs_retraining : bool
        Whether a check found that the champion has probably got worse.

    Returns
    -------
    TrainingPlan
        Its figures: ``rows``, ``holdout_rows``, ``newer_rows`` (than the champion's cut-off; None
        for a first model) and ``needs_retraining``.

    Raises
    ------
    DataError
        When there are too few rows, or all carry the same time.

    Examples
    --------
    >>> from core.engines.example_rows import AS_OF, example_rows, example_type
    >>> plan_window(example_rows(), example_type(), as_of=AS_OF, champion_cutoff=None).reason
    'First model: the newest 100 of 300 rows judge it.'
    """
    times = _window_times(frame, model_type, as_of)
    rows = len(times)
    least = max(model_type.min_training_samples, 3)
    if rows < least:
        raise DataError(
            f"There are {rows:,} labelled rows in the training window, {least:,} are needed.",
            hint="Wait for more labels, widen training_window or lower min_training_samples.",
        )
    newer = None if champion_cutoff is None else int((times > _plain(champion_cutoff)).sum())
    holdout = _holdout_rows(rows, newer, needs_retraining=needs_retraining)
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
        reason=_reason(rows, holdout, newer),
        strategy=model_type.window_strategy,
        figures={
            "rows": rows,
            "holdout_rows": rows - holdout_start,
            "newer_rows": newer,
            "needs_retraining": needs_retraining,
        },
    )


def shortened(
    plan: TrainingPlan, frame: pd.DataFrame, model_type: ModelType, *, start: datetime
) -> TrainingPlan:
    """The same plan with a window that begins later; its holdout stays.

    Parameters
    ----------
    plan : TrainingPlan
    frame : DataFrame
        The rows that ``plan`` was made from.
    model_type : ModelType
    start : datetime
        Time of the first row to keep, before the plan's ``train_end``.

    Returns
    -------
    TrainingPlan
        With train and calibration rows counted anew.

    Examples
    --------
    >>> from core.engines.example_rows import AS_OF, example_rows, example_type
    >>> rows, kind = example_rows(), example_type()
    >>> plan = plan_window(rows, kind, as_of=AS_OF, champion_cutoff=None)
    >>> start = datetime(2026, 1, 3, tzinfo=UTC)
    >>> plan.rows - shortened(plan, rows, kind, start=start).rows
    48
    """
    times = np.sort(plain_times(frame, model_type))
    times = times[(times >= _plain(start)) & (times <= _plain(plan.window_end))]
    starts = np.flatnonzero(times[1:] > times[:-1]) + 1
    holdout_start = len(times) - plan.holdout_rows
    calibration_start = _calibration_start(starts, holdout_start)
    return replace(
        plan,
        window_start=start,
        train_rows=calibration_start,
        calibration_rows=holdout_start - calibration_start,
    )


def _window_times(
    frame: pd.DataFrame, model_type: ModelType, as_of: datetime
) -> NDArray[np.datetime64]:
    times, end = plain_times(frame, model_type), _plain(as_of)
    inside = times <= end
    length = window_length(model_type)
    if length is not None:
        inside &= times > end - np.timedelta64(length)
    return np.sort(times[inside])


def most_holdout_rows(rows: int) -> int:
    """How many of a window's rows are held out at most.

    Parameters
    ----------
    rows : int
        Of the window, holdout included.

    Returns
    -------
    int
        A fifth of them, but at least 100 (of fewer than 300 a third), and at most 2,000.

    Examples
    --------
    >>> [most_holdout_rows(rows) for rows in (150, 300, 4_000, 45_312)]
    [50, 100, 800, 2000]
    """
    share = max(round(HOLDOUT_SHARE * rows), min(LEAST_HOLDOUT_ROWS, rows // 3), 1)
    return min(share, MOST_HOLDOUT_ROWS)


def _holdout_rows(rows: int, newer: int | None, *, needs_retraining: bool) -> int:
    most = most_holdout_rows(rows)
    least = min(REFERENCE_ROWS, most)
    if newer is None:
        return most
    return least if needs_retraining else int(np.clip(newer, least, most))


def _reason(rows: int, holdout: int, newer: int | None) -> str:
    if newer is None:
        return f"First model: the newest {holdout:,} of {rows:,} rows judge it."
    if newer >= holdout:
        return (
            f"{newer:,} of {rows:,} rows are newer than what the champion learnt from; "
            f"the newest {holdout:,} judge both."
        )
    return (
        f"The newest {holdout:,} of {rows:,} rows judge the challenger, the {newer:,} that "
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


def _plain(moment: datetime) -> np.datetime64:
    return np.datetime64(utc(moment).tz_localize(None), "us")


def _moment(time: np.datetime64) -> datetime:
    moment: datetime = time.astype("datetime64[us]").item()
    return moment.replace(tzinfo=UTC)
