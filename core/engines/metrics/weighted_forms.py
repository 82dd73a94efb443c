"""The metrics that are no mean of losses, under many weightings of the rows at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.engines.metrics.scored_rows import Floats, Scored, require_proba


def macro_f1(scored: Scored, weights: Floats) -> Floats:
    """Mean over the classes that occur of 2·TP / (true + predicted); weights (b, n) → (b,).

    The mean of the classes' F1 (van Rijsbergen 1979, "Information retrieval", chapter 7), not the
    F1 of mean precision and recall (Opitz and Burst 2019, "Macro F1 and macro F1").

    Parameters
    ----------
    scored : Scored
        n rows.
    weights : ndarray of shape (b, n)
        ≥ 0.

    Returns
    -------
    ndarray of shape (b,)
        In [0, 1].

    Examples
    --------
    >>> scored = Scored(truth=np.array([1, 1, 0]), predicted=np.array([1, 0, 0]))
    >>> macro_f1(scored, np.ones((1, 3))).round(3).tolist()
    [0.667]
    """
    names = set(scored.truth.tolist()) | set(scored.predicted.tolist())
    total, present = np.zeros(len(weights)), np.zeros(len(weights))
    for name in names:
        true, predicted = scored.truth == name, scored.predicted == name
        hits = weights @ (true & predicted).astype(np.float64)
        size = weights @ true.astype(np.float64) + weights @ predicted.astype(np.float64)
        total += np.divide(2 * hits, size, out=np.zeros_like(hits), where=size > 0)
        present += size > 0
    return total / np.maximum(present, 1)


def roc_auc(scored: Scored, weights: Floats) -> Floats:
    """Area under the curve; with more than two classes the mean of one against the rest.

    The share of pairs of a positive and a negative row that are in the right order (Hanley and
    McNeil 1982, "The meaning and use of the area under a receiver operating characteristic (ROC)
    curve").

    Parameters
    ----------
    scored : Scored
        n rows.
    weights : ndarray of shape (b, n)
        ≥ 0.

    Returns
    -------
    ndarray of shape (b,)
        In [0, 1]; NaN where only one class occurs.

    Raises
    ------
    InvalidRequest
        When ``scored`` has no probabilities.

    Examples
    --------
    >>> proba = np.array([[0.1, 0.9], [0.6, 0.4], [0.3, 0.7]])
    >>> scored = Scored(truth=np.array([1, 1, 0]), predicted=np.array([1, 0, 1]), proba=proba,
    ...                 classes=[0, 1])
    >>> roc_auc(scored, np.array([[1.0, 1.0, 1.0], [1.0, 1.0, 0.0]])).tolist()
    [0.5, nan]
    """
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


def r_squared(scored: Scored, weights: Floats) -> Floats:
    """The share of the target's variance that is explained: weights (b, n) → (b,).

    1 − Σ w·(y − ŷ)² / Σ w·(y − ȳ)², where ȳ is the weighted mean of the target.

    Parameters
    ----------
    scored : Scored
        n rows.
    weights : ndarray of shape (b, n)
        ≥ 0.

    Returns
    -------
    ndarray of shape (b,)
        At most 1; NaN where the target is constant.

    Examples
    --------
    >>> scored = Scored(truth=np.array([1.0, 2.0, 3.0]), predicted=np.array([1.0, 2.0, 2.0]))
    >>> r_squared(scored, np.ones((1, 3))).round(3).tolist()
    [0.5]
    """
    truth = scored.truth.astype(np.float64)
    size = weights.sum(axis=1)
    truth = truth - truth.mean()  # for the accuracy of the sums below
    spread = weights @ truth**2 - (weights @ truth) ** 2 / size
    residual = weights @ (scored.truth.astype(np.float64) - scored.predicted) ** 2
    explained = np.full(len(weights), np.nan)
    np.divide(spread - residual, spread, out=explained, where=spread > 0)
    return explained
