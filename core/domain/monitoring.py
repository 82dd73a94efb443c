"""What watching a champion finds out beside its metric: the sequential test, drift, estimates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Self

from core.domain.words import DriftSeverity, EstimateStatus


@dataclass(frozen=True, kw_only=True)
class HoldoutUse:
    """The span of rows, by label time, that a validation judged by; both ends included.

    Of an earlier validation a claim tells also how many rows there were, and which model they
    judged: the same model judged again by the very same rows is no further use.
    """

    start: datetime
    end: datetime
    rows: int | None = None
    artifact_hash: str | None = None  # of the model; None: it cannot be the same as another

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Self:
        """From ``{"start", "end"}`` in ISO 8601, and ``rows`` and ``artifact_hash`` if told."""
        return cls(
            start=datetime.fromisoformat(row["start"]),
            end=datetime.fromisoformat(row["end"]),
            rows=row.get("rows"),
            artifact_hash=row.get("artifact_hash"),
        )

    def as_json(self) -> dict[str, Any]:
        """The span, as a JSON object."""
        return {"start": self.start.isoformat(), "end": self.end.isoformat()}


@dataclass(frozen=True, kw_only=True)
class MonitorState:
    """What the checks of one deployment have left behind for the next one.

    ``state`` belongs to :mod:`core.monitoring`; it only moves forward in time. ``revision`` counts
    its changes, so that of two checks that read the same one only the first is kept.
    """

    revision: int
    seen_until: datetime
    state: Mapping[str, Any]

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Self:
        """From the JSON of a claim."""
        return cls(
            revision=row["revision"],
            seen_until=datetime.fromisoformat(row["seen_until"]),
            state=row["state"],
        )


@dataclass(frozen=True, kw_only=True)
class SequentialTest:
    """How strongly the labels since the deployment speak for a loss above the limit.

    ``level`` is the e-detector's since the deployment, ``attempt_level`` since the last training
    attempt. False alarms come, on average, no more often than once in as many labels as the level
    that is asked for.
    """

    level: float
    attempt_level: float
    training_at: float  # attempt_level from which a gated training may start
    alarm_at: float  # level from which the alarm stands
    limit: float  # mean loss, scaled into [0, 1], from which the champion counts as worse
    labels: int  # counted since the deployment
    new_labels: int  # counted by this check for the first time

    def as_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class Maturity:
    """Whether the labels that are there speak for all rows, or only for those labelled early."""

    delay_seconds: float  # 95th percentile of label time − time
    matured_rows: int  # old enough for their label to be there
    coverage: float | None  # share of them that has one; None where the rows were not read
    coverage_needed: float

    def as_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class ColumnDrift:
    """One column of a window against the reference profile."""

    column: str
    kind: str  # numeric or categorical
    test: str  # kolmogorov_smirnov or chi_squared
    p_value: float | None
    q_value: float | None  # Benjamini–Hochberg over the features of the window
    effect: float | None  # psi, or jensen_shannon
    effect_name: str
    severity: DriftSeverity
    importance: float | None  # share of the champion's permutation importance, in [0, 1]
    missing_before: float
    missing_now: float
    new_categories: float  # share of rows with a category that the reference never had
    effect_needed: float | None = None  # from where on the effect is a warning
    missing_severity: DriftSeverity = DriftSeverity.NONE  # part of severity
    new_categories_severity: DriftSeverity = DriftSeverity.NONE  # part of severity

    def as_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class DriftReport:
    """One window of rows against what the champion learnt from."""

    window_start: datetime
    window_end: datetime
    rows: int
    features: tuple[ColumnDrift, ...]  # the most important first
    target: ColumnDrift | None
    prediction: ColumnDrift | None
    drifted_importance: float  # share of importance that the drifted features carry
    alarm: bool  # this window alone: drifted features carry at least half of the importance
    windows_in_alarm: int  # of the last three, this one included
    starts_training: bool
    reason: str  # one sentence for a person

    def as_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return asdict(self) | {
            "window_start": self.window_start.isoformat(),
            "window_end": self.window_end.isoformat(),
        }


@dataclass(frozen=True, kw_only=True)
class LabelFreeEstimate:
    """What the metric probably is on rows whose labels are not there yet."""

    status: EstimateStatus
    metric: str
    value: float | None
    band: tuple[float, float] | None  # where the value lies while nothing has changed
    rows: int
    outside_band: bool  # worse than the band
    domain_auc: float | None  # how well a classifier tells these rows from the reference
    mean_error: float | None  # of past estimates, against what labels showed later
    scored_chunks: int
    reason: str  # one sentence for a person
    rows_needed: int | None = None  # for a chunk that is large enough to show a difference

    def as_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return asdict(self)
