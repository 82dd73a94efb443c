"""What a new champion is measured by, and when a standing alarm is worth a new attempt."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pandas as pd

from core.domain import ModelType, Reference, TrainingPlan
from core.engines.metrics import degradation, get_metric
from core.engines.time_split import is_after, least_holdout_rows

# How long a kept reference stands: two training windows, and half a year where these are longer.
KEPT_WINDOWS = 2
KEPT_AT_MOST = timedelta(weeks=26)


def standing_reference(
    new: Reference, replaced: Reference | None, *, champion_degraded: bool, plan: TrainingPlan
) -> Reference:
    """The reference to store with a challenger.

    A challenger that replaces a degraded champion was held out on rows from the midst of the
    change, where it does badly too. Were that its yardstick, no later check could find it
    degraded, and a poor model would serve for good. So while an alarm stands the better of the
    two references is kept. It is set anew, lower if need be, by a challenger that was trained
    without an alarm, or after two training windows: what could not be reached again in that time
    is no longer to be had, and an alarm about it would never end.

    Parameters
    ----------
    new : Reference
        The challenger's own.
    replaced : Reference or None
        The champion's; None for a first model.
    champion_degraded : bool
        Whether a check found that the champion has got worse.
    plan : TrainingPlan
        The challenger's.
    """
    if replaced is None or not champion_degraded or replaced.metric != new.metric:
        return new
    if degradation(get_metric(new.metric), replaced.value, new.value) <= 0:
        return new
    since = replaced.kept_since or plan.window_end
    window = plan.window_end - plan.window_start
    if plan.window_end - since >= min(KEPT_WINDOWS * window, KEPT_AT_MOST):
        return new
    return replace(replaced, kept_since=since)


def rows_until_next_attempt(
    frame: pd.DataFrame, model_type: ModelType, plan: TrainingPlan, last_attempt: datetime
) -> int:
    """How many more labels an automatic attempt should wait for; 0: it may start.

    The smallest holdout has to be newer than all that the last attempt has seen. So no label
    decides twice on the same question, and after a deployment each held-out row compares the two
    models. Attempts that a person asks for need not wait.

    Parameters
    ----------
    frame : DataFrame
        The rows that ``plan`` was made from.
    model_type : ModelType
    plan : TrainingPlan
    last_attempt : datetime
        ``window_end`` of the last training's plan, whatever became of it.
    """
    seen_by_none = int(is_after(frame, model_type, last_attempt).sum())
    return max(least_holdout_rows(plan.rows) - seen_by_none, 0)
