"""Losses of macro F1 and ROC AUC, which have none per row.

The classes' shares, which move by themselves, are in both. So these losses ask for one value: what
the metric was at the reference, less what is held back. Their mean is above 0 when the metric is
lower, and below when it is higher, whatever the shares:

- F1 of a class is 2·TP / (true + predicted), so that v·(true + predicted) − 2·hit has a mean above
  0 exactly where it is below v. The classes' losses are averaged, each over its mean of
  true + predicted at the reference (influence function; Hampel 1974, "The influence curve and its
  role in robust estimation").
- ROC AUC: a row's placement is the share of the reference's rows of the other class on the wrong
  side of it (Hanley and Hajian-Tilaki 1997, "Sampling variability of nonparametric estimates of the
  areas under receiver operating characteristic curves"; DeLong, DeLong and Clarke-Pearson 1988).
  The loss is the placement less the mean one of its class and half of what is held back, over the
  share of its class. So each class counts half while the shares last, and each by itself is what it
  was where others come. It follows the AUC to first order; where all scores rise and a class
  becomes rarer at once, it calls that worse.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.engines.held_back import held_back
from core.engines.metrics import Floats, Scored, require_proba

# Scores of a class are kept as these quantiles: a placement is then exact to about 3 %.
_QUANTILES = np.linspace(0, 1, 33)
# The test bets on a loss relative to how far the best one lies below 0. Where they spread by less
# than half of that, the bets are too small to tell evidence from the passing of time.
_LEAST_SPREAD = 0.5

Scaling = Mapping[str, Any]


def learn_f1(scored: Scored) -> dict[str, Any] | None:
    """What the losses of macro F1 need.

    Parameters
    ----------
    scored : Scored
        The n reference rows.

    Returns
    -------
    dict or None
        None where there is but one class.

    Examples
    --------
    >>> rows = Scored(truth=np.array([1, 1, 0, 0]), predicted=np.array([1, 0, 0, 0]))
    >>> found = learn_f1(rows)
    >>> found["classes"], [round(value, 3) for value in found["f1"]]
    ([0, 1], [0.8, 0.667])
    """
    classes = sorted(set(scored.truth.tolist()) | set(scored.predicted.tolist()), key=str)
    if len(classes) < 2:
        return None
    found = []
    for name in classes:
        true, chosen = scored.truth == name, scored.predicted == name
        size = float(true.mean() + chosen.mean())
        found.append((2 * float((true & chosen).mean()) / size, size))
    scaling = {
        "kind": "quotient",
        "classes": classes,
        "f1": [f1 for f1, _ in found],
        "size": [size for _, size in found],
    }
    held = held_back(float(f1_losses(scored, scaling).std(ddof=1)), len(scored.truth))
    count = len(classes)
    numbers = np.arange(count)
    pairs = Scored(truth=np.repeat(numbers, count), predicted=np.tile(numbers, count))
    every = f1_losses(pairs, scaling | {"classes": numbers.tolist(), "held_back": held})
    return _within(scaling, held, float(every.min()), float(every.max()))


def f1_losses(scored: Scored, scaling: Scaling) -> Floats:
    """The losses of macro F1, in its points.

    Parameters
    ----------
    scored : Scored
        n rows.
    scaling : mapping
        From :func:`learn_f1`; nothing is held back where it has no ``held_back``.

    Returns
    -------
    ndarray of shape (n,)

    Examples
    --------
    >>> rows = Scored(truth=np.array([1, 1, 0, 0]), predicted=np.array([1, 0, 0, 0]))
    >>> found = f1_losses(rows, learn_f1(rows) | {"held_back": 0.0})
    >>> abs(round(float(found.mean()), 6))  # F1 is what it was
    0.0
    """
    held = scaling.get("held_back", 0.0)
    total = np.zeros(len(scored.truth))
    for name, f1, size in zip(scaling["classes"], scaling["f1"], scaling["size"], strict=True):
        true, chosen = scored.truth == name, scored.predicted == name
        wanted = (f1 - held) * (true.astype(np.float64) + chosen)
        total += (wanted - 2.0 * (true & chosen)) / size
    return total / len(scaling["classes"])


def learn_auc(scored: Scored) -> dict[str, Any] | None:
    """What the losses of the ROC AUC need.

    Parameters
    ----------
    scored : Scored
        The n reference rows, with probabilities.

    Returns
    -------
    dict or None
        None where it is not defined, or a class is so rare that a test of losses in all rows can
        hardly learn from those that tell something (about a fifth, with an AUC of 0.8).

    Examples
    --------
    >>> scores = np.arange(500) / 500
    >>> truth = (scores + np.cos(np.arange(500)) / 2 > 0.5).astype(int)
    >>> rows = Scored(truth=truth, predicted=(scores > 0.5).astype(int),
    ...     proba=np.column_stack([1 - scores, scores]), classes=[0, 1])
    >>> [round(mean, 2) for mean in learn_auc(rows)["parts"][0]["means"]]  # AUC 0.75
    [0.25, 0.25]
    """
    proba, classes = require_proba(scored)
    parts = []
    for position in [1] if len(classes) == 2 else range(len(classes)):
        positive = np.asarray(scored.truth == classes[position])
        if positive.any() and not positive.all():
            parts.append(_learn_part(position, proba[:, position], positive))
    if not parts:
        return None
    scaling = {"kind": "placements", "parts": parts}
    std = float(auc_losses(scored, scaling).std(ddof=1))
    held = held_back(std, len(scored.truth))
    low, high = _auc_bounds(parts, held)
    return _within(scaling, held, low, high) if std >= _LEAST_SPREAD * -low else None


def auc_losses(scored: Scored, scaling: Scaling) -> Floats:
    """The losses of the ROC AUC, in its points; with several classes the mean of one against all.

    Parameters
    ----------
    scored : Scored
        n rows, with probabilities of the model that the scaling was learnt from.
    scaling : mapping
        From :func:`learn_auc`; nothing is held back where it has no ``held_back``.

    Returns
    -------
    ndarray of shape (n,)

    Examples
    --------
    >>> scores = np.arange(500) / 500
    >>> truth = (scores + np.cos(np.arange(500)) / 2 > 0.5).astype(int)
    >>> rows = Scored(truth=truth, predicted=(scores > 0.5).astype(int),
    ...     proba=np.column_stack([1 - scores, scores]), classes=[0, 1])
    >>> found = auc_losses(rows, learn_auc(rows) | {"held_back": 0.0})
    >>> abs(round(float(found.mean()), 6))  # the AUC is what it was
    0.0
    """
    proba, classes = require_proba(scored)
    total = np.zeros(len(proba))
    for part in scaling["parts"]:
        positive = np.asarray(scored.truth == classes[part["class"]])
        placed = _placements(proba[:, part["class"]], positive, part)
        own = positive.astype(np.intp)
        zero = np.asarray(part["means"])[own] + scaling.get("held_back", 0.0) / 2
        total += (placed - zero) / np.asarray(part["shares"])[own]
    return total / len(scaling["parts"])


def _within(scaling: dict[str, Any], held: float, low: float, high: float) -> dict[str, Any]:
    return scaling | {"held_back": held, "low": low, "high": high, "per_point": 1 / (high - low)}


def _learn_part(position: int, scores: Floats, positive: NDArray[np.bool_]) -> dict[str, Any]:
    """One class against the rest: ``shares`` and mean placements of the rest and of the class."""
    share = float(positive.mean())
    part = {
        "class": position,
        "shares": [1 - share, share],
        "negatives": np.quantile(scores[~positive], _QUANTILES).tolist(),
        "positives": np.quantile(scores[positive], _QUANTILES).tolist(),
    }
    placed = _placements(scores, positive, part)
    return part | {"means": [float(placed[~positive].mean()), float(placed[positive].mean())]}


def _placements(scores: Floats, positive: NDArray[np.bool_], part: Scaling) -> Floats:
    """Share of the reference's rows of the other class on the wrong side."""
    above = 1 - _share_below(scores, part["negatives"])
    return np.where(positive, above, _share_below(scores, part["positives"]))


def _auc_bounds(parts: list[dict[str, Any]], held: float) -> tuple[float, float]:
    """The least and the largest loss that a row can have, whichever its class."""
    lows, highs = [], []
    for own in [None, *range(len(parts))]:  # None: of a class without a part
        sides = [
            (part["means"][i == own], part["shares"][i == own]) for i, part in enumerate(parts)
        ]
        zeros, shares = (np.array(values) for values in zip(*sides, strict=True))
        lows.append(float(np.mean((-zeros - held / 2) / shares)))
        highs.append(float(np.mean((1 - zeros - held / 2) / shares)))
    return min(lows), max(highs)


def _share_below(scores: Floats, quantiles: list[float]) -> Floats:
    """Share of the sample below each score, half of its ties counted, from its quantiles."""
    points = np.asarray(quantiles)
    left = np.searchsorted(points, scores, side="left")
    right = np.searchsorted(points, scores, side="right")
    tied = (left + right - 1) / 2 / (len(points) - 1)
    between = np.interp(scores, points, _QUANTILES)
    return np.clip(np.where(right > left, tied, between), 0.0, 1.0)
