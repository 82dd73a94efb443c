"""What each row costs by the metrics that are a mean of losses."""

from __future__ import annotations

from typing import Any

import numpy as np

from core.engines.metrics.definitions import SMALLEST, Metric
from core.engines.metrics.scored_rows import Floats, Scored, require_proba
from core.engines.own_metrics import own_losses


def losses(metric: Metric, scored: Scored) -> Floats | None:
    """The loss of each row (n,) that the metric averages; None where it has none.

    Accuracy: 0 or 1. Log loss: −log of the true class's probability. MAE: absolute, MAPE:
    relative, RMSE: squared error.

    Parameters
    ----------
    metric : Metric
    scored : Scored
        n rows.

    Returns
    -------
    ndarray of shape (n,), or None
        ≥ 0; errors are in the target's unit, squared ones in its square.

    Raises
    ------
    InvalidRequest
        When log loss is to be computed without probabilities, or a metric of the user's own fails.

    Examples
    --------
    >>> from core.engines.metrics import get_metric
    >>> truth, predicted = np.array([1, 1, 0, 0]), np.array([1, 0, 0, 0])
    >>> losses(get_metric("accuracy"), Scored(truth=truth, predicted=predicted)).tolist()
    [0.0, 1.0, 0.0, 0.0]
    """
    if not metric.has_losses:
        return None
    if metric.own is not None:
        return own_losses(metric.name, metric.own, scored)
    if metric.name == "accuracy":
        return np.asarray(scored.truth != scored.predicted, dtype=np.float64)
    if metric.name == "log_loss":
        return -np.log(_probability_of_truth(scored))
    error = scored.truth.astype(np.float64) - scored.predicted
    if metric.name == "rmse":
        return np.asarray(error**2)
    if metric.name == "mape":
        return np.asarray(np.abs(error) / np.maximum(np.abs(scored.truth), SMALLEST))
    return np.asarray(np.abs(error))


def _probability_of_truth(scored: Scored) -> Floats:
    proba, classes = require_proba(scored)
    found = np.zeros(len(proba))  # a class that the model has never seen has no probability
    for position, name in enumerate(classes):
        rows = scored.truth == name
        found[rows] = proba[rows, position]
    return np.clip(found, SMALLEST, 1.0)


def from_mean_loss(metric: Metric, mean_loss: Any) -> Any:
    """The metric of a mean loss (a number or an array of them).

    Parameters
    ----------
    metric : Metric
        One that has losses.
    mean_loss : float or array of float
        Mean of :func:`losses` over rows.

    Returns
    -------
    float or array of float
        In the metric's unit.

    Examples
    --------
    >>> from core.engines.metrics import get_metric
    >>> from_mean_loss(get_metric("accuracy"), 0.25), from_mean_loss(get_metric("mae"), 2.0)
    (0.75, 2.0)
    """
    if metric.name == "accuracy":
        return 1.0 - mean_loss
    return np.sqrt(mean_loss) if metric.name == "rmse" else mean_loss
