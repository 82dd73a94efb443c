"""What a new champion is measured by, and when a standing alarm is worth a new attempt."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pandas as pd

from core.domain import ModelType, Reference, TrainingPlan
from core.engines.metrics import Metric, degradation
from core.engines.time_split import is_after
from core.engines.window_plan import REFERENCE_ROWS

# How long a kept reference stands: four training windows, and a year where these are longer.
KEPT_WINDOWS = 4
KEPT_AT_MOST = timedelta(weeks=52)


def standing_reference(
    new: Reference,
    replaced: Reference | None,
    *,
    metric: Metric,
    needs_retraining: bool,
    plan: TrainingPlan,
) -> Reference:
    """The reference to store with a challenger.

    A challenger that replaces a degraded champion was held out on rows from the midst of the
    change, where it does badly too. Were that its yardstick, no later check could find it
    degraded, and a poor model would serve for good. So when a check asked for the training the
    best reference of the last four training windows is kept: what could not be reached again in
    that time is no longer to be had, and an alarm about it would never end. Then the best of those
    that came after it takes its place. A challenger that nobody's doubts asked for (a schedule, a
    person) sets it anew, lower if need be.

    Parameters
    ----------
    new : Reference
        The challenger's own.
    replaced : Reference or None
        The champion's; None for a first model.
    metric : Metric
        The model type's.
    needs_retraining : bool
        Whether a check of the champion asked for the training.
    plan : TrainingPlan
        The challenger's.

    Returns
    -------
    Reference
        With those that came after it and may take its place as ``later``.

    Examples
    --------
    >>> from core.engines.example_rows import AS_OF, example_rows, example_type
    >>> from core.engines.metrics import get_metric
    >>> from core.engines.window_plan import plan_window
    >>> plan = plan_window(example_rows(), example_type(), as_of=AS_OF, champion_cutoff=None)
    >>> low, high = (Reference(metric="accuracy", value=v, samples=500) for v in (0.7, 0.8))
    >>> metric = get_metric("accuracy")
    >>> kept = standing_reference(low, high, metric=metric, needs_retraining=True, plan=plan)
    >>> kept.value, [one.value for one in kept.later]
    (0.8, [0.7])
    """
    if replaced is None or not needs_retraining or replaced.metric != new.metric:
        return new
    length = min(KEPT_WINDOWS * (plan.window_end - plan.window_start), KEPT_AT_MOST)
    standing = [new]  # each better than all that came after it, the newest first
    for one in reversed((replaced, *replaced.later)):
        since = one.kept_since or plan.window_end
        if plan.window_end - since >= length or _is_of_another_kind(one, new):
            continue
        if degradation(metric, one.value, standing[-1].value) > 0:
            standing.append(replace(one, kept_since=since, later=()))
    if len(standing) == 1:
        return new
    return replace(standing[-1], later=tuple(reversed(standing[:-1])))


def _is_of_another_kind(one: Reference, new: Reference) -> bool:
    """Whether its losses are of a kind that is no longer made, so that none could be compared."""
    if one.scaling is None or new.scaling is None:
        return False
    return bool(one.scaling["kind"] != new.scaling["kind"])


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

    Returns
    -------
    int ≥ 0

    Examples
    --------
    >>> from core.engines.example_rows import AS_OF, example_rows, example_type
    >>> from core.engines.window_plan import plan_window
    >>> rows, kind = example_rows(), example_type()
    >>> plan = plan_window(rows, kind, as_of=AS_OF, champion_cutoff=None)
    >>> rows_until_next_attempt(rows, kind, plan, plan.window_end), plan.holdout_rows
    (100, 100)
    """
    seen_by_none = int(is_after(frame, model_type, last_attempt).sum())
    return max(min(REFERENCE_ROWS, plan.holdout_rows) - seen_by_none, 0)
