"""Does a feature give the answer away?

A feature is suspicious when it alone leaves next to nothing of the error of the better of two
guesses that use no feature at all: always the same answer, and the answer of the row before. The
second one keeps features of slow series, such as the price an hour ago, free of suspicion.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd
from scipy.stats import beta

from core.domain import ModelType, QualityFinding
from core.engines.columns import ColumnKind, as_times, normalise
from core.monitoring.quality_finding import found
from core.monitoring.quality_sample import Integers, Outcomes
from core.monitoring.target_copies import is_target
from core.monitoring.telling import BOUND_FACTOR, LEFT_OF_ERROR, error_left, guess_error

LEAST_ROWS = 50
# Whether a value is there is tried on all rows of many features: seldom wrong, then.
MISSING_CONFIDENCE = 0.999
# Fewer rows may be a matter of clocks that differ.
LATER_SHARE = 0.05


def leakage_findings(
    frame: pd.DataFrame,
    model_type: ModelType,
    outcomes: Outcomes,
    sample: Integers,
    kinds: Mapping[str, str],
) -> Iterator[QualityFinding]:
    """Features that give the target away, one finding each, the gravest.

    Parameters
    ----------
    frame : DataFrame of n labelled rows
    model_type : ModelType
    outcomes : Outcomes
        The targets of the frame's rows.
    sample : ndarray of shape (m,)
        Which of them to look at, in a random order: :func:`~.quality_sample.sample_rows`.
    kinds : mapping of str to str
        The kind of each feature to look at.

    Yields
    ------
    QualityFinding
        ``is_the_target`` (blocking): in every row the same as the target, or another name for each
        of its classes. ``tells_the_target``: almost always right by itself.
        ``missing_tells_the_target``: whether it has a value tells the target.
        ``later_than_row``: a time that lies after the row's own.

    Examples
    --------
    >>> from core.domain import Task
    >>> from core.monitoring.quality_sample import outcomes_of, sample_rows
    >>> model_type = ModelType(
    ...     name="t", source_relation="public.t", key_columns=("id",), time_column="at",
    ...     target_column="y", feature_columns=("a",), task=Task.CLASSIFICATION, metric="f1",
    ... )
    >>> random = np.random.default_rng(0)
    >>> rows = pd.DataFrame({"y": random.integers(0, 2, 500)})
    >>> rows["a"] = np.where(rows["y"] == 1, "left", "stayed")
    >>> outcomes = outcomes_of(rows, model_type)
    >>> drawn = sample_rows(outcomes, seed=0)
    >>> kinds = {"a": "categorical"}
    >>> [f.name for f in leakage_findings(rows, model_type, outcomes, drawn, kinds)]
    ['is_the_target']
    """
    if len(sample) < LEAST_ROWS:
        return
    drawn = frame.iloc[outcomes.positions[sample]]
    guess = guess_error(outcomes)
    for name, kind in kinds.items():
        if kind == ColumnKind.EMPTY:
            continue
        if is_target(frame[name], frame[model_type.target_column], outcomes, sample):
            detail = f'"{name}" is the target "{model_type.target_column}" in other words.'
            yield found("is_the_target", name, detail, blocking=True)
            continue
        if telling := _missing_is_telling(name, frame[name], outcomes):
            yield telling
            continue
        values = normalise(drawn[[name]], {name: kind})[name]
        left = error_left(values, kind, outcomes, sample, guess=guess)
        if left.is_telling:
            detail = (
                f'"{name}" alone predicts the target almost perfectly: it leaves '
                f"{100 * left.share:.1f} % of the error of a guess."
            )
            yield found("tells_the_target", name, detail, left=left.share)
        elif kind == ColumnKind.DATETIME and (later := _later(frame, model_type, name)):
            yield later


def _missing_is_telling(name: str, values: pd.Series, outcomes: Outcomes) -> QualityFinding | None:
    """Whether one class alone has no values, or alone has them."""
    missing = values.iloc[outcomes.positions].isna().to_numpy()
    if not missing.any() or missing.all():
        return None
    shares = np.bincount(outcomes.classes, minlength=outcomes.count) / len(outcomes.classes)
    for side, words in ((missing, "has no value"), (~missing, "has a value")):
        counts = np.bincount(outcomes.classes[side], minlength=outcomes.count)
        likeliest, rows = int(counts.argmax()), int(counts.sum())
        others = rows - int(counts[likeliest])
        allowed = LEFT_OF_ERROR * (1 - shares[likeliest])
        bound = float(beta.ppf(MISSING_CONFIDENCE, others + 1, max(rows - others, 1)))
        if others <= allowed * rows and bound <= BOUND_FACTOR * allowed:
            detail = (
                f'Whether "{name}" is known tells the target: of the {rows:,} rows where it '
                f"{words}, {others:,} have another outcome than the rest of them."
            )
            return found(
                "missing_tells_the_target",
                name,
                detail,
                rows=rows,
                others=others,
                when_missing=side is missing,
            )
    return None


def _later(frame: pd.DataFrame, model_type: ModelType, name: str) -> QualityFinding | None:
    """Whether a time lies after the row's own: it may not have been known then."""
    if model_type.time_column not in frame.columns or name == model_type.time_column:
        return None
    own, moments = as_times(frame[model_type.time_column]), as_times(frame[name])
    if (own == own.dt.floor("D")).all():  # a date: whatever else happens that day is not later
        moments = moments.dt.floor("D")
    there = int((moments.notna() & own.notna()).sum())
    later = int((moments > own).sum())
    if later < LEAST_ROWS or later < LATER_SHARE * there:
        return None
    detail = (
        f'"{name}" is later than "{model_type.time_column}" in {later:,} of {there:,} rows: it '
        "may not be known yet when the model predicts."
    )
    return found("later_than_row", name, detail, rows=later, of=there)
