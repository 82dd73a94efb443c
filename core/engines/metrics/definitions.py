"""Which metrics there are: their names, which way is better, how two values are compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.domain import Task
from core.engines.own_metrics import OwnMetric, check_own_metric, is_own_name
from core.errors import InvalidRequest

# The least that a value is divided by, so that a share of one that is 0 is finite.
SMALLEST = float(np.finfo(np.float64).eps)


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

    @property
    def figures(self) -> dict[str, Any]:
        """What tells of its values without knowing it needs: which way is better, and the like."""
        return {
            "metric": self.name,
            "label": self.label,
            "higher_is_better": self.greater_is_better,
            "in_points": self.in_points,
        }


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

    Returns
    -------
    Metric

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


def degradation(metric: Metric, baseline: Any, current: Any) -> Any:
    """How much worse ``current`` is than ``baseline``; ≤ 0 when it is not.

    Points for accuracy, F1, ROC AUC and R²; a share of the baseline for log loss, MAE, RMSE, MAPE.
    A metric of the user's own that is neither in points nor a mean of losses may be 0 or less, as a
    profit may: there it is a share of the larger of both values, between −2 and 2 (−1 and 1 while
    neither is below 0), since a share of next to nothing says nothing.

    Parameters
    ----------
    metric : Metric
    baseline, current : float or array of float

    Returns
    -------
    float or array of float
        In points, or as a share.

    Examples
    --------
    >>> float(degradation(get_metric("accuracy"), 0.75, 0.5))
    0.25
    >>> float(degradation(get_metric("mae"), 2.0, 2.5))
    0.25
    """
    worse = baseline - current if metric.greater_is_better else current - baseline
    if metric.in_points:
        return worse
    whole = np.abs(baseline)
    if not metric.has_losses:
        whole = np.maximum(whole, np.abs(current))
    return worse / np.maximum(whole, SMALLEST)
