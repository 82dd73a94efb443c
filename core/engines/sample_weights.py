"""What each row weighs in a training: newer ones more, rare classes as much as common ones."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import has_fit_parameter

from core.domain import ClassWeight, ModelType, Task
from core.engines.time_split import plain_times
from core.errors import InvalidRequest

Floats = NDArray[np.float64]


def recency_weights(times: NDArray[np.datetime64], half_life: timedelta) -> Floats:
    """2^(−age / half-life), the age counted back from the newest row.

    Parameters
    ----------
    times : ndarray of datetime64, shape (n,), n ≥ 1
        When each row's label became known.
    half_life : timedelta > 0

    Returns
    -------
    ndarray of shape (n,)
        In (0, 1]; a row so old that it underflows weighs 0.

    Examples
    --------
    >>> days = np.array(["2026-01-01", "2026-01-08", "2026-01-15"], dtype="datetime64[us]")
    >>> recency_weights(days, timedelta(days=7)).tolist()
    [0.25, 0.5, 1.0]
    """
    ages = (times.max() - times) / np.timedelta64(half_life)
    return np.asarray(np.exp2(-ages), dtype=np.float64)


def balanced(weights: Floats, target: NDArray[Any]) -> Floats:
    """The weights scaled so that each class that occurs weighs the same in all.

    With equal weights that is what scikit-learn calls ``class_weight="balanced"`` (King and Zeng
    2001, "Logistic regression in rare events data", section 4).

    Parameters
    ----------
    weights : ndarray of shape (n,)
    target : ndarray of shape (n,)
        The class of each row.

    Returns
    -------
    ndarray of shape (n,)
        With the sum of ``weights``.

    Examples
    --------
    >>> balanced(np.ones(4), np.array(["no", "no", "no", "yes"])).round(3).tolist()
    [0.667, 0.667, 0.667, 2.0]
    """
    classes, of_row = np.unique(target, return_inverse=True)
    totals = np.bincount(of_row, weights=weights)
    # A class whose rows have all underflowed has no weight that could be scaled.
    shares = np.divide(
        weights.sum() / len(classes), totals, out=np.zeros_like(totals), where=totals > 0
    )
    return np.asarray(weights * shares[of_row])


def sample_weights(
    rows: pd.DataFrame, target: NDArray[Any], model_type: ModelType
) -> Floats | None:
    """What the model type's settings make each training row weigh; None: all the same.

    Recency first, then classes, so that classes weigh the same however old their rows are. The
    mean is 1, so that an engine's regularisation means the same with weights and without.

    Parameters
    ----------
    rows : DataFrame of n ≥ 1 rows
        With the model type's time columns.
    target : ndarray of shape (n,)
        Their target.
    model_type : ModelType
        Its ``recency_half_life`` and ``class_weight`` decide.

    Returns
    -------
    ndarray of shape (n,), or None

    Raises
    ------
    InvalidRequest
        When classes are to be weighed in a regression.
    DataError
        As :func:`core.engines.time_split.row_times`.

    Examples
    --------
    >>> from core.engines.example_rows import example_rows, example_type
    >>> rows = example_rows(40)
    >>> print(sample_weights(rows, rows["y"].to_numpy(), example_type()))
    None
    >>> kind = example_type(recency_half_life=timedelta(hours=1))
    >>> sample_weights(rows, rows["y"].to_numpy(), kind).round(2).tolist()[-2:]
    [10.0, 20.0]
    """
    by_class = model_type.class_weight is ClassWeight.BALANCED
    if by_class and model_type.task is not Task.CLASSIFICATION:
        raise InvalidRequest(
            f"Model type {model_type.name}: a regression has no classes to weigh.",
            hint="Set class_weight to none.",
        )
    if model_type.recency_half_life is None and not by_class:
        return None
    weights = np.ones(len(rows))
    if model_type.recency_half_life is not None:
        weights = recency_weights(plain_times(rows, model_type), model_type.recency_half_life)
    if by_class:
        weights = balanced(weights, target)
    return np.asarray(weights / weights.mean())


def weight_argument(pipeline: Pipeline, engine: str) -> str:
    """The name under which ``pipeline.fit`` passes weights on to its estimator.

    Parameters
    ----------
    pipeline : Pipeline
        Its last step is an estimator, or a pipeline again.
    engine : str
        For the message.

    Returns
    -------
    str

    Raises
    ------
    InvalidRequest
        When the estimator takes none.

    Examples
    --------
    >>> from sklearn.linear_model import Ridge
    >>> weight_argument(Pipeline([("model", Ridge())]), "linear")
    'model__sample_weight'
    """
    path, estimator = [], pipeline
    while isinstance(estimator, Pipeline):
        name, estimator = estimator.steps[-1]
        path.append(name)
    if not has_fit_parameter(estimator, "sample_weight"):
        raise InvalidRequest(
            f'The engine "{engine}" cannot weigh rows: the fit of {type(estimator).__name__} takes '
            "no sample_weight.",
            hint="Use an engine that does, or set class_weight to none and remove "
            "recency_half_life.",
        )
    return "__".join([*path, "sample_weight"])
