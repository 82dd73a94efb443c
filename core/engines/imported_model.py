"""A model that was made elsewhere: wrapped, and planned to be judged by rows it has not seen."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from core.domain import ClassWeight, ModelType, Task, TrainingPlan, WindowStrategy
from core.engines.fitted_model import FittedModel
from core.engines.time_split import plain_times, row_times, utc
from core.errors import DataError, InvalidRequest

# What stands for an engine's name with a model that none of them made.
IMPORTED_ENGINE = "imported"


def wrap_estimator(estimator: Any, model_type: ModelType) -> FittedModel:
    """A fitted scikit-learn estimator as a model of ours.

    Parameters
    ----------
    estimator : fitted estimator
        Takes the model type's feature columns, as a DataFrame, as they come from the table.
    model_type : ModelType

    Returns
    -------
    FittedModel
        Its column kinds are left open until rows are there.

    Raises
    ------
    InvalidRequest
        When it is no estimator for the model type's task.

    Examples
    --------
    >>> from sklearn.linear_model import LinearRegression
    >>> kind = ModelType(name="churn", source_relation="public.t", key_columns=("id",),
    ...     time_column="at", target_column="y", feature_columns=("a",),
    ...     task=Task.CLASSIFICATION, metric="accuracy")
    >>> try:
    ...     wrap_estimator(LinearRegression(), kind)
    ... except InvalidRequest as refused:
    ...     print(refused.message)
    A LinearRegression is no classifier: it has no predict_proba.
    """
    name, classes = type(estimator).__name__, None
    if not callable(getattr(estimator, "predict", None)):
        raise InvalidRequest(
            f"A {name} is no fitted estimator: it has no predict.",
            hint="Store the whole fitted pipeline with skops.io.dump.",
        )
    if model_type.task is Task.CLASSIFICATION:
        if not hasattr(estimator, "predict_proba") or not hasattr(estimator, "classes_"):
            raise InvalidRequest(
                f"A {name} is no classifier: it has no predict_proba.",
                hint="Wrap it in sklearn.calibration.CalibratedClassifierCV, and fit it.",
            )
        classes = np.asarray(estimator.classes_).tolist()
    return FittedModel(
        pipeline=estimator,
        task=str(model_type.task),
        target_column=model_type.target_column,
        feature_columns=model_type.feature_columns,
        column_kinds={},
        classes=classes,
    )


def as_imported(model_type: ModelType) -> ModelType:
    """The model type as it is when nothing is trained: no engine, no window to choose, no refit.

    Parameters
    ----------
    model_type : ModelType

    Returns
    -------
    ModelType

    Examples
    --------
    >>> from core.engines.example_rows import example_type
    >>> as_imported(example_type()).engine
    'imported'
    """
    return replace(
        model_type,
        engine=IMPORTED_ENGINE,
        engine_parameters={},
        window_strategy=WindowStrategy.SLIDING,
        recency_half_life=None,
        class_weight=ClassWeight.NONE,
        search_seconds=0,
        final_fit=False,
    )


def judged_by_unseen(
    plan: TrainingPlan,
    frame: pd.DataFrame,
    model_type: ModelType,
    *,
    trained_until: datetime | None,
) -> TrainingPlan:
    """The plan of a training, with what the imported model may have seen kept out of judging it.

    Without ``trained_until`` that is every row before the holdout, so that there is nothing to
    calibrate on either. With it, the holdout begins after it, and rows between the two calibrate.

    Parameters
    ----------
    plan : TrainingPlan
        As for a model that is trained.
    frame : DataFrame
        The rows that ``plan`` was made from.
    model_type : ModelType
    trained_until : datetime or None
        Time, as windows go by, of the newest row that the model has learnt from.

    Returns
    -------
    TrainingPlan

    Raises
    ------
    DataError
        When no labelled row is newer than what the model has learnt from.

    Examples
    --------
    >>> from core.engines.example_rows import AS_OF, example_rows, example_type
    >>> from core.engines.window_plan import plan_window
    >>> rows, kind = example_rows(), example_type()
    >>> plan = plan_window(rows, kind, as_of=AS_OF, champion_cutoff=None)
    >>> found = judged_by_unseen(plan, rows, kind, trained_until=None)
    >>> found.calibration_rows, found.holdout_rows
    (0, 100)
    """
    times = row_times(frame, model_type)
    inside = (times >= plan.window_start) & (times <= plan.window_end)
    ordered = np.sort(plain_times(frame[inside], model_type))
    if trained_until is not None:
        seen = int((times[inside] <= utc(trained_until)).sum())
    else:
        seen = plan.train_rows + plan.calibration_rows
    if seen == plan.rows:
        raise DataError(
            f"None of the {plan.rows:,} labelled rows is newer than what the model has learnt "
            "from.",
            hint="Wait for labels, or correct --trained-until.",
        )
    if seen > plan.train_rows:  # what is left to calibrate on may have been seen
        known = max(seen, plan.train_rows + plan.calibration_rows)
        newest = ordered[known - 1].item()
        plan = replace(
            plan,
            train_rows=known,
            calibration_rows=0,
            holdout_rows=plan.rows - known,
            train_end=utc(newest).to_pydatetime(),
        )
    until = "all before them" if trained_until is None else f"rows until {trained_until:%Y-%m-%d}"
    return replace(
        plan,
        reason=f"An imported model: the newest {plan.holdout_rows:,} of {plan.rows:,} rows judge "
        f"it; it may have learnt from {until}.",
        figures={
            **plan.figures,
            "holdout_rows": plan.holdout_rows,
            "trained_until": trained_until and trained_until.isoformat(),
        },
    )
