"""A trained model as it is stored, deployed and predicted with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.domain import Task
from core.engines.columns import target_values
from core.engines.confidence import ConformalIntervals, SigmoidCalibrator
from core.engines.metrics import Scored
from core.errors import DataError, InvalidRequest

Floats = NDArray[np.float64]


class FittedModel:
    """A fitted pipeline with what is needed to use it on rows of its table.

    Attributes are scikit-learn objects, arrays, lists, dicts, strings and numbers, so that skops
    stores it without trusting anything unusual.

    Parameters
    ----------
    pipeline : fitted scikit-learn estimator
        Takes the feature columns as they come from the table.
    task : str
        A value of :class:`core.domain.Task`.
    target_column : str
    feature_columns : sequence of str
    column_kinds : mapping of str to str
        What :func:`core.engines.columns.column_kinds` found in the training rows.
    classes : sequence or None
        Class names in the order of the probabilities; None in a regression.
    calibrator : SigmoidCalibrator or None
    intervals : ConformalIntervals or None
        Residuals of calibration rows; None in a classification.

    Examples
    --------
    >>> from core.engines.example_rows import example_rows, example_type
    >>> from core.engines.fitting import Learner
    >>> rows = example_rows()
    >>> learner = Learner(model_type=example_type(), factories={}, metrics={})
    >>> model = learner.fit(rows, {"a": "numeric", "b": "numeric"}, seed=0)
    >>> new = pd.DataFrame({"a": [-2.0, 2.0], "b": [0.0, 0.0]})
    >>> model.predict(new).tolist(), model.predict_proba(new).shape
    ([0, 1], (2, 2))
    >>> bool((model.confidence(new) > 0.9).all())
    True
    """

    def __init__(
        self,
        *,
        pipeline: Any,
        task: str,
        target_column: str,
        feature_columns: Sequence[str],
        column_kinds: Mapping[str, str],
        classes: Sequence[Any] | None = None,
        calibrator: SigmoidCalibrator | None = None,
        intervals: ConformalIntervals | None = None,
    ) -> None:
        self.pipeline = pipeline
        self.task = str(task)
        self.target_column = target_column
        self.feature_columns = list(feature_columns)
        self.column_kinds = dict(column_kinds)
        self.classes = None if classes is None else list(classes)
        self.calibrator = calibrator
        self.intervals = intervals

    def check_frame(self, frame: pd.DataFrame) -> None:
        """Refuse rows that lack a feature; each one is named.

        Parameters
        ----------
        frame : DataFrame

        Raises
        ------
        DataError
            When a feature column is missing.
        """
        if missing := [name for name in self.feature_columns if name not in frame.columns]:
            names = ", ".join(f'"{name}"' for name in missing)
            raise DataError(
                f"The model needs the column{'s' * (len(missing) > 1)} {names}, missing here.",
                hint="Bring the column back, or retrain the model type without it.",
            )

    def predict(self, frame: pd.DataFrame) -> NDArray[Any]:
        """Predict each row: just what the bare pipeline predicts, shape (n,).

        Parameters
        ----------
        frame : DataFrame of n rows
            With the feature columns as they come from the table.

        Returns
        -------
        ndarray of shape (n,)
            Classes, or numbers in the target's unit.

        Raises
        ------
        DataError
            When a feature column is missing.
        """
        self.check_frame(frame)
        if frame.empty:
            return np.empty(0, dtype=object if self.classes else np.float64)
        return np.asarray(self.pipeline.predict(frame[self.feature_columns]))

    def predict_proba(self, frame: pd.DataFrame) -> Floats:
        """Calibrated probabilities, shape (n, k), in the order of ``classes``.

        Parameters
        ----------
        frame : DataFrame of n rows
            With the feature columns as they come from the table.

        Returns
        -------
        ndarray of shape (n, k)
            In [0, 1]; each row adds up to 1.

        Raises
        ------
        DataError
            When a feature column is missing.
        InvalidRequest
            For a regression.
        """
        self.check_frame(frame)
        if self.classes is None:
            raise InvalidRequest("A regression has no class probabilities.", hint="Use interval.")
        if frame.empty:
            return np.empty((0, len(self.classes)))
        proba = np.asarray(self.pipeline.predict_proba(frame[self.feature_columns]))
        return proba if self.calibrator is None else self.calibrator.apply(proba, self.classes)

    def confidence(self, frame: pd.DataFrame) -> Floats:
        """How far each prediction can be relied on, shape (n,), in [0, 1].

        Classification: the calibrated probability that the predicted class is the true one.
        Regression: how often predictions like this one came within the tolerance of the truth
        (:meth:`ConformalIntervals.confidence`); NaN when there were no calibration rows.

        Parameters
        ----------
        frame : DataFrame of n rows
            With the feature columns as they come from the table.

        Returns
        -------
        ndarray of shape (n,)

        Raises
        ------
        DataError
            When a feature column is missing.
        """
        return self.predict_with_confidence(frame)[1]

    def predict_with_confidence(self, frame: pd.DataFrame) -> tuple[NDArray[Any], Floats]:
        """Predictions (n,) and their confidence (n,), each computed once.

        Parameters
        ----------
        frame : DataFrame of n rows
            With the feature columns as they come from the table.

        Returns
        -------
        predicted : ndarray of shape (n,)
            As :meth:`predict` gives it.
        confidence : ndarray of shape (n,)
            As :meth:`confidence` gives it.

        Raises
        ------
        DataError
            When a feature column is missing.
        """
        predicted = self.predict(frame)
        if self.classes is None:
            if self.intervals is None:
                return predicted, np.full(len(predicted), np.nan)
            return predicted, self.intervals.confidence(predicted)
        proba = self.predict_proba(frame)
        column = {name: position for position, name in enumerate(self.classes)}
        chosen = np.array([column[name] for name in predicted.tolist()], dtype=np.intp)
        return predicted, proba[np.arange(len(proba)), chosen]

    def interval(self, frame: pd.DataFrame, coverage: float = 0.9) -> Floats:
        """Lower and upper bound of each row's target, shape (n, 2).

        Parameters
        ----------
        frame : DataFrame of n rows
            With the feature columns as they come from the table.
        coverage : float in (0, 1)
            Share of rows whose truth should lie inside. Too few calibration rows for it give
            infinite bounds.

        Returns
        -------
        ndarray of shape (n, 2)
            In the target's unit.

        Raises
        ------
        InvalidRequest
            For a classification, or a coverage outside (0, 1).
        DataError
            When a feature column is missing.
        """
        if self.classes is not None:
            raise InvalidRequest("A classification has no interval.", hint="Use predict_proba.")
        if not 0 < coverage < 1:
            raise InvalidRequest(f"The coverage {coverage} is not between 0 and 1.")
        predicted = self.predict(frame)
        half = np.full(len(predicted), np.inf)
        if self.intervals is not None:
            half = self.intervals.half_widths(predicted, coverage)
        return np.column_stack([predicted - half, predicted + half])

    def scored(self, frame: pd.DataFrame) -> Scored:
        """Predictions beside the true values of labelled rows.

        Parameters
        ----------
        frame : DataFrame of n labelled rows
            With the target and the feature columns as they come from the table.

        Returns
        -------
        Scored
            Of the n rows, in their order; ``proba`` is calibrated, and None in a regression.

        Raises
        ------
        DataError
            When the target or a feature column is missing, or a row has no label.
        """
        truth = target_values(frame, self.target_column, Task(self.task))
        proba = None
        if self.classes is not None and hasattr(self.pipeline, "predict_proba"):
            proba = self.predict_proba(frame)
        return Scored(truth=truth, predicted=self.predict(frame), proba=proba, classes=self.classes)
