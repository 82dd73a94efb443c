"""How much of what a model knows comes from each feature."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from core.domain import Task
from core.engines.columns import target_values
from core.engines.fitted_model import FittedModel
from core.engines.metrics import Metric, Scored, score

# Enough to tell features that matter from those that do not; it is a weight, not a verdict.
MOST_ROWS = 1000
REPEATS = 3


def importance_shares(
    model: FittedModel, holdout: pd.DataFrame, metric: Metric, *, seed: int
) -> dict[str, float]:
    """Permutation importance of each feature as a share of all importance.

    A feature's values are shuffled between the rows; what the metric loses by that, on average
    over three shuffles and no less than 0, is the feature's importance (Breiman 2001, "Random
    Forests", section 10; for any model: Fisher, Rudin and Dominici 2019, "All models are wrong,
    but many are useful").

    Parameters
    ----------
    model : FittedModel
    holdout : DataFrame of n labelled rows
        Rows that the model has not seen; at most 1,000 of them, chosen by ``seed``, are used.
    metric : Metric
        The one that the model is judged by.
    seed : int
        Of the choice of rows and the shuffles.

    Returns
    -------
    dict of str to float
        The model's features, in order; the shares add up to 1. All the same where no feature
        matters or the metric cannot be computed.

    Raises
    ------
    DataError
        When the target or a feature column is missing in ``holdout``.

    Examples
    --------
    >>> from sklearn.linear_model import LinearRegression
    >>> from core.engines.metrics import METRICS
    >>> rows = pd.DataFrame({"a": np.arange(9.0), "b": [0.0, 1, 0] * 3})
    >>> rows["y"] = 3 * rows["a"]
    >>> model = FittedModel(
    ...     pipeline=LinearRegression().fit(rows[["a", "b"]], rows["y"]),
    ...     task="regression", target_column="y", feature_columns=["a", "b"],
    ...     column_kinds={"a": "numeric", "b": "numeric"},
    ... )
    >>> shares = importance_shares(model, rows, METRICS["mae"], seed=0)
    >>> {name: round(share, 6) for name, share in shares.items()}
    {'a': 1.0, 'b': 0.0}
    """
    generator = np.random.default_rng(seed)
    rows = holdout
    if len(rows) > MOST_ROWS:
        rows = rows.iloc[np.sort(generator.choice(len(rows), MOST_ROWS, replace=False))]
    names = model.feature_columns
    uniform = dict.fromkeys(names, 1 / max(len(names), 1))
    if rows.empty:
        return uniform
    truth = target_values(rows, model.target_column, Task(model.task))
    sign = 1.0 if metric.greater_is_better else -1.0
    losses = {}
    with threadpool_limits(1):  # so few rows gain nothing from more
        whole = sign * score(metric, _scored(model, rows, truth, metric))
        for name in names:
            shuffled = [
                rows.assign(**{name: rows[name].array.take(generator.permutation(len(rows)))})
                for _ in range(REPEATS)
            ]
            scores = [sign * score(metric, _scored(model, one, truth, metric)) for one in shuffled]
            losses[name] = max(whole - float(np.mean(scores)), 0.0)
    total = sum(losses.values())
    if not np.isfinite(total) or total <= 0:
        return uniform
    return {name: loss / total for name, loss in losses.items()}


def _scored(model: FittedModel, rows: pd.DataFrame, truth: NDArray[Any], metric: Metric) -> Scored:
    """Predictions of ``rows``; probabilities only for a metric that may use them."""
    if metric.own is not None:
        return model.scored(rows)
    proba = model.predict_proba(rows) if metric.needs_proba else None
    return Scored(truth=truth, predicted=model.predict(rows), proba=proba, classes=model.classes)
