"""What a check learns from rows whose labels are not there yet: drift and the estimated metric."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pandas as pd

from core.domain import DriftReport, EstimateStatus, LabelFreeEstimate, ModelType
from core.engines.columns import as_times
from core.engines.fitted_model import FittedModel
from core.engines.label_free import EstimateScore, estimate, score_labelled
from core.engines.time_split import row_times, utc
from core.monitoring.drift import detect_drift
from core.monitoring.drift_windows import DriftTracker
from core.monitoring.profile import ReferenceProfile

DRIFT_STANDS = "Drift in the last windows asks for a training, and none was begun since."


@dataclass(frozen=True, kw_only=True)
class Signals:
    """What drift and the estimate say, and the state that they leave behind.

    ``drift_stands``: the last windows were reason enough for a training, whether the newest of
    them was looked at now or by an earlier check, and none was begun since.
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


def read_signals(
    model_type: ModelType,
    model: FittedModel,
    profile: ReferenceProfile,
    *,
    labelled: pd.DataFrame,
    recent: pd.DataFrame,
    since: datetime,
    as_of: datetime,
    window: timedelta,
    state: Mapping[str, Any],
) -> Signals:
    """Look for drift in the rows since the last window, and estimate the metric without labels.

    Parameters
    ----------
    model_type : ModelType
    model : FittedModel
        The champion.
    profile : ReferenceProfile
        Of the champion.
    labelled : DataFrame of n rows
        Newer than ``since``; those not scored before are held against their estimate.
    recent : DataFrame of m rows
        All rows of the window by their own time, whatever their target.
    since : datetime
        The end of what the champion's training has seen.
    as_of : datetime
    window : timedelta
        How far back ``recent`` reaches.
    state : mapping
        What the last check left behind; empty at the first one.

    Returns
    -------
    Signals

    Examples
    --------
    >>> from core.engines.example_rows import example_rows, example_type
    >>> from core.engines.continuous_learning import ContinuousLearningEngine
    >>> from core.monitoring.profile import make_profile
    >>> rows, kind = example_rows(), example_type()
    >>> model = ContinuousLearningEngine(kind).fit_window(rows[:200], seed=0)
    >>> profile = make_profile(kind, model, rows[:200], rows[200:], seed=0)
    >>> found = read_signals(kind, model, profile, labelled=rows[:0], recent=rows[200:],
    ...     since=rows["at"][199], as_of=rows["at"][299], window=timedelta(days=7), state={})
    >>> found.start_training, sorted(found.state)
    (False, ['drift', 'estimate'])
    """
    seed = model_type.random_seed
    tracker = (
        DriftTracker.from_state(state["drift"]) if "drift" in state else DriftTracker.start(since)
    )
    score = EstimateScore.from_state(state.get("estimate"))
    drift = found = None
    if len(labelled):
        times = row_times(labelled, model_type)
        score = score_labelled(
            profile.estimate, model, labelled, times, score=score, until=as_of, seed=seed
        )
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
            waiting = _without_label(recent, model_type, state, as_of)
            found = estimate(profile.estimate, model, waiting, score=score, seed=seed)
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
