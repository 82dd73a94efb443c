"""What the sequential test watches: each metric's losses in [0, 1], and the limit of their mean.

How losses are scaled is learnt with the reference (:mod:`core.engines.loss_scaling`).
"""

from __future__ import annotations

from math import hypot, sqrt

from scipy.stats import beta, norm

from core.domain import Reference
from core.engines.loss_scaling import scaled_losses
from core.engines.metrics import Floats, Metric, Scored

# The reference's mean loss is itself uncertain: its one-sided upper bound takes its place.
CONFIDENCE = 0.975
_Z = float(norm.ppf(CONFIDENCE))


def can_be_tested(metric: Metric, reference: Reference) -> bool:
    """Whether the sequential test can watch this metric against this reference.

    Not where the metric has no bounded loss, nor where a reference of an older kind says nothing
    of how losses are scaled. A ROC AUC's losses are placements among one model's own scores: a
    reference that is kept from an earlier champion does not give them for the next one.

    Parameters
    ----------
    metric : Metric
    reference : Reference

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
    if scaling is None:
        return False
    return not (scaling["kind"] == "placement" and reference.kept_since is not None)


def losses_of(metric: Metric, scored: Scored, reference: Reference) -> Floats:
    """The loss of each of n rows, shape (n,), in [0, 1].

    Parameters
    ----------
    metric : Metric
        One that :func:`can_be_tested`.
    scored : Scored
        The served model's predictions.
    reference : Reference

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

    The reference's mean loss, plus the root of the sum of squares of the threshold and of what
    the reference leaves in doubt (its upper 97.5 % bound less its mean): two reasons to hold back
    that have nothing to do with each other, so that added up plainly both would have to be at
    their worst. The limit is never below the bound, nor below mean and threshold. Accuracy:
    Clopper and Pearson 1934, "The use of confidence or fiducial limits illustrated in the case of
    the binomial"; others: normal approximation of the mean of bounded losses, of which there are
    500 or more. A relative threshold multiplies the bound (squared errors by its square for RMSE);
    points are translated by what one point does to the mean loss.

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
        return mean + hypot(bound - mean, threshold)
    scaling = reference.scaling or {}
    mean, doubt = scaling["mean"], _Z * scaling["std"] / sqrt(rows)
    if metric.in_points:
        per_point = scaling["per_point"] if "per_point" in scaling else 1 / scaling["bound"]
        worse = threshold * per_point
    else:
        worse = mean * ((1 + threshold) ** (2 if metric.name == "rmse" else 1) - 1)
    return float(mean + hypot(doubt, worse))
