"""A metric's value on rows, once or under each of many weightings."""

from __future__ import annotations

import numpy as np

from core.engines.metrics.definitions import Metric
from core.engines.metrics.row_losses import from_mean_loss, losses
from core.engines.metrics.scored_rows import Floats, Scored
from core.engines.metrics.weighted_forms import macro_f1, r_squared, roc_auc
from core.engines.own_metrics import own_value


def score(metric: Metric, scored: Scored) -> float:
    """The metric's value on n rows; NaN where it is not defined (ROC AUC with one class).

    Parameters
    ----------
    metric : Metric
    scored : Scored
        n ≥ 1 rows.

    Returns
    -------
    float
        In the metric's unit.

    Raises
    ------
    InvalidRequest
        When the metric needs probabilities that are not there, or one of the user's own fails.

    Examples
    --------
    >>> from core.engines.metrics import get_metric
    >>> truth, predicted = np.array([1, 1, 0, 0]), np.array([1, 0, 0, 0])
    >>> score(get_metric("accuracy"), Scored(truth=truth, predicted=predicted))
    0.75
    """
    per_row = losses(metric, scored)
    if per_row is not None:
        return float(from_mean_loss(metric, per_row.mean()))
    if metric.own is not None:
        return own_value(metric.name, metric.own, scored)
    return float(weighted_scores(metric, scored, np.ones((1, len(scored.truth))))[0])


def weighted_scores(metric: Metric, scored: Scored, weights: Floats) -> Floats:
    """The metric under each of b weightings of the n rows: weights (b, n) → values (b,).

    Bootstrap resamples are weightings by counts, so that all of them are scored at once. Metrics
    of the user's own without a loss per row take the rows as often as the weights say: these must
    be counts then.

    Parameters
    ----------
    metric : Metric
    scored : Scored
        n ≥ 1 rows.
    weights : ndarray of shape (b, n)
        ≥ 0, above 0 in sum.

    Returns
    -------
    ndarray of shape (b,)
        In the metric's unit; NaN where it is not defined.

    Raises
    ------
    InvalidRequest
        When the metric needs probabilities that are not there, or one of the user's own fails.

    Examples
    --------
    >>> from core.engines.metrics import get_metric
    >>> scored = Scored(truth=np.array([1, 0]), predicted=np.array([1, 1]))
    >>> weighted_scores(get_metric("accuracy"), scored, np.array([[1.0, 1.0], [2.0, 0.0]])).tolist()
    [0.5, 1.0]
    """
    per_row = losses(metric, scored)
    if per_row is not None:
        return np.asarray(from_mean_loss(metric, weights @ per_row / weights.sum(axis=1)))
    if metric.own is not None:
        every = np.arange(len(scored.truth))
        counted = (scored.rows(np.repeat(every, count.astype(np.intp))) for count in weights)
        return np.array([own_value(metric.name, metric.own, rows) for rows in counted])
    if metric.name == "f1":
        return macro_f1(scored, weights)
    if metric.name == "roc_auc":
        return roc_auc(scored, weights)
    return r_squared(scored, weights)
