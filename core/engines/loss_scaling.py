"""Losses of any metric brought into [0, 1], for a test that needs them bounded.

The test compares mean losses with what they were on the reference rows, so each metric needs a
loss per row whose mean moves as the metric does:

- accuracy: the error, 0 or 1;
- log loss, MAE, MAPE, RMSE and metrics of the user's own with a loss per row: that loss (squared
  errors for RMSE), clipped at the 99th percentile of the reference. The bound has to be finite for
  the test to be valid; one row in a hundred says that it is large, not how large, so that a single
  freak row decides nothing;
- macro F1 and ROC AUC: the losses of :mod:`core.engines.quotient_losses`;
- R² has none. It is a quotient of sums of squares about the mean of the very rows, and neither
  clipped squares nor the reference's mean stand for these once the target's level and spread move.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from core.engines.metrics import Floats, Metric, Scored, losses
from core.engines.quotient_losses import auc_losses, f1_losses, learn_auc, learn_f1

CLIPPED_QUANTILE = 0.99

Scaling = Mapping[str, Any]


def learn_scaling(metric: Metric, scored: Scored) -> dict[str, Any] | None:
    """How losses of ``metric`` are scaled, and what they are on the reference rows.

    Parameters
    ----------
    metric : Metric
    scored : Scored
        The model's predictions of the n reference rows.

    Returns
    -------
    dict or None
        A JSON object: ``kind``, what :func:`scaled_losses` needs for it, ``mean`` and ``std`` of
        the scaled losses on these rows, and ``per_point``: how much the mean rises when the
        metric falls by 1 (for metrics in points). None where the metric allows no such loss, is
        perfect here or not defined, and for the ROC AUC of a rare class.

    Examples
    --------
    >>> from core.engines.metrics import get_metric
    >>> rows = Scored(truth=np.zeros(4), predicted=np.array([0.0, 1.0, 2.0, 3.0]))
    >>> scaling = learn_scaling(get_metric("mae"), rows)
    >>> scaling["kind"], round(scaling["bound"], 2), round(scaling["mean"], 3)
    ('clipped', 2.97, 0.503)
    """
    if len(scored.truth) < 2:
        return None
    scaling = _learnt(metric, scored)
    if scaling is None:
        return None
    scaled = scaled_losses(metric, scored, scaling)
    return scaling | {"mean": float(scaled.mean()), "std": float(scaled.std(ddof=1))}


def scaled_losses(metric: Metric, scored: Scored, scaling: Scaling) -> Floats:
    """The loss of each row, in [0, 1].

    Parameters
    ----------
    metric : Metric
    scored : Scored
        Predictions of n rows, by the model whose ``scaling`` it is.
    scaling : mapping
        From :func:`learn_scaling`.

    Returns
    -------
    ndarray of shape (n,)

    Examples
    --------
    >>> from core.engines.metrics import get_metric
    >>> rows = Scored(truth=np.zeros(3), predicted=np.array([0.0, 1.0, 8.0]))
    >>> scaled_losses(get_metric("mae"), rows, {"kind": "clipped", "bound": 2.0}).tolist()
    [0.0, 0.5, 1.0]
    """
    if scaling["kind"] not in {"quotient", "placements"}:
        return np.asarray(np.clip(_row_losses(metric, scored) / scaling["bound"], 0.0, 1.0))
    of_kind = f1_losses if scaling["kind"] == "quotient" else auc_losses
    low, high = scaling["low"], scaling["high"]
    return np.asarray(np.clip((of_kind(scored, scaling) - low) / (high - low), 0.0, 1.0))


def _learnt(metric: Metric, scored: Scored) -> dict[str, Any] | None:
    if metric.name == "accuracy":
        return {"kind": "error", "bound": 1.0}
    if metric.name == "f1":
        return learn_f1(scored)
    if metric.name == "roc_auc":
        return learn_auc(scored)
    return _learn_clipped(metric, scored) if metric.has_losses else None


def _row_losses(metric: Metric, scored: Scored) -> Floats:
    per_row = losses(metric, scored)
    if per_row is None:
        raise ValueError(f"{metric.name} has no loss per row")
    return per_row


def _learn_clipped(metric: Metric, scored: Scored) -> dict[str, Any] | None:
    bound = float(np.quantile(_row_losses(metric, scored), CLIPPED_QUANTILE))
    if not (np.isfinite(bound) and bound > 0):
        return None
    return {"kind": "clipped", "bound": bound, "per_point": 1 / bound}
