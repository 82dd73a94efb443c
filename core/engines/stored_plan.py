"""A plan that was stored with a model, applied again to the table as it is now."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from core.domain import ModelType, TrainingPlan
from core.engines.time_split import row_times
from core.errors import DataError


def recount(frame: pd.DataFrame, model_type: ModelType, plan: TrainingPlan) -> TrainingPlan:
    """The same cut-off times with the rows that ``frame`` has between them now.

    Rows may have been deleted or come late since the training; the times still separate what the
    model has seen from what it has not.

    Parameters
    ----------
    frame : DataFrame of n rows
        From the window's start on; rows newer than the window do not count.
    model_type : ModelType
    plan : TrainingPlan
        As stored with the model.

    Returns
    -------
    TrainingPlan

    Raises
    ------
    DataError
        When nothing of what the model learnt from is left.

    Examples
    --------
    >>> from core.engines.example_rows import AS_OF, example_rows, example_type
    >>> from core.engines.window_plan import plan_window
    >>> rows, kind = example_rows(), example_type()
    >>> plan = plan_window(rows, kind, as_of=AS_OF, champion_cutoff=None)
    >>> plan.train_rows - recount(rows[10:], kind, plan).train_rows
    10
    """
    times = row_times(frame, model_type)
    inside = (times >= plan.window_start) & (times <= plan.window_end)
    seen = int((inside & (times <= plan.train_end)).sum())
    if seen == 0:
        raise DataError(
            f"None of the rows of {model_type.source_relation} that the model learnt from is "
            "left: there is nothing to compare it with.",
            hint="Train a new one.",
        )
    calibration = min(plan.calibration_rows, seen - 1)
    return replace(
        plan,
        train_rows=seen - calibration,
        calibration_rows=calibration,
        holdout_rows=int(inside.sum()) - seen,
    )
