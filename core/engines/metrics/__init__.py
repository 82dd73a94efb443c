"""The metrics by name: which way is better, what they are worth on rows, what rows lose."""

from __future__ import annotations

from core.engines.metrics.definitions import METRICS, SMALLEST, Metric, degradation, get_metric
from core.engines.metrics.row_losses import from_mean_loss, losses
from core.engines.metrics.scored_rows import Floats, Scored, require_proba
from core.engines.metrics.values import score, weighted_scores

__all__ = [
    "METRICS",
    "SMALLEST",
    "Floats",
    "Metric",
    "Scored",
    "degradation",
    "from_mean_loss",
    "get_metric",
    "losses",
    "require_proba",
    "score",
    "weighted_scores",
]
