"""A plan that was stored with a model, applied again to the table as it is now."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from core.domain import ModelType, TrainingPlan
from core.engines.time_split import row_times


def recount(frame: pd.DataFrame, model_type: ModelType, plan: TrainingPlan) -> TrainingPlan:
    """The same cut-off times with the rows that ``frame`` has between them now.

    Rows may have been deleted or come late since the training; the times still separate what the
    model has seen from what it has not.

    Parameters
    ----------
    frame : DataFrame of n rows
    model_type : ModelType
    plan : TrainingPlan
        As stored with the model.
    """
    times = row_times(frame, model_type)
    inside = (times >= plan.window_start) & (times <= plan.window_end)
    seen = int((inside & (times <= plan.train_end)).sum())
    calibration = min(plan.calibration_rows, max(seen - 1, 0))
    return replace(
        plan,
        train_rows=seen - calibration,
        calibration_rows=calibration,
        holdout_rows=int(inside.sum()) - seen,
    )
