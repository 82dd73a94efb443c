"""The metrics by name: which way is better, how two values are compared, what rows lose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.domain import Task
from core.engines.own_metrics import (
    OwnMetric,
    check_own_metric,
    is_own_name,
    own_losses,
    own_value,
)
from core.errors import InvalidRequest

Floats = NDArray[np.float64]
# Probabilities are kept off 0 and 1 as scikit-learn's log_loss does, so that a loss is finite.
SMALLEST = float(np.finfo(np.float64).eps)


@dataclass(frozen=True, kw_only=True)
class Scored:
    """True values beside one model's predictions for the same n rows.

    ``proba`` has shape (n, k), its columns belong to ``classes``; both None in a regression.

    Examples
    --------
    >>> truth, predicted = np.array([1, 1, 0, 0]), np.array([1, 0, 0, 0])
    >>> Scored(truth=truth, predicted=predicted).rows(truth == 1).predicted.tolist()
    [1, 0]
    """

    truth: NDArray[Any]
    predicted: NDArray[Any]
    proba: Floats | None = None
    classes: Sequence[Any] | None = None

    def rows(self, chosen: NDArray[Any]) -> Scored:
        """The chosen rows (a mask or positions) alone."""
        proba = None if self.proba is None else self.proba[chosen]
        return Scored(
            truth=self.truth[chosen],
            predicted=self.predicted[chosen],
            proba=proba,
            classes=self.classes,
        )


@dataclass(frozen=True, kw_only=True)
class Metric:
    """What a metric is.

    ``in_points``: differences are taken as they are (metrics on a fixed scale up to 1); otherwise
    they are relative to the baseline. ``has_losses``: the metric is a mean of losses per row (or,
    for RMSE, the root of one), so that tests can work on them.
    """

    name: str
    label: str  # for people
    task: Task
    greater_is_better: bool
    in_points: bool
    has_losses: bool
    needs_proba: bool = False
    own: OwnMetric | None = None  # a metric of the user's own; None for those known here


def _classification(name: str, label: str, **options: Any) -> Metric:
    return Metric(name=name, label=label, task=Task.CLASSIFICATION, **options)


def _regression(name: str, label: str, **options: Any) -> Metric:
    return Metric(name=name, label=label, task=Task.REGRESSION, **options)


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        _classification(
            "accuracy", "accuracy", greater_is_better=True, in_points=True, has_losses=True
        ),
        _classification("f1", "F1", greater_is_better=True, in_points=True, has_losses=False),
        _classification(
            "roc_auc",
            "ROC AUC",
            greater_is_better=True,
            in_points=True,
            has_losses=False,
            needs_proba=True,
        ),
        _classification(
            "log_loss",
            "log loss",
            greater_is_better=False,
            in_points=False,
            has_losses=True,
            needs_proba=True,
        ),
        _regression("r2", "R²", greater_is_better=True, in_points=True, has_losses=False),
        _regression("mae", "MAE", greater_is_better=False, in_points=False, has_losses=True),
        _regression("rmse", "RMSE", greater_is_better=False, in_points=False, has_losses=True),
        _regression("mape", "MAPE", greater_is_better=False, in_points=False, has_losses=True),
    )
}


def get_metric(
    name: str, task: Task | None = None, custom: Mapping[str, OwnMetric] | None = None
) -> Metric:
    """The metric of that name.

    Parameters
    ----------
    name : str
        One of METRICS, or the allow-listed ``package.module:name`` of one of the user's own.
    task : Task or None
        What the metric must fit; one of the user's own says nothing of it, and fits.
    custom : mapping of str to OwnMetric
        The allow-listed metrics of the user's own (REFIT_METRICS), by import path.

    Raises
    ------
    InvalidRequest
        When there is none, it does not fit the task, or it is not allowed.

    Examples
    --------
    >>> get_metric("mae").label
    'MAE'
    """
    if is_own_name(name):
        return _own(name, task or Task.CLASSIFICATION, custom or {})
    fitting = [m.name for m in METRICS.values() if task is None or m.task is task]
    if name not in fitting:
        what = "not known" if name not in METRICS else f"not one for a {task}"
        raise InvalidRequest(
            f'The metric "{name}" is {what}.', hint=f"Use one of {', '.join(fitting)}."
        )
    return METRICS[name]


def _own(name: str, task: Task, custom: Mapping[str, OwnMetric]) -> Metric:
    if name not in custom:
        raise InvalidRequest(
            f'The metric "{name}" is not allowed.', hint="Allow it with REFIT_METRICS."
        )
    own = custom[name]
    check_own_metric(name, own)
    return Metric(
        name=name,
        label=getattr(own, "label", name.partition(":")[2]),
        task=task,
        greater_is_better=own.greater_is_better,
        in_points=getattr(own, "in_points", False),
        has_losses=hasattr(own, "losses"),
        own=own,
    )


def losses(metric: Metric, scored: Scored) -> Floats | None:
    """The loss of each row (n,) that the metric averages; None where it has none.

    Accuracy: 0 or 1. Log loss: −log of the true class's probability. MAE: absolute, MAPE:
    relative, RMSE: squared error.

    Examples
    --------
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


