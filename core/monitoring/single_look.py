"""A single look: the metric of a window against its reference, and the chance of such a drop."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite

from core.domain import CheckVerdict, PerformanceCheck, Reference
from core.engines.metrics import Metric, Scored, score
from core.monitoring.change import Change, measure_change
from core.monitoring.check_reasons import values_in_words

# Fewer new rows, or a smaller reference, say nothing either way.
LEAST_ROWS = 30
LEAST_REFERENCE = 100
# A smaller reference is mostly its own noise, which every later look repeats: one strict level.
FULL_REFERENCE = 500
LOW_POWER_LEVEL = 0.001
# Of one look that a person asked for.
LEVEL = 0.01
# Where looks repeat and no sequential test can decide: looks at overlapping windows add up to a few
# independent ones a month, and the threshold has to be passed as well.
REPEATED_LEVEL = 0.001


@dataclass(frozen=True, kw_only=True)
class _Judgement:
    verdict: CheckVerdict
    note: str


def look_once(
    metric: Metric,
    scored: Scored | None,
    reference: Reference | None,
    threshold: float,
    *,
    seed: int,
    rows: int,
    level: float = LEVEL,
) -> PerformanceCheck:
    """A single look at n rows.

    Parameters
    ----------
    metric : Metric
    scored : Scored or None
        The served model's predictions of the rows; None where there are none.
    reference : Reference or None
    threshold : float
        Degradation that matters.
    seed : int
        Of a bootstrap.
    rows : int
        n.
    level : float
        Probability, at most, of calling a drop of the threshold or more real when nothing changed.

    Returns
    -------
    PerformanceCheck
        ``degraded``: the metric is worse by the threshold or more, and that is no chance
        (one-sided p < level; p < .001 with a reference of 100 to 499 rows). ``healthy``: it is not
        worse, or the 95 % interval of the degradation excludes the threshold. ``inconclusive``:
        in between.

    Raises
    ------
    InvalidRequest
        When a metric of the user's own fails.

    Examples
    --------
    >>> import numpy as np
    >>> from core.engines.metrics import get_metric
    >>> rows = Scored(truth=np.ones(400), predicted=(np.arange(400) % 4 > 0) * 1.0)
    >>> reference = Reference(metric="accuracy", value=0.85, samples=2000)
    >>> look_once(get_metric("accuracy"), rows, reference, 0.03, seed=0, rows=400).reason
    'accuracy 0.75 on 400 rows, 0.85 at deployment; a drop this size by chance: 1 in 720,000; that \
is a real drop.'
    """
    if reference is None:
        return without_verdict(
            metric, None, threshold, rows, "No model is deployed.", outcome="no_model"
        )
    if reference.metric != metric.name:
        reason = (
            f"The deployed model was judged by {reference.metric}, the model type asks for "
            f"{metric.name}: deploy a newly trained model to get a reference."
        )
        return without_verdict(metric, reference, threshold, rows, reason, outcome="other_metric")
    if scored is None or rows < LEAST_ROWS or reference.samples < LEAST_REFERENCE:
        return _too_few(metric, scored, reference, threshold, rows)
    change = measure_change(metric, scored, reference, seed=seed)
    if not change.is_defined:
        reason = f"{metric.label} is not defined on these {rows:,} rows (a single class?)."
        return without_verdict(metric, reference, threshold, rows, reason, outcome="not_defined")
    low_power = reference.samples < FULL_REFERENCE
    judgement = _judge(change, threshold, min(level, LOW_POWER_LEVEL) if low_power else level)
    values = values_in_words(
        metric.label,
        current=change.current,
        rows=rows,
        baseline=reference.value,
        p_value=None if change.degradation <= 0 else change.p_value,
        strict_because_of=reference.samples if low_power else None,
    )
    joint = ":" if change.degradation <= 0 else ";"
    degraded = judgement.verdict is CheckVerdict.DEGRADED
    return PerformanceCheck(
        verdict=judgement.verdict,
        needs_retraining=degraded,
        metric=metric.name,
        baseline=reference.value,
        current=change.current,
        degradation=change.degradation,
        confidence_interval=(change.lower, change.upper),
        p_value=change.p_value,
        samples=rows,
        threshold=threshold,
        low_power=low_power,
        reason=f"{values}{joint} {judgement.note}.",
        figures=metric.figures,
    )


def _judge(change: Change, threshold: float, level: float) -> _Judgement:
    if change.degradation >= threshold and change.degradation > 0 and change.p_value < level:
        return _Judgement(verdict=CheckVerdict.DEGRADED, note="that is a real drop")
    if change.degradation <= 0:
        return _Judgement(verdict=CheckVerdict.HEALTHY, note="it is not worse")
    if change.upper < threshold:
        return _Judgement(
            verdict=CheckVerdict.HEALTHY, note="too small a drop to matter, and surely so"
        )
    note = "too likely to be chance" if change.p_value >= level else "a drop too small to matter"
    return _Judgement(verdict=CheckVerdict.INCONCLUSIVE, note=f"{note}, so it does not decide")


def _too_few(
    metric: Metric, scored: Scored | None, reference: Reference, threshold: float, rows: int
) -> PerformanceCheck:
    outcome = "too_few_rows" if rows < LEAST_ROWS else "too_few_reference_rows"
    if rows < LEAST_ROWS:
        reason = f"{rows:,} newly labelled rows; {LEAST_ROWS} are needed for a verdict."
    else:
        reason = (
            f"The model was judged on {reference.samples:,} rows when it was deployed; "
            f"{LEAST_REFERENCE} are needed to compare with."
        )
    current = None if scored is None else score(metric, scored)
    return without_verdict(
        metric, reference, threshold, rows, reason, outcome=outcome, current=current
    )


def without_verdict(
    metric: Metric,
    reference: Reference | None,
    threshold: float,
    rows: int,
    reason: str,
    *,
    outcome: str,
    current: float | None = None,
) -> PerformanceCheck:
    """A check that says nothing either way, and why.

    Parameters
    ----------
    metric : Metric
    reference : Reference or None
    threshold : float
    rows : int
    reason : str
        One sentence for a person.
    outcome : str
        The same as a word: ``no_model``, ``other_metric``, ``not_defined``, ``too_few_rows``,
        ``too_few_reference_rows`` or ``too_few_known``.
    current : float or None
        The metric's value all the same; left out where it is not defined.

    Returns
    -------
    PerformanceCheck
        ``insufficient_data``; no retraining.

    Examples
    --------
    >>> from core.engines.metrics import get_metric
    >>> few = without_verdict(get_metric("mae"), None, 0.03, 12, "12 newly labelled rows.",
    ...                       outcome="too_few_rows")
    >>> str(few.verdict), few.figures["outcome"]
    ('insufficient_data', 'too_few_rows')
    """
    if current is not None and not isfinite(current):
        current = None
    return PerformanceCheck(
        verdict=CheckVerdict.INSUFFICIENT_DATA,
        needs_retraining=False,
        metric=metric.name,
        baseline=None if reference is None else reference.value,
        current=current,
        degradation=None,
        confidence_interval=None,
        p_value=None,
        samples=rows,
        threshold=threshold,
        low_power=False,
        reason=reason,
        figures=metric.figures
        | {
            "outcome": outcome,
            "rows_needed": LEAST_ROWS,
            "reference_rows": None if reference is None else reference.samples,
            "reference_rows_needed": LEAST_REFERENCE,
        },
    )
