"""What a check learns from rows whose labels are not there yet: drift and the estimated metric."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pandas as pd

from core.domain import DriftReport, EstimateStatus, LabelFreeEstimate, ModelType
from core.engines.columns import as_times
from core.engines.label_free import EstimateScore, estimate, least_rows, score_labelled
from core.engines.time_split import row_times, utc
from core.monitoring.counted_labels import CountedLabels
from core.monitoring.drift import detect_drift
from core.monitoring.drift_windows import DriftTracker
from core.monitoring.profile import ReferenceProfile
from core.monitoring.watched import Watched

DRIFT_STANDS = "Drift in the last windows asks for a training, and none was begun since."


@dataclass(frozen=True, kw_only=True)
class Signals:
    """What drift and the estimate say, and the state that they leave behind.

    Attributes
    ----------
    drift : DriftReport or None
        None where no window was full.
    drift_stands : bool
        The last windows were reason enough for a training, whether the newest of them was looked at
        now or by an earlier check, and none was begun since.
    estimate : LabelFreeEstimate or None
        None where there is nothing to estimate by, or no row.
    state : mapping
        ``drift`` and ``estimate``, JSON objects.
    """

    drift: DriftReport | None = None
    drift_stands: bool = False
    estimate: LabelFreeEstimate | None = None
    state: Mapping[str, Any]

    @property
    def start_training(self) -> bool:
        """Whether either is reason enough for a training."""
        return self.drift_stands or self.estimate_is_worse

    @property
    def estimate_is_worse(self) -> bool:
        """Whether an estimate that can be relied on is worse than its band."""
        found = self.estimate
        return found is not None and found.status is EstimateStatus.VALID and found.outside_band

    @property
    def reasons(self) -> tuple[str, ...]:
        """The sentences of what starts a training."""
        drift = ""
        if self.drift_stands:
            drift = self.drift.reason if self.drift else DRIFT_STANDS
        worse = self.estimate.reason if self.estimate and self.estimate_is_worse else ""
        return tuple(reason for reason in (drift, worse) if reason)


NO_SIGNALS = Signals(state={})


def read_signals(
    model_type: ModelType,
    watched: Watched,
    profile: ReferenceProfile,
    *,
    counted: CountedLabels,
    recent: pd.DataFrame,
    waiting: pd.DataFrame,
    as_of: datetime,
    window: timedelta,
) -> Signals:
    """Look for drift in the rows since the last window, and estimate the metric without labels.

    Parameters
    ----------
    model_type : ModelType
    watched : Watched
    profile : ReferenceProfile
        Of the champion.
    counted : CountedLabels
        Those that were not held against their estimate before are now.
    recent : DataFrame of m rows
        All rows of the window by their own time, whatever their target.
    waiting : DataFrame of k rows
        Of before the window, by time. Those whose label is not known complete the estimate where
        the window has too few such rows, the newest ones first.
    as_of : datetime
    window : timedelta
        How far back ``recent`` reaches.

    Returns
    -------
    Signals

    Raises
    ------
    DataError
        When the rows are not what the model needs.

    Examples
    --------
    >>> from core.engines.example_rows import example_rows, example_type
    >>> from core.engines.continuous_learning import ContinuousLearningEngine
    >>> from core.monitoring.check_rows import CheckRows
    >>> from core.monitoring.counted_labels import counted_labels
    >>> from core.monitoring.profile import make_profile
    >>> rows, kind = example_rows(), example_type()
    >>> model = ContinuousLearningEngine(kind).fit_window(rows[:200], seed=0)
    >>> profile = make_profile(kind, model, rows[:200], rows[200:], seed=0)
    >>> watched = Watched(model=model, reference=None, profile=profile, since=rows["at"][199],
    ...     monitor=None)
    >>> end, week = rows["at"][299], timedelta(days=7)
    >>> found = read_signals(kind, watched, profile, recent=rows[200:], waiting=rows[:0], as_of=end,
    ...     window=week, counted=counted_labels(kind, watched, CheckRows(), as_of=end))
    >>> found.start_training, sorted(found.state)
    (False, ['drift', 'estimate'])
    """
    model, state, seed = watched.model, watched.state, model_type.random_seed
    tracker = DriftTracker.start(watched.since)
    if "drift" in state:
        tracker = DriftTracker.from_state(state["drift"])
    score = EstimateScore.from_state(state.get("estimate"))
    if counted.covered and len(counted.rows):
        times = pd.Series(counted.times)
        score = score_labelled(
            profile.estimate, model, counted.rows, times, score=score, until=as_of, seed=seed
        )
    drift = found = None
    if len(recent):
        happened = as_times(recent[model_type.time_column])
        span = tracker.next_window(happened, as_of=as_of, longest=window)
        if span is not None:
            start, end = span
            drift, tracker = detect_drift(
                profile,
                recent,
                model=model,
                window_start=start,
                window_end=end,
                tracker=tracker,
                seed=seed,
            )
        if profile.estimate:
            rows = _without_label(recent, model_type, state, as_of)
            lacking = (least_rows(profile.estimate) or 0) - len(rows)
            if lacking > 0 and len(waiting):
                older = _without_label(waiting, model_type, state, as_of).tail(lacking)
                rows = pd.concat([older, rows], ignore_index=True)
            found = estimate(profile.estimate, model, rows, score=score, seed=seed)
    left = {"drift": tracker.as_state(), "estimate": score.as_state()}
    return Signals(drift=drift, drift_stands=tracker.starts_training, estimate=found, state=left)


def _without_label(
    recent: pd.DataFrame, model_type: ModelType, state: Mapping[str, Any], as_of: datetime
) -> pd.DataFrame:
    """Rows since the last attempt, which has answered the others, whose label is not known."""
    known = recent[model_type.target_column].notna() & (row_times(recent, model_type) <= utc(as_of))
    happened = as_times(recent[model_type.time_column])
    waiting = ~known & (happened <= utc(as_of))
    if (attempt := state.get("attempt_at")) is not None:
        waiting &= happened > utc(datetime.fromisoformat(attempt))
    return recent[waiting.to_numpy(dtype=bool)]
