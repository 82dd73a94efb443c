"""The reference of a model: what it scored on its holdout, for every later check."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.domain import Reference
from core.engines.loss_scaling import learn_scaling
from core.engines.metrics import Metric, Scored, losses, score


def make_reference(
    metric: Metric, scored: Scored, label_times: NDArray[np.datetime64] | None = None
) -> Reference:
    """The yardstick of a model that was judged on n held-out rows.

    Parameters
    ----------
    metric : Metric
    scored : Scored
        The model's predictions of the n rows, none of which it was fitted to.
    label_times : ndarray of shape (n,), datetime64, or None
        When their labels became known.

    Returns
    -------
    Reference
        With the losses' mean and spread, and how they are scaled for the sequential test
        (:mod:`core.engines.loss_scaling`), each None where the metric has none.

    Examples
    --------
    >>> from core.engines.metrics import get_metric
    >>> rows = Scored(truth=np.array([1, 1, 0, 0]), predicted=np.array([1, 1, 0, 1]))
    >>> reference = make_reference(get_metric("accuracy"), rows)
    >>> reference.value, reference.samples, reference.losses_mean
    (0.75, 4, 0.25)
    """
    per_row = losses(metric, scored)
    return Reference(
        metric=metric.name,
        value=score(metric, scored),
        samples=len(scored.truth),
        losses_mean=None if per_row is None else float(per_row.mean()),
        losses_std=None if per_row is None else _deviation(per_row),
        label_spacing_seconds=None if label_times is None else _spacing(label_times),
        scaling=learn_scaling(metric, scored),
    )


def _spacing(times: NDArray[np.datetime64]) -> float | None:
    if len(times) < 2:
        return None
    span = (times.max() - times.min()) / np.timedelta64(1, "s")
    return float(span / (len(times) - 1))


def _deviation(values: np.ndarray) -> float:
    return float(values.std(ddof=1)) if len(values) > 1 else 0.0
