"""What the labels say: the single look at a window, and the test since the deployment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from core.domain import ModelType, PerformanceCheck, Reference, SequentialTest
from core.engines.columns import as_times
from core.engines.metrics import Metric, Scored
from core.monitoring.check_reasons import too_few_known_in_words
from core.monitoring.counted_labels import CountedLabels, plain_time
from core.monitoring.label_buckets import ShownLabels, bucket_width
from core.monitoring.maturity import row_keys
from core.monitoring.scaled_losses import can_be_tested, loss_limit, losses_of
from core.monitoring.sequential import ALARM_AT, TRAINING_AT, EDetector
from core.monitoring.single_look import (
    FULL_REFERENCE,
    LEVEL,
    REPEATED_LEVEL,
    look_once,
    without_verdict,
)
from core.monitoring.watched import DETECTOR, Watched


@dataclass(frozen=True, kw_only=True)
class LabelEvidence:
    """What the labels say, and what that leaves behind.

    Attributes
    ----------
    look : PerformanceCheck
        The single look at the window.
    test : SequentialTest or None
        None where it cannot decide.
    state : mapping
        ``labels``, the gap; ``sequential``, where there is a test.
    """

    look: PerformanceCheck
    test: SequentialTest | None
    state: Mapping[str, Any]


def weigh_labels(
    model_type: ModelType,
    metric: Metric,
    watched: Watched,
    counted: CountedLabels,
    *,
    as_of: datetime,
    window: timedelta,
    threshold: float,
    repeats: bool,
) -> LabelEvidence:
    """Judge the champion by its labels, each row counted once.

    Parameters
    ----------
    model_type : ModelType
    metric : Metric
    watched : Watched
    counted : CountedLabels
    as_of : datetime
    window : timedelta
        Of the single look: rows that began to count in it.
    threshold : float
        Of the single look; the test goes by the model type's.
    repeats : bool
        Whether this is one of many looks, so that a single one must be stricter.

    Returns
    -------
    LabelEvidence
        Without a test where it cannot be asked: of a time before the last check.

    Raises
    ------
    DataError
        When the rows lack a feature of the model or hold no times.
    InvalidRequest
        When a metric of the user's own fails.

    Examples
    --------
    >>> from core.engines.example_rows import example_rows, example_type
    >>> from core.engines.fitting import Learner
    >>> from core.engines.metrics import get_metric
    >>> from core.engines.references import make_reference
    >>> from core.monitoring.check_rows import CheckRows
    >>> from core.monitoring.counted_labels import counted_labels
    >>> rows, kind, metric = example_rows(600), example_type(), get_metric("accuracy")
    >>> learner = Learner(model_type=kind, factories={}, metrics={})
    >>> model = learner.fit(rows[:100], {"a": "numeric", "b": "numeric"}, seed=0)
    >>> reference = make_reference(metric, model.scored(rows[100:400]))
    >>> watched = Watched(model=model, reference=reference, profile=None, since=rows["at"][399],
    ...     monitor=None)
    >>> end, week = rows["at"][599], timedelta(days=7)
    >>> counted = counted_labels(kind, watched, CheckRows(labelled=rows, due=rows), as_of=end)
    >>> found = weigh_labels(
    ...     kind, metric, watched, counted, as_of=end, window=week, threshold=0.03, repeats=False
    ... )
    >>> found.look.samples, found.look.needs_retraining
    (168, False)
    """
    reference = watched.reference
    can_score = counted.covered and len(counted.rows) and reference.metric == metric.name
    scored = watched.model.scored(counted.rows) if can_score else None
    test: SequentialTest | None = None
    state: dict[str, Any] = {"labels": counted.gap.as_state()}
    if _is_tested(metric, reference) and not watched.saw(as_of):
        times = _times_of_counting(watched, model_type)
        limit = loss_limit(metric, reference, model_type.retraining_threshold)
        before = _detector(watched, times, limit)
        after = _count(before, model_type, metric, reference, counted, scored, as_of=as_of)
        test = _as_test(after, after.labels - before.labels)
        state[DETECTOR] = after.as_state()
        state["counts_by"] = times
    look = _look(
        model_type,
        metric,
        reference,
        counted,
        scored,
        as_of=as_of,
        window=window,
        threshold=threshold,
        level=REPEATED_LEVEL if repeats else LEVEL,
    )
    return LabelEvidence(look=replace(look, maturity=counted.maturity), test=test, state=state)


def _count(
    detector: EDetector,
    model_type: ModelType,
    metric: Metric,
    reference: Reference,
    counted: CountedLabels,
    scored: Scored | None,
    *,
    as_of: datetime,
) -> EDetector:
    """The test with the labels that count; where too few came, with what is over for good."""
    if scored is None:
        return detector.closed(as_of)
    happened = as_times(counted.rows[model_type.time_column]).dt.tz_localize(None)
    shown = ShownLabels(
        losses=losses_of(metric, scored, reference),
        countable_at=counted.times,
        happened_at=happened.to_numpy(dtype="datetime64[us]"),
        keys=row_keys(counted.rows, model_type.key_columns),
    )
    return detector.count(shown, until=as_of)[0]


def _look(
    model_type: ModelType,
    metric: Metric,
    reference: Reference,
    counted: CountedLabels,
    scored: Scored | None,
    *,
    as_of: datetime,
    window: timedelta,
    threshold: float,
    level: float,
) -> PerformanceCheck:
    in_window = counted.times > plain_time(as_of - window)
    count = int(in_window.sum())
    if not counted.covered:
        gap, target = counted.gap, model_type.target_column
        reason = too_few_known_in_words(counted.maturity, gap, target=target, as_of=as_of)
        found = without_verdict(
            metric, reference, threshold, count, reason, outcome="too_few_known"
        )
        return replace(found, figures={**found.figures, **gap.as_state()})
    return look_once(
        metric,
        scored.rows(in_window) if scored is not None and count else None,
        reference,
        threshold,
        seed=model_type.random_seed,
        rows=count,
        level=level,
    )


def _is_tested(metric: Metric, reference: Reference) -> bool:
    return (
        reference.metric == metric.name
        and reference.samples >= FULL_REFERENCE
        and can_be_tested(metric, reference)
    )


def _times_of_counting(watched: Watched, model_type: ModelType) -> dict[str, Any]:
    """What says when a row begins to count."""
    return {
        "usual_delay_seconds": watched.usual_delay(model_type).total_seconds(),
        "label_delay_seconds": model_type.label_delay.total_seconds(),
        "label_time_column": model_type.label_time_column,
    }


def _detector(watched: Watched, times: Mapping[str, Any], limit: float) -> EDetector:
    state = watched.state.get(DETECTOR)
    # Rows that count at other times than before could not be told from those that were counted.
    if state is not None and watched.state.get("counts_by") == times:
        return EDetector.from_state(state).with_limit(limit)
    started = EDetector.start(limit, bucket_width(watched.reference.label_spacing_seconds))
    at = watched.attempted_at
    return started if at is None else started.after_attempt(at)


def _as_test(detector: EDetector, new_labels: int) -> SequentialTest:
    return SequentialTest(
        level=detector.level,
        attempt_level=detector.attempt_level,
        training_at=TRAINING_AT,
        alarm_at=ALARM_AT,
        limit=detector.limit,
        labels=detector.labels,
        new_labels=new_labels,
    )
