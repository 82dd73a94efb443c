"""What a new champion is measured by, and when a standing alarm is worth a new attempt."""

from __future__ import annotations

from datetime import datetime

import pandas as pd

from core.domain import ModelType, Reference, TrainingPlan
from core.engines.metrics import degradation, get_metric
from core.engines.time_split import is_after, least_holdout_rows


def standing_reference(
    new: Reference, replaced: Reference | None, *, champion_degraded: bool
) -> Reference:
    """The reference to store with a challenger.

    A challenger that replaces a degraded champion was held out on rows from the midst of the
    change, where it does badly too. Were that its yardstick, no later check could find it
    degraded, and a poor model would serve for good. So while an alarm stands the better of the
    two references is kept: it never falls silently. It is set anew, lower if need be, by a
    challenger that was trained without an alarm.

    Parameters
    ----------
    new : Reference
        The challenger's own.
    replaced : Reference or None
        The champion's; None for a first model.
    champion_degraded : bool
        Whether a check found that the champion has got worse.
    """
    if replaced is None or not champion_degraded or replaced.metric != new.metric:
        return new
    worse = float(degradation(get_metric(new.metric), replaced.value, new.value))
    return replaced if worse > 0 else new


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
