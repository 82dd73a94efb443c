"""Do the newest rows look like those that the champion learnt from?"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.domain import DriftSeverity
from core.domain.monitoring import ColumnDrift, DriftReport
from core.engines.columns import as_times
from core.engines.fitted_model import FittedModel
from core.monitoring.column_drift import ComparedColumn, compare_column, judge_columns
from core.monitoring.drift_windows import LEAST_ROWS, WINDOWS_KEPT, WINDOWS_NEEDED, DriftTracker
from core.monitoring.profile import ReferenceProfile
from core.monitoring.profiled_values import comparable_parts, predicted_values

__all__ = ["DriftTracker", "detect_drift"]

# Enough to find any shift that matters; testing more rows only costs time.
SAMPLE_ROWS = 5000
# Drift of features that the model hardly uses is no reason to train.
ALARM_IMPORTANCE = 0.5


def detect_drift(
    profile: ReferenceProfile,
    window_rows: pd.DataFrame,
    *,
    model: FittedModel,
    window_start: datetime,
    window_end: datetime,
    tracker: DriftTracker,
    seed: int,
) -> tuple[DriftReport, DriftTracker]:
    """Compare the rows of a window with a model's profile.

    Values, predictions and the target are tested on a sample of at most 5,000 rows, fixed by a
    hash of their keys; missing values and new categories are counted in all rows.

    Parameters
    ----------
    profile : ReferenceProfile
    window_rows : DataFrame of n rows
        Whatever their target; rows outside (window_start, window_end] are left out. A target
        counts when its label was known by the end.
    model : FittedModel
        The champion.
    window_start, window_end : datetime
        As :meth:`DriftTracker.next_window` gives them.
    tracker : DriftTracker
        Of the windows before.
    seed : int
        Of the permutations.

    Returns
    -------
    (DriftReport, DriftTracker)
        The tracker with this window; unchanged where fewer than 50 rows say nothing.

    Raises
    ------
    DataError
        When a feature's column is missing.

    Examples
    --------
    >>> from datetime import timedelta
    >>> from sklearn.linear_model import LinearRegression
    >>> from core.domain import ModelType, Task
    >>> from core.monitoring.profile import make_profile
    >>> random = np.random.default_rng(0)
    >>> rows = pd.DataFrame({"id": range(3000), "price": random.normal(size=3000)})
    >>> rows["at"] = pd.date_range("2026-01-01", periods=3000, freq="min", tz="UTC")
    >>> rows["sold"] = -rows["price"]
    >>> model_type = ModelType(
    ...     name="t", source_relation="public.t", key_columns=("id",), time_column="at",
    ...     target_column="sold", feature_columns=("price",), task=Task.REGRESSION, metric="mae",
    ... )
    >>> model = FittedModel(
    ...     pipeline=LinearRegression().fit(rows[["price"]], rows["sold"]), task="regression",
    ...     target_column="sold", feature_columns=["price"], column_kinds={"price": "numeric"},
    ... )
    >>> profile = make_profile(model_type, model, rows[:1500], rows[1500:2000], seed=0)
    >>> start, end = rows["at"][1999].to_pydatetime(), rows["at"][2999].to_pydatetime()
    >>> dearer = rows.assign(price=rows["price"] + 1)
    >>> report, tracker = detect_drift(
    ...     profile, dearer, model=model, window_start=start, window_end=end,
    ...     tracker=DriftTracker.start(start), seed=0,
    ... )
    >>> report.rows, report.alarm, report.windows_in_alarm, report.starts_training
    (1000, True, 1, False)
    >>> report.reason
    'Drifted in 1,000 rows: "price" (severe). It carries 100% of the importance: an alarm, in 1 \
of the last 3 windows; a training needs 2.'
    """
    model.check_frame(window_rows)
    window_rows, times = _inside(window_rows, profile.time_column, window_start, window_end)
    if len(window_rows) < LEAST_ROWS:
        return _too_few(len(window_rows), window_start, window_end, tracker), tracker
    hashes = _row_hashes(window_rows, profile)
    compared = [
        *_compare_features(profile, window_rows, times, hashes, seed),
        _compare_prediction(profile, window_rows.iloc[_sample(hashes)], model, seed),
        _compare_target(profile, window_rows, times, hashes, model, window_end, seed),
    ]
    *features, prediction, target = judge_columns(compared)
    features.sort(key=lambda column: -(column.importance or 0.0))
    drifted = sum(c.importance or 0.0 for c in features if c.severity is not DriftSeverity.NONE)
    alarm = drifted >= ALARM_IMPORTANCE - 1e-9  # shares that add up to a half may fall just short
    tracker = tracker.add(window_end, alarm=alarm)
    report = DriftReport(
        window_start=window_start,
        window_end=window_end,
        rows=len(window_rows),
        features=tuple(features),
        target=target,
        prediction=prediction,
        drifted_importance=min(drifted, 1.0),
        alarm=alarm,
        windows_in_alarm=tracker.windows_in_alarm,
        starts_training=tracker.starts_training,
        reason=_reason(features, len(window_rows), drifted, tracker, alarm=alarm),
    )
    return report, tracker


def _inside(
    rows: pd.DataFrame, time_column: str, start: datetime, end: datetime
) -> tuple[pd.DataFrame, pd.Series]:
    times = as_times(rows[time_column])
    inside = ((times > pd.Timestamp(start)) & (times <= pd.Timestamp(end))).to_numpy()
    if inside.all():  # the usual case, spared a copy of the frame
        return rows, times
    return rows[inside], times[inside]


def _row_hashes(rows: pd.DataFrame, profile: ReferenceProfile) -> NDArray[np.uint64]:
    """A number for each row that depends on its keys alone (its time, where it has none)."""
    keys = [name for name in profile.key_columns if name in rows.columns]
    by = rows[keys or [profile.time_column]]
    hashes = pd.util.hash_pandas_object(by, index=False, categorize=False)
    return np.asarray(hashes.to_numpy(dtype=np.uint64))


def _sample(hashes: NDArray[np.uint64]) -> NDArray[np.intp]:
    """Positions of the rows with the smallest hashes, in order."""
    if len(hashes) <= SAMPLE_ROWS:
        return np.arange(len(hashes), dtype=np.intp)
    return np.sort(np.argpartition(hashes, SAMPLE_ROWS)[:SAMPLE_ROWS])


def _compare_features(
    profile: ReferenceProfile,
    rows: pd.DataFrame,
    times: pd.Series,
    hashes: NDArray[np.uint64],
    seed: int,
) -> list[ComparedColumn]:
    chosen = _sample(hashes)
    sampled_times = times.iloc[chosen]
    compared = []
    for name, column in profile.features.items():
        parts = comparable_parts(
            rows[name].iloc[chosen],
            column.kind,
            times=sampled_times,
            is_time_column=name == profile.time_column,
        )
        compared.append(compare_column(name, column, rows[name], parts, seed=seed))
    return compared


def _compare_prediction(
    profile: ReferenceProfile, sample: pd.DataFrame, model: FittedModel, seed: int
) -> ComparedColumn:
    part, _ = predicted_values(model, sample)
    return compare_column(
        "prediction",
        profile.prediction,
        pd.Series(part),
        {"value": part},
        seed=seed,
        missing_matters=False,
    )


def _compare_target(
    profile: ReferenceProfile,
    rows: pd.DataFrame,
    times: pd.Series,
    hashes: NDArray[np.uint64],
    model: FittedModel,
    window_end: datetime,
    seed: int,
) -> ComparedColumn:
    """The target of the rows whose label was known by the end of the window."""
    known_at = times + pd.Timedelta(seconds=profile.label_delay_seconds)
    if profile.label_time_column is not None and profile.label_time_column in rows.columns:
        known_at = as_times(rows[profile.label_time_column])
    name = model.target_column
    known = (known_at <= pd.Timestamp(window_end)).to_numpy(dtype=bool)
    values = rows[name] if name in rows.columns else pd.Series(np.nan, index=rows.index)
    labelled = np.flatnonzero(known & values.notna().to_numpy(dtype=bool))
    chosen = labelled[_sample(hashes[labelled])]
    sample = values.iloc[chosen]
    parts = comparable_parts(sample, profile.target.kind, times=times.iloc[chosen])
    return compare_column("target", profile.target, sample, parts, seed=seed, missing_matters=False)


def _too_few(rows: int, start: datetime, end: datetime, tracker: DriftTracker) -> DriftReport:
    return DriftReport(
        window_start=start,
        window_end=end,
        rows=rows,
        features=(),
        target=None,
        prediction=None,
        drifted_importance=0.0,
        alarm=False,
        windows_in_alarm=tracker.windows_in_alarm,
        starts_training=tracker.starts_training,
        reason=f"{rows:,} rows in the window are too few to tell; {LEAST_ROWS} are needed.",
    )


def _reason(
    features: Sequence[ColumnDrift],
    rows: int,
    drifted: float,
    tracker: DriftTracker,
    *,
    alarm: bool,
) -> str:
    """One sentence that names the most important columns that have drifted."""
    moved = [column for column in features if column.severity is not DriftSeverity.NONE]
    if not moved:
        return f"None of the {len(features)} features has drifted in {rows:,} rows."
    names = ", ".join(f'"{column.column}" ({column.severity})' for column in moved[:3])
    more = f" and {len(moved) - 3} more" if len(moved) > 3 else ""
    subject = "It carries" if len(moved) == 1 else "They carry"
    what = f"Drifted in {rows:,} rows: {names}{more}. {subject} {drifted:.0%} of the importance"
    if not alarm:
        return f"{what}; an alarm needs {ALARM_IMPORTANCE:.0%}."
    windows = f"in {tracker.windows_in_alarm} of the last {WINDOWS_KEPT} windows"
    if tracker.starts_training:
        return f"{what}: an alarm, {windows}, so that a training may start."
    return f"{what}: an alarm, {windows}; a training needs {WINDOWS_NEEDED}."
