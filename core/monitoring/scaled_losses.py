"""What the sequential test watches: each metric's losses in [0, 1], and the limit of their mean.

How losses are scaled is learnt with the reference (:mod:`core.engines.loss_scaling`).
"""

from __future__ import annotations

from collections.abc import Mapping
from math import hypot, sqrt
from typing import Any

from scipy.stats import beta

from core.domain import Reference
from core.engines.held_back import CONFIDENCE, LEAST_DIFFERENCE, held_back
from core.engines.loss_scaling import scaled_losses
from core.engines.metrics import Floats, Metric, Scored

_KINDS = ("clipped", "quotient", "placements")


def can_be_tested(metric: Metric, reference: Reference) -> bool:
    """Whether the sequential test can watch this metric against this reference.

    Not where the metric has no bounded loss that follows it (R², the ROC AUC of a rare class), nor
    where a reference of an older kind says nothing of how losses are scaled. A ROC AUC's losses are
    placements among one model's own scores: a reference that is kept from an earlier champion does
    not give them for the next one.

    Parameters
    ----------
    metric : Metric
    reference : Reference

    Returns
    -------
    bool

    Examples
    --------
    >>> from core.engines.metrics import get_metric
    >>> reference = Reference(metric="accuracy", value=0.85, samples=2000)
    >>> can_be_tested(get_metric("accuracy"), reference)
    True
    """
    if metric.name == "accuracy":
        return True
    scaling = reference.scaling
    if scaling is None or scaling["kind"] not in _KINDS or metric.name == "r2":
        return False
    return not (scaling["kind"] == "placements" and reference.kept_since is not None)


def losses_of(metric: Metric, scored: Scored, reference: Reference) -> Floats:
    """The loss of each of n rows.

    Parameters
    ----------
    metric : Metric
        One that :func:`can_be_tested`.
    scored : Scored
        The served model's predictions.
    reference : Reference

    Returns
    -------
    ndarray of shape (n,)
        In [0, 1]: accuracy's are 0 and 1, others scaled as the reference says.

    Examples
    --------
    >>> import numpy as np
    >>> from core.engines.metrics import get_metric
    >>> rows = Scored(truth=np.array([1, 0]), predicted=np.array([1, 1]))
    >>> reference = Reference(metric="accuracy", value=0.85, samples=2000)
    >>> losses_of(get_metric("accuracy"), rows, reference).tolist()
    [0.0, 1.0]
    """
    error = {"kind": "error", "bound": 1.0}
    return scaled_losses(
        metric, scored, error if metric.name == "accuracy" else reference.scaling or error
    )


def loss_limit(metric: Metric, reference: Reference, threshold: float) -> float:
    """The mean loss from which on the metric counts as worse by ``threshold``.

    The reference's mean loss and what is held back (:func:`core.engines.held_back.held_back`): for
    what the reference leaves in doubt, and the threshold, or a twelfth of the losses' standard
    deviation where labels cannot tell less apart. The doubt of accuracy: Clopper and Pearson 1934,
    "The use of confidence or fiducial limits illustrated in the case of the binomial". A relative
    threshold multiplies the mean (of squared errors by its square for RMSE); points are translated
    by what one point does to the mean loss.

    Parameters
    ----------
    metric : Metric
        One that :func:`can_be_tested`.
    reference : Reference
    threshold : float
        In points or relative, as the metric has it.

    Returns
    -------
    float
        > 0; of 1 or more where no loss can be that large, and then the test is never passed.

    Examples
    --------
    >>> from core.engines.metrics import get_metric
    >>> reference = Reference(metric="accuracy", value=0.85, samples=2000)
    >>> round(loss_limit(get_metric("accuracy"), reference, 0.03), 4)
    0.1842
    """
    rows = reference.samples
    if metric.name == "accuracy":
        wrong = rows - round(reference.value * rows)
        mean = wrong / rows
        bound = 1.0 if wrong == rows else float(beta.ppf(CONFIDENCE, wrong + 1, rows - wrong))
        told_apart = LEAST_DIFFERENCE * sqrt(mean * (1 - mean))
        return mean + hypot(bound - mean, max(threshold, told_apart))
    scaling = reference.scaling or {}
    mean = scaling["mean"]
    if metric.in_points:
        worse = threshold * _per_point(scaling)
    else:
        worse = mean * ((1 + threshold) ** _power(metric) - 1)
    return float(mean + held_back(scaling["std"], rows, worse))


def metric_at_limit(metric: Metric, reference: Reference, limit: float) -> float:
    """The value of the metric at which its mean loss reaches the limit.

    Parameters
    ----------
    metric : Metric
        One that :func:`can_be_tested`.
    reference : Reference
    limit : float
        From :func:`loss_limit`.

    Returns
    -------
    float
        In the metric's own unit, as the reference's ``value``.

    Examples
    --------
    >>> from core.engines.metrics import get_metric
    >>> reference = Reference(metric="accuracy", value=0.85, samples=2000)
    >>> round(metric_at_limit(get_metric("accuracy"), reference, 0.1842), 4)
    0.8158
    """
    if metric.name == "accuracy":
        return 1.0 - limit
    scaling = reference.scaling or {}
    if not metric.in_points:
        return float(reference.value * (limit / scaling["mean"]) ** (1 / _power(metric)))
    worse = (limit - scaling["mean"]) / _per_point(scaling)
    return float(reference.value - worse if metric.greater_is_better else reference.value + worse)


def _power(metric: Metric) -> int:
    """Of the metric that its losses are: RMSE has squared ones."""
    return 2 if metric.name == "rmse" else 1


def _per_point(scaling: Mapping[str, Any]) -> float:
    """How much the mean loss rises with a point; stored references may be older than the figure."""
    return float(scaling["per_point"] if "per_point" in scaling else 1 / scaling["bound"])
