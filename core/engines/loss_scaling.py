"""Losses of any metric brought into [0, 1], for a test that needs them bounded.

The test compares mean losses with what they were on the reference rows, so each metric needs a
loss per row whose mean moves as the metric does:

- accuracy: the error, 0 or 1;
- log loss, MAE, MAPE, RMSE, R² and metrics of the user's own with a loss per row: that loss
  (squared errors for RMSE and R²), clipped at the 99th percentile of the reference. The bound has
  to be finite for the test to be valid; one row in a hundred says that it is large, not how large,
  so that a single freak row decides nothing;
- macro F1 and ROC AUC have no loss per row: their linearisation at the reference (influence
  function; Hampel 1974, "The influence curve and its role in robust estimation"). For F1 each class
  adds −(2·hit − F·(true + predicted))/s, where F and s are its F1 and its mean of true + predicted
  at the reference. For the AUC the placement of a row among the reference's rows of the other
  class, divided by the share of its own (DeLong, DeLong and Clarke-Pearson 1988). Both follow the
  metric to first order, while the shares of the classes stay about what they were.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.engines.metrics import Floats, Metric, Scored, losses, require_proba

CLIPPED_QUANTILE = 0.99
# Scores of a class are kept as these quantiles: a placement is then exact to about 3 %.
_QUANTILES = np.linspace(0, 1, 33)

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
        metric falls by 1 (for metrics in points). None where the metric allows no such loss, or
        is perfect here or not defined.

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
    if scaling["kind"] == "f1":
        raw = _f1_losses(scored, scaling) - scaling["low"]
        bound = scaling["high"] - scaling["low"]
    elif scaling["kind"] == "placement":
        raw, bound = _placements(scored, scaling), scaling["bound"]
    else:
        raw, bound = _raw_losses(metric, scored), scaling["bound"]
    return np.asarray(np.clip(raw / bound, 0.0, 1.0))


def _learnt(metric: Metric, scored: Scored) -> dict[str, Any] | None:
    if metric.name == "accuracy":
        return {"kind": "error", "bound": 1.0}
    if metric.name == "f1":
        return _learn_f1(scored)
    if metric.name == "roc_auc":
        return _learn_auc(scored)
    return _learn_clipped(metric, scored)


def _raw_losses(metric: Metric, scored: Scored) -> Floats:
    if metric.name == "r2":
        return np.asarray((scored.truth.astype(np.float64) - scored.predicted) ** 2)
    per_row = losses(metric, scored)
    if per_row is None:
        raise ValueError(f"{metric.name} has no loss per row")
    return per_row


def _learn_clipped(metric: Metric, scored: Scored) -> dict[str, Any] | None:
    if not metric.has_losses and metric.name != "r2":
        return None
    raw = _raw_losses(metric, scored)
    bound = float(np.quantile(raw, CLIPPED_QUANTILE))
    if not (np.isfinite(bound) and bound > 0):
        return None
    # 1 − R² is the mean squared error over the variance; other metrics are the mean loss.
    unit = float(scored.truth.astype(np.float64).var()) if metric.name == "r2" else 1.0
    return {"kind": "clipped", "bound": bound, "per_point": unit / bound}


def _learn_f1(scored: Scored) -> dict[str, Any] | None:
    truth, predicted = scored.truth.tolist(), scored.predicted.tolist()
    classes = sorted(set(truth) | set(predicted), key=str)
    found = []
    for name in classes:
        true, chosen = scored.truth == name, scored.predicted == name
        size = float(true.mean() + chosen.mean())
        found.append((2 * float((true & chosen).mean()) / size, size))
    scaling: dict[str, Any] = {
        "kind": "f1",
        "classes": classes,
        "f1": [f1 for f1, _ in found],
        "size": [size for _, size in found],
    }
    positions = np.arange(len(classes))
    pairs = Scored(
        truth=np.repeat(positions, len(classes)), predicted=np.tile(positions, len(classes))
    )
    every = _f1_losses(pairs, scaling | {"classes": positions.tolist()})
    low, high = float(every.min()), float(every.max())
    if high <= low:  # one class alone
        return None
    return scaling | {"low": low, "high": high, "per_point": 1 / (high - low)}


def _f1_losses(scored: Scored, scaling: Scaling) -> Floats:
    total = np.zeros(len(scored.truth))
    for name, f1, size in zip(scaling["classes"], scaling["f1"], scaling["size"], strict=True):
        true, chosen = scored.truth == name, scored.predicted == name
        total += (f1 * (true.astype(np.float64) + chosen) - 2.0 * (true & chosen)) / size
    return total / len(scaling["classes"])


def _learn_auc(scored: Scored) -> dict[str, Any] | None:
    proba, classes = require_proba(scored)
    parts = []
    for position in [1] if len(classes) == 2 else range(len(classes)):
        positive: NDArray[np.bool_] = np.asarray(scored.truth == classes[position])
        if positive.any() and not positive.all():
            scores = proba[:, position]
            parts.append(
                {
                    "class": position,
                    "share": float(positive.mean()),
                    "positives": np.quantile(scores[positive], _QUANTILES).tolist(),
                    "negatives": np.quantile(scores[~positive], _QUANTILES).tolist(),
                }
            )
    if not parts:
        return None
    bound = float(np.mean([1 / min(part["share"], 1 - part["share"]) for part in parts]))
    return {"kind": "placement", "parts": parts, "bound": bound, "per_point": 1 / bound}


def _placements(scored: Scored, scaling: Scaling) -> Floats:
    """Share of the reference's rows of the other class on the wrong side, over the own share."""
    proba, classes = require_proba(scored)
    total = np.zeros(len(proba))
    for part in scaling["parts"]:
        scores = proba[:, part["class"]]
        positive = np.asarray(scored.truth == classes[part["class"]])
        above = 1 - _share_below(scores, part["negatives"])
        below = _share_below(scores, part["positives"])
        share = part["share"]
        total += np.where(positive, above / share, below / (1 - share))
    return total / len(scaling["parts"])


def _share_below(scores: Floats, quantiles: list[float]) -> Floats:
    """Share of the sample below each score, half of its ties counted, from its quantiles."""
    points = np.asarray(quantiles)
    left = np.searchsorted(points, scores, side="left")
    right = np.searchsorted(points, scores, side="right")
    tied = (left + right - 1) / 2 / (len(points) - 1)
    between = np.interp(scores, points, _QUANTILES)
    return np.clip(np.where(right > left, tied, between), 0.0, 1.0)
