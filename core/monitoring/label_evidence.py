"""What the labels say: the single look at a window, and the test since the deployment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd

from core.domain import Maturity, ModelType, PerformanceCheck, Reference, SequentialTest
from core.engines.fitted_model import FittedModel
from core.engines.metrics import Metric, Scored
from core.engines.time_split import utc
from core.monitoring.label_buckets import bucket_width
from core.monitoring.maturity import countable_at, is_covered, measure_maturity, row_keys
from core.monitoring.scaled_losses import can_be_tested, loss_limit, losses_of
from core.monitoring.sequential import ALARM_AT, TRAINING_AT, EDetector
from core.monitoring.single_look import (
    FULL_REFERENCE,
    LEVEL,
    REPEATED_LEVEL,
    look_once,
    without_verdict,
)


@dataclass(frozen=True, kw_only=True)
class LabelEvidence:
    """The look, the test (None where it cannot decide) and the state that the test leaves."""

    look: PerformanceCheck
    test: SequentialTest | None
    maturity: Maturity
    state: Mapping[str, Any] = field(default_factory=dict)


def weigh_labels(
    model_type: ModelType,
    metric: Metric,
    model: FittedModel,
    reference: Reference,
    *,
    rows: pd.DataFrame,
    recent: pd.DataFrame,
    delay: timedelta,
    usual_coverage: float | None,
    as_of: datetime,
    window: timedelta,
    threshold: float,
    state: Mapping[str, Any] | None,
    repeats: bool,
) -> LabelEvidence:
    """Judge the model by its labels, each row counted once, early labels waiting for their like.

    Parameters
    ----------
    model_type : ModelType
    metric : Metric
    model : FittedModel
    reference : Reference
    rows : DataFrame of n rows
        Labelled, newer than all that the model's training saw.
    recent : DataFrame of m rows
        All rows of the window and of the delay before it, for the share that has a label.
    delay : timedelta
        95th percentile of label time − time.
    usual_coverage : float or None
        Share of rows with a label when the model was trained.
    as_of : datetime
    window : timedelta
        Of the single look: rows that began to count in it.
    threshold : float
        Of the single look; the test goes by the model type's.
    state : mapping or None
        The test's, empty at first; None where the test cannot be asked (a time before its last).
    repeats : bool
        Whether this is one of many looks, so that a single one must be stricter.

    Returns
    -------
    LabelEvidence

    Examples
    --------
    >>> from core.engines.example_rows import example_rows, example_type
    >>> from core.engines.fitting import Learner
    >>> rows = example_rows(600)
    >>> learner = Learner(model_type=example_type(), factories={}, metrics={})
    >>> model = learner.fit(rows[:100], {"a": "numeric", "b": "numeric"}, seed=0)
    >>> from core.engines.metrics import get_metric
    >>> from core.engines.references import make_reference
    >>> metric = get_metric("accuracy")
    >>> reference = make_reference(metric, model.scored(rows[100:400]))
    >>> found = weigh_labels(example_type(), metric, model, reference, rows=rows[400:],
    ...     recent=rows[400:], delay=timedelta(0), usual_coverage=None, as_of=rows["at"][599],
    ...     window=timedelta(days=7), threshold=0.03, state=None, repeats=False)
    >>> found.look.samples, found.look.needs_retraining
    (168, False)
    """
    maturity = measure_maturity(
        recent, model_type, delay=delay, usual_coverage=usual_coverage, as_of=as_of
    )
    counts = np.empty(0, dtype="datetime64[us]")
    if len(rows):
        counts = countable_at(rows, model_type, delay)
        due = counts <= _plain(as_of)
        rows, counts = rows[due], counts[due]
    scored = model.scored(rows) if len(rows) and reference.metric == metric.name else None
    test, left = None, {}
    if state is not None and _is_tested(metric, reference):
        limit = loss_limit(metric, reference, model_type.retraining_threshold)
        detector = _detector(state, limit, reference)
        new_labels = 0
        if is_covered(maturity):
            shown = (
                np.empty(0) if scored is None else losses_of(metric, scored, reference),
                counts,
                row_keys(rows, model_type.key_columns) if len(rows) else np.empty(0, np.uint64),
            )
            detector, new_labels = detector.count(*shown, until=as_of)
        test, left = _as_test(detector, new_labels), {"sequential": detector.as_state()}
    look = _look(
        model_type,
        metric,
        reference,
        scored,
        counts > _plain(as_of - window),
        maturity,
        threshold=threshold,
        level=REPEATED_LEVEL if repeats else LEVEL,
    )
    return LabelEvidence(look=look, test=test, maturity=maturity, state=left)


def _look(
    model_type: ModelType,
    metric: Metric,
    reference: Reference,
    scored: Scored | None,
    in_window: np.ndarray,
    maturity: Maturity,
    *,
    threshold: float,
    level: float,
) -> PerformanceCheck:
    count = int(in_window.sum())
    if not is_covered(maturity):
        reason = (
            f"Only {maturity.coverage:.0%} of the {maturity.matured_rows:,} rows that are old "
            f"enough have their label; {maturity.coverage_needed:.0%} are needed for the labels to "
            "speak for all rows."
        )
        return without_verdict(metric, reference, threshold, count, reason)
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


def _detector(state: Mapping[str, Any], limit: float, reference: Reference) -> EDetector:
    if not state:
        return EDetector.start(limit, bucket_width(reference.label_spacing_seconds))
    return EDetector.from_state(state).with_limit(limit)


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


def _plain(moment: datetime) -> np.datetime64:
    return np.datetime64(utc(moment).tz_localize(None), "us")
