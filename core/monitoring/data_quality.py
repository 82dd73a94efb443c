"""Is this data fit to learn from? Findings by name; a blocking one stops the training."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from core.domain import DataQuality, ModelType, QualityFinding
from core.engines.columns import column_kinds
from core.monitoring.known_after_label import after_label_findings
from core.monitoring.leakage import leakage_findings
from core.monitoring.profile import ReferenceProfile
from core.monitoring.quality_change import change_findings
from core.monitoring.quality_columns import column_findings, missing_shares
from core.monitoring.quality_rows import (
    Freshness,
    count_duplicates,
    freshness_findings,
    measure_freshness,
    row_findings,
)
from core.monitoring.quality_sample import SAMPLE_ROWS, outcomes_of, sample_rows
from core.monitoring.quality_target import class_rows, target_findings

# A feature with one of these is of no use as it is.
FLAWS = frozenset(
    {
        "all_missing_column",
        "constant_column",
        "tells_the_target",
        "missing_tells_the_target",
        "later_than_row",
        "known_after_label",
        "changed_kind",
        "out_of_range",
    }
)


def assess(
    frame: pd.DataFrame,
    model_type: ModelType,
    *,
    profile: ReferenceProfile | None = None,
    recent: pd.DataFrame | None = None,
    as_of: datetime | None = None,
    seed: int = 0,
) -> DataQuality:
    """Assess labelled rows of a model type.

    The score is the share of feature cells that hold a value, times the share of rows that are no
    duplicates, times the share of features without a flaw (:data:`FLAWS`); 0 with a blocking
    finding. Rare classes and stale rows are said and cost nothing: the rows that are there are no
    worse for it.

    Parameters
    ----------
    frame : DataFrame of n rows
    model_type : ModelType
    profile : ReferenceProfile, optional
        Of the champion: what has vanished, changed its kind or left its range since.
    recent : DataFrame of m rows, optional
        All rows of :func:`core.monitoring.known_after_label.waiting_span`, whatever their target:
        whether a feature is filled in together with it.
    as_of : datetime, optional
        Now, with a time zone: whether the newest label is older than is usual.
    seed : int
        Of the rows that suspicions of leakage are drawn from.

    Returns
    -------
    DataQuality
        With ``missing_share`` over all feature cells, ``duplicate_rows`` (rows whose key, or where
        no key is there all of whose values, came before), and in ``details`` the missing share of
        each feature, the rows of each class, and the freshness.

    Examples
    --------
    >>> from core.domain import Task
    >>> model_type = ModelType(
    ...     name="t", source_relation="public.t", key_columns=("id",), time_column="at",
    ...     target_column="y", feature_columns=("a", "b"), task=Task.CLASSIFICATION, metric="f1",
    ... )
    >>> random = np.random.default_rng(0)
    >>> rows = pd.DataFrame({"id": range(300), "a": random.normal(size=300), "b": 1.0})
    >>> rows["at"] = pd.date_range("2026-01-01", periods=300, freq="h", tz="UTC")
    >>> rows["y"] = random.integers(0, 2, 300)
    >>> quality = assess(rows, model_type, as_of=datetime.fromisoformat("2026-01-20T00:00Z"))
    >>> quality.score, [f.name for f in quality.findings]
    (0.5, ['constant_column', 'stale_rows'])
    """
    missing = missing_shares(frame, model_type)
    duplicates = count_duplicates(frame, model_type)
    freshness = measure_freshness(frame, model_type, as_of=as_of) if as_of else None
    findings = [
        *column_findings(frame, model_type, missing),
        *row_findings(frame, model_type, duplicates=duplicates),
        *freshness_findings(freshness),
        *target_findings(frame, model_type),
        *_relations(frame, model_type, missing, profile=profile, seed=seed),
        *(after_label_findings(frame, recent, model_type) if recent is not None else ()),
    ]
    vanished = {f.column for f in findings if f.name == "vanished_column"}
    # Said of the same column, it says less.
    findings = [f for f in findings if f.name != "all_missing_column" or f.column not in vanished]
    share = float(np.mean(list(missing.values()))) if missing else 0.0
    return DataQuality(
        score=_score(findings, share, duplicates / max(len(frame), 1), len(missing)),
        rows=len(frame),
        missing_share=share,
        duplicate_rows=duplicates,
        findings=tuple(findings),
        details=_details(frame, model_type, missing, freshness),
    )


def _relations(
    frame: pd.DataFrame,
    model_type: ModelType,
    missing: Mapping[str, float],
    *,
    profile: ReferenceProfile | None,
    seed: int,
) -> Iterator[QualityFinding]:
    """What features have to do with the target, and with what they were."""
    outcomes = outcomes_of(frame, model_type)
    sample = sample_rows(outcomes, seed=seed) if outcomes else np.arange(0)
    drawn = frame.iloc[outcomes.positions[sample]] if outcomes else frame.head(SAMPLE_ROWS)
    kinds = column_kinds(drawn, missing)
    if profile is not None:
        yield from change_findings(frame, model_type, profile, kinds)
    if outcomes is not None:
        yield from leakage_findings(frame, model_type, outcomes, sample, kinds)


def _score(
    findings: Sequence[QualityFinding], missing: float, duplicates: float, features: int
) -> float:
    if any(finding.blocking for finding in findings):
        return 0.0
    flawed = {finding.column for finding in findings if finding.name in FLAWS}
    return (1 - missing) * (1 - duplicates) * (1 - len(flawed) / max(features, 1))


def _details(
    frame: pd.DataFrame,
    model_type: ModelType,
    missing: Mapping[str, float],
    freshness: Freshness | None,
) -> dict[str, Any]:
    return {
        "missing": dict(missing),
        "classes": class_rows(frame, model_type),
        "freshness": freshness
        and {
            "newest": freshness.newest.isoformat(),
            "age_seconds": freshness.age_seconds,
            "usual_seconds": freshness.usual_seconds,
        },
    }
