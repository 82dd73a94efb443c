"""How much a metric changed between a stored reference and new rows, and how surely."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np
from scipy.stats import hypergeom, norm

from core.domain import Reference
from core.engines.comparison import resamples
from core.engines.metrics import (
    Floats,
    Metric,
    Scored,
    degradation,
    from_mean_loss,
    losses,
    score,
    weighted_scores,
)

Z_INTERVAL = float(norm.ppf(0.975))


@dataclass(frozen=True, kw_only=True)
class Change:
    """A metric now against its reference.

    Attributes
    ----------
    current : float
        The metric on the new rows.
    degradation : float
        In points or relative, as the metric has it; > 0: worse.
    lower, upper : float
        Its two-sided 95 % interval.
    p_value : float
        One-sided: of a degradation at least this large when nothing has changed.
    """

    current: float
    degradation: float
    lower: float
    upper: float
    p_value: float

    @property
    def is_defined(self) -> bool:
        """Whether the metric could be computed."""
        return bool(np.isfinite([self.current, self.degradation, self.lower, self.upper]).all())


def measure_change(metric: Metric, scored: Scored, reference: Reference, *, seed: int) -> Change:
    """Measure the change of ``metric`` on n new rows.

    Accuracy: the interval of two independent proportions by Newcombe 1998 (method 10, the hybrid
    of two Wilson intervals), and Fisher's exact test with Lancaster's mid-p (Lancaster 1961). Other
    metrics with a loss per row: Welch's normal approximation on the mean losses (Welch 1938), for
    relative changes on their logarithm (delta method). The rest: bootstrap of the new rows (Efron
    1979), the reference's spread taken to be the same per row; tested in the metric's own units,
    and the ends of its interval there written as degradations.

    Parameters
    ----------
    metric : Metric
    scored : Scored
        The served model's predictions of the new rows.
    reference : Reference
    seed : int
        Of the bootstrap.

    Returns
    -------
    Change
        Not defined (:attr:`Change.is_defined`) where the metric or its bootstrap gives no figure:
        on a single class, say.

    Raises
    ------
    InvalidRequest
        When the metric needs probabilities that are not there, or one of the user's own fails.

    Examples
    --------
    >>> from core.engines.metrics import get_metric
    >>> truth = np.ones(500, dtype=int)
    >>> rows = Scored(truth=truth, predicted=np.repeat([1, 0], [400, 100]))
    >>> before = Reference(metric="accuracy", value=0.9, samples=1000)
    >>> found = measure_change(get_metric("accuracy"), rows, before, seed=0)
    >>> round(found.degradation, 3), found.p_value < 0.001
    (0.1, True)
    """
    if metric.name == "accuracy":
        return _proportions(scored, reference)
    per_row = losses(metric, scored)
    if per_row is not None and reference.losses_mean is not None:
        return _mean_losses(metric, per_row, reference, reference.losses_mean)
    return _bootstrap(metric, scored, reference, seed)


def _proportions(scored: Scored, reference: Reference) -> Change:
    rows, before = len(scored.truth), reference.samples
    right = int((scored.truth == scored.predicted).sum())
    right_before = round(reference.value * before)
    now, then = right / rows, right_before / before
    low_now, high_now = _wilson(right, rows)
    low_then, high_then = _wilson(right_before, before)
    drop = then - now
    wrong, wrong_before = rows - right, before - right_before
    # Of all errors of both samples: how many fall among the new rows when both are alike?
    by_chance = hypergeom(rows + before, wrong + wrong_before, rows)
    p_value = by_chance.sf(wrong) + 0.5 * by_chance.pmf(wrong)
    return Change(
        current=now,
        degradation=reference.value - now,
        lower=drop - sqrt((then - low_then) ** 2 + (high_now - now) ** 2),
        upper=drop + sqrt((high_then - then) ** 2 + (now - low_now) ** 2),
        p_value=float(p_value),
    )


def _wilson(hits: int, rows: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a proportion."""
    share, squared = hits / rows, Z_INTERVAL**2
    middle = (share + squared / (2 * rows)) / (1 + squared / rows)
    half = Z_INTERVAL * sqrt(share * (1 - share) / rows + squared / (4 * rows**2))
    half /= 1 + squared / rows
    return middle - half, middle + half


def _mean_losses(metric: Metric, per_row: Floats, reference: Reference, then: float) -> Change:
    now = float(per_row.mean())
    error_now = float(per_row.std(ddof=1)) / sqrt(len(per_row))
    error_then = (reference.losses_std or 0.0) / sqrt(reference.samples)
    current = float(from_mean_loss(metric, now))
    worse = float(degradation(metric, reference.value, current))
    error = sqrt(error_now**2 + error_then**2)
    p_value = float(norm.sf((now - then) / error)) if error > 0 else float(now <= then)
    if min(now, then) <= 0:  # a perfect model: relative to nothing, only the test has a meaning
        return Change(current=current, degradation=worse, lower=worse, upper=worse, p_value=p_value)
    log_error = sqrt((error_now / now) ** 2 + (error_then / then) ** 2)
    log_ratio, power = np.log(now / then), 0.5 if metric.name == "rmse" else 1.0
    lower, upper = (
        float(np.exp(power * (log_ratio + sign * Z_INTERVAL * log_error)) - 1) for sign in (-1, 1)
    )
    return Change(current=current, degradation=worse, lower=lower, upper=upper, p_value=p_value)


def _bootstrap(metric: Metric, scored: Scored, reference: Reference, seed: int) -> Change:
    current = score(metric, scored)
    rows = len(scored.truth)
    values = np.concatenate(
        [weighted_scores(metric, scored, weights) for weights in resamples(rows, seed)]
    )
    defined = values[np.isfinite(values)]
    undefined = float("nan")
    error = undefined
    if len(defined) >= 0.9 * len(values):
        error = float(defined.std(ddof=1)) * sqrt(1 + rows / reference.samples)
    worse = float(degradation(metric, reference.value, current))
    if not np.isfinite(error):
        return Change(
            current=current, degradation=worse, lower=error, upper=error, p_value=undefined
        )
    # Tested as it was measured: a share of the larger value hardly varies where both are near 0.
    lost = reference.value - current if metric.greater_is_better else current - reference.value
    low, high = current - Z_INTERVAL * error, current + Z_INTERVAL * error
    # Such a share is largest where the value is the reference with the other sign.
    turn = float(np.clip(-reference.value, low, high))
    bounds = degradation(metric, reference.value, np.array([low, high, turn]))
    return Change(
        current=current,
        degradation=worse,
        lower=float(bounds.min()),
        upper=float(bounds.max()),
        p_value=float(norm.sf(lost / error)) if error > 0 else float(lost <= 0),
    )