def require_proba(scored: Scored) -> tuple[Floats, Sequence[Any]]:
    """Probabilities and their classes, or an error when the model gives none.

    Examples
    --------
    >>> none = Scored(truth=np.array([1]), predicted=np.array([1]))
    >>> try:
    ...     require_proba(none)
    ... except InvalidRequest as refused:
    ...     print(refused.message)
    This metric needs probabilities, which the model does not give.
    """
    if scored.proba is None or scored.classes is None:
        raise InvalidRequest(
            "This metric needs probabilities, which the model does not give.",
            hint="Choose accuracy or f1, or an engine with predict_proba.",
        )
    return scored.proba, scored.classes


def from_mean_loss(metric: Metric, mean_loss: Any) -> Any:
    """The metric of a mean loss (a number or an array of them).

    Examples
    --------
    >>> from_mean_loss(get_metric("accuracy"), 0.25), from_mean_loss(get_metric("mae"), 2.0)
    (0.75, 2.0)
    """
    if metric.name == "accuracy":
        return 1.0 - mean_loss
    return np.sqrt(mean_loss) if metric.name == "rmse" else mean_loss


def score(metric: Metric, scored: Scored) -> float:
    """The metric's value on n rows; NaN where it is not defined (ROC AUC with one class).

    Examples
    --------
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

    Examples
    --------
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
        return _macro_f1(scored, weights)
    if metric.name == "roc_auc":
        return _roc_auc(scored, weights)
    return _r_squared(scored, weights)


def _macro_f1(scored: Scored, weights: Floats) -> Floats:
    """Mean over the classes that occur of 2·TP / (true + predicted)."""
    names = set(scored.truth.tolist()) | set(scored.predicted.tolist())
    total, present = np.zeros(len(weights)), np.zeros(len(weights))
    for name in names:
        true, predicted = scored.truth == name, scored.predicted == name
        hits = weights @ (true & predicted).astype(np.float64)
        size = weights @ true.astype(np.float64) + weights @ predicted.astype(np.float64)
        total += np.divide(2 * hits, size, out=np.zeros_like(hits), where=size > 0)
        present += size > 0
    return total / np.maximum(present, 1)


def _roc_auc(scored: Scored, weights: Floats) -> Floats:
    """Area under the curve; with more than two classes the mean of one against the rest."""
    proba, classes = require_proba(scored)
    positions = [1] if len(classes) == 2 else range(len(classes))
    areas = [_area(scored.truth == classes[c], proba[:, c], weights) for c in positions]
    # A class that does not occur has no area; the mean is over those that do.
    defined = np.isfinite(areas)
    count = defined.sum(axis=0)
    total = np.where(defined, areas, 0.0).sum(axis=0)
    return np.asarray(np.where(count > 0, total / np.maximum(count, 1), np.nan))


def _area(positive: NDArray[np.bool_], ranked_by: Floats, weights: Floats) -> Floats:
    """Share of (positive, negative) pairs in the right order, ties as half (Mann–Whitney)."""
    order = np.argsort(ranked_by, kind="stable")
    starts = np.unique(ranked_by[order], return_index=True)[1]
    ups = np.add.reduceat(weights[:, order] * positive[order], starts, axis=1)
    downs = np.add.reduceat(weights[:, order] * ~positive[order], starts, axis=1)
    below = np.cumsum(downs, axis=1) - downs / 2
    pairs = ups.sum(axis=1) * downs.sum(axis=1)
    area = np.full(len(weights), np.nan)
    np.divide((ups * below).sum(axis=1), pairs, out=area, where=pairs > 0)
    return area


def _r_squared(scored: Scored, weights: Floats) -> Floats:
    truth = scored.truth.astype(np.float64)
    size = weights.sum(axis=1)
    truth = truth - truth.mean()  # for the accuracy of the sums below
    spread = weights @ truth**2 - (weights @ truth) ** 2 / size
    residual = weights @ (scored.truth.astype(np.float64) - scored.predicted) ** 2
    explained = np.full(len(weights), np.nan)
    np.divide(spread - residual, spread, out=explained, where=spread > 0)
    return explained


def degradation(metric: Metric, baseline: Any, current: Any) -> Any:
    """How much worse ``current`` is than ``baseline``; ≤ 0 when it is not.

    Points for accuracy, F1, ROC AUC and R²; a share of the baseline for log loss, MAE, RMSE, MAPE.

    Examples
    --------
    >>> float(degradation(get_metric("accuracy"), 0.75, 0.5))
    0.25
    >>> float(degradation(get_metric("mae"), 2.0, 2.5))
    0.25
    """
    worse = baseline - current if metric.greater_is_better else current - baseline
    return worse if metric.in_points else worse / np.maximum(np.abs(baseline), SMALLEST)
