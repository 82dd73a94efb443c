"""An engine that goes on learning: new rows are added to what the model knows already."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.linear_model import SGDClassifier, SGDRegressor
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from core.domain import ModelType, Task
from core.engines.features import categorical_features, numeric_features

INCREMENTAL_ENGINES = ("incremental_linear",)
# Rows that are encoded and learnt at once: bounds the memory, whatever the window holds.
CHUNK_ROWS = 10_000
# Encoding (medians, scales, categories) is learnt from at most so many rows of the first window.
MOST_ENCODING_ROWS = 100_000
# The first window is gone through until so many rows were learnt: from rest, a step at a time.
FIRST_STEPS = 50_000
LEAST_PASSES, MOST_PASSES = 3, 100
# A value further out than so many standard deviations pulls no harder than one there.
MOST_DEVIATIONS = 5.0
STEP_SIZE = 0.01


class ClippedScaler(StandardScaler):  # type: ignore[misc]
    """Standardised numbers, kept within ±5 standard deviations.

    One gradient step grows with the square of its row: a single far-out value of a later row could
    throw a model that learns row by row off its way.

    Examples
    --------
    >>> scaler = ClippedScaler().fit(np.array([[0.0], [2.0]]))
    >>> scaler.transform(np.array([[1.0], [99.0]])).tolist()
    [[0.0], [5.0]]
    """

    def transform(self, X: Any, copy: bool | None = None) -> NDArray[np.float64]:
        """Shape (n, k), within ±5.

        Parameters
        ----------
        X : array of shape (n, k)
        copy : bool or None
            As scikit-learn's StandardScaler takes it.

        Returns
        -------
        ndarray of shape (n, k)
            In standard deviations from the mean of what was fitted.
        """
        scaled = super().transform(X, copy=copy)
        return np.asarray(np.clip(scaled, -MOST_DEVIATIONS, MOST_DEVIATIONS))


def make_estimator(
    model_type: ModelType, kinds: Mapping[str, str], *, seed: int
) -> SGDClassifier | SGDRegressor:
    """The unfitted estimator: linear, by stochastic gradient descent with a constant step.

    A constant step learns the thousandth week as readily as the first, where the usual falling one
    would stand still in a moving world (Bottou 2012, "Stochastic gradient descent tricks"). For a
    squared loss it must stay below 2 / E‖x‖²: with standardised columns ‖x‖² is about their number.

    Parameters
    ----------
    model_type : ModelType
    kinds : mapping of str to str
        Kind of each feature column.
    seed : int
        Of the order of the rows within a chunk.

    Returns
    -------
    SGDClassifier or SGDRegressor

    Examples
    --------
    >>> from core.engines.example_rows import example_type
    >>> make_estimator(example_type(), {"a": "numeric"}, seed=0).eta0
    0.01
    """
    columns = len(numeric_features(kinds)) + len(categorical_features(kinds))
    step = min(STEP_SIZE, 0.5 / max(columns, 1))
    if model_type.task is Task.CLASSIFICATION:
        return SGDClassifier(
            loss="log_loss", learning_rate="constant", eta0=step, random_state=seed
        )
    return SGDRegressor(learning_rate="constant", eta0=step, random_state=seed)


def learn_first(
    pipeline: Pipeline,
    features: pd.DataFrame,
    target: NDArray[Any],
    weights: NDArray[np.float64] | None,
) -> None:
    """Learn the encoding and then the rows, in time order, pass by pass and chunk by chunk.

    Parameters
    ----------
    pipeline : Pipeline
        Unfitted; its last step has ``partial_fit``.
    features : DataFrame of n rows
        Sorted by time.
    target : ndarray of shape (n,)
    weights : ndarray of shape (n,), or None

    Raises
    ------
    ValueError
        As scikit-learn's, when a parameter cannot be.

    Examples
    --------
    >>> from core.engines.example_rows import example_rows, example_type
    >>> rows = example_rows()
    >>> pipeline = Pipeline([("scale", ClippedScaler()), ("model", SGDClassifier(random_state=0))])
    >>> learn_first(pipeline, rows[["a"]], rows["y"].to_numpy(), None)
    >>> bool((pipeline.predict(rows[["a"]]) == rows["y"]).mean() > 0.95)
    True
    """
    spaced = np.linspace(0, len(features) - 1, min(len(features), MOST_ENCODING_ROWS))
    chosen = spaced.round().astype(np.intp)
    pipeline[:-1].fit(features.iloc[chosen], target[chosen])
    passes = int(np.clip(np.ceil(FIRST_STEPS / len(features)), LEAST_PASSES, MOST_PASSES))
    for _ in range(passes):
        learn_on(pipeline, features, target, weights)


def learn_on(
    pipeline: Pipeline,
    features: pd.DataFrame,
    target: NDArray[Any],
    weights: NDArray[np.float64] | None,
) -> None:
    """Learn further rows once, in the order given, with the encoding as it was learnt first.

    Parameters
    ----------
    pipeline : Pipeline
        Its encoding is fitted; its last step has ``partial_fit``. It is changed.
    features : DataFrame of n rows
    target : ndarray of shape (n,)
        For a model that has learnt before: of classes that it knows.
    weights : ndarray of shape (n,), or None

    Examples
    --------
    >>> from core.engines.example_rows import example_rows, example_type
    >>> rows = example_rows()
    >>> pipeline = Pipeline([("scale", ClippedScaler()), ("model", SGDClassifier(random_state=0))])
    >>> learn_first(pipeline, rows[["a"]][:200], rows["y"].to_numpy()[:200], None)
    >>> learn_on(pipeline, rows[["a"]][200:], rows["y"].to_numpy()[200:], None)
    >>> pipeline.predict(pd.DataFrame({"a": [-2.0, 2.0]})).tolist()
    [0, 1]
    """
    encoding, estimator = pipeline[:-1], pipeline[-1]
    begun = {}
    if isinstance(estimator, SGDClassifier) and not hasattr(estimator, "classes_"):
        begun = {"classes": np.unique(target)}
    for chunk in _chunks(len(features)):
        estimator.partial_fit(
            encoding.transform(features.iloc[chunk]),
            target[chunk],
            sample_weight=None if weights is None else weights[chunk],
            **begun,
        )


def _chunks(rows: int) -> Iterator[slice]:
    for start in range(0, rows, CHUNK_ROWS):
        yield slice(start, start + CHUNK_ROWS)
