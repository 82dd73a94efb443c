"""What checks, validations and quality assessments conclude."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from math import nan
from typing import Any, Self

from core.domain.monitoring import (
    DriftReport,
    HoldoutUse,
    LabelFreeEstimate,
    Maturity,
    SequentialTest,
)
from core.domain.words import CheckVerdict, DeploymentRule, ValidationVerdict


@dataclass(frozen=True, kw_only=True)
class Reference:
    """What a deployed model scored on its holdout: the yardstick of every later check.

    ``losses_mean`` and ``losses_std`` describe the per-row losses (0/1 errors, absolute or squared
    errors) that the metric is made of; they are None where the metric has no per-row loss.
    ``kept_since`` is set where it is an earlier champion's, kept because a check asked for the
    training that replaced it; ``later`` are those of the champions since, each lower than the one
    before it, that may take its place (:func:`core.engines.yardstick.standing_reference`).
    """

    metric: str
    value: float
    samples: int
    losses_mean: float | None = None
    losses_std: float | None = None
    kept_since: datetime | None = None
    label_spacing_seconds: float | None = None  # mean time between two labels of the holdout
    scaling: Mapping[str, Any] | None = None  # of losses into [0, 1]: core.engines.loss_scaling
    later: tuple[Reference, ...] = ()

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Self:
        """From the JSON stored with a deployment, where a metric that is not defined is null."""
        values = {k: row.get(k) for k in cls.__dataclass_fields__}
        if values["value"] is None:
            values["value"] = nan
        if values["kept_since"] is not None:
            values["kept_since"] = datetime.fromisoformat(values["kept_since"])
        values["later"] = tuple(cls.from_row(one) for one in values["later"] or ())
        return cls(**values)  # type: ignore[arg-type]


@dataclass(frozen=True, kw_only=True)
class PerformanceCheck:
    """The champion's metric on newly labelled rows, judged against its reference."""

    verdict: CheckVerdict
    needs_retraining: bool
    metric: str
    baseline: float | None
    current: float | None
    degradation: float | None  # ≥ 0 means worse; points, or relative for MAE, RMSE
    confidence_interval: tuple[float, float] | None  # of the degradation, 95 %, two-sided
    p_value: float | None  # one-sided: a drop at least this large by chance
    samples: int
    threshold: float
    low_power: bool
    reason: str  # one sentence for a person
    alarm: bool = False  # the champion has surely got worse: while it stands, as good is enough
    sequential: SequentialTest | None = None  # None: the reference is too small for it
    maturity: Maturity | None = None
    drift: DriftReport | None = None  # None: no new window of rows was looked at
    estimate: LabelFreeEstimate | None = None
    figures: Mapping[str, Any] = field(default_factory=dict)  # what the reason was made from

    def as_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return asdict(self) | {"drift": self.drift and self.drift.as_json()}


@dataclass(frozen=True, kw_only=True)
class Gate:
    """One test that a model must pass."""

    name: str
    passed: bool
    value: float | None
    threshold: float | None
    detail: str  # one sentence for a person
    interval: tuple[float, float] | None = None  # of the value, where it is an estimate
    dry_run: bool = False  # recorded, but it never blocks
    figures: Mapping[str, Any] = field(default_factory=dict)  # what the detail was made from

    def as_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class Validation:
    """One judgement of a model against the champion of one environment."""

    verdict: ValidationVerdict
    auto_deployable: bool
    improvement: float | None  # > 0: the challenger is better; None without a champion
    confidence_interval: tuple[float, float] | None  # paired; each bound at alpha
    samples: int  # rows that both were scored on
    gates: tuple[Gate, ...]
    reason: str  # one sentence for a person
    rule: DeploymentRule = DeploymentRule.NONE
    alarm: bool = False  # whether the champion's alarm stood
    alpha: float = 0.05  # one-sided level of the bound, after earlier uses of the same holdout
    holdout_use: int = 1  # the how-manieth time that these rows judge
    holdout: HoldoutUse | None = None

    def as_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return asdict(self) | {"holdout": self.holdout and self.holdout.as_json()}


@dataclass(frozen=True, kw_only=True)
class QualityFinding:
    """Something about training data that a person should know."""

    name: str  # e.g. constant_column
    column: str | None
    blocking: bool
    detail: str
    figures: Mapping[str, Any] = field(default_factory=dict)  # what the detail was made from


@dataclass(frozen=True, kw_only=True)
class DataQuality:
    """How fit a training set is: 1 is clean, and any blocking finding stops the training."""

    score: float
    rows: int
    missing_share: float
    duplicate_rows: int
    findings: tuple[QualityFinding, ...]
    details: Mapping[str, Any] = field(default_factory=dict)  # missing, classes, freshness

    @property
    def is_blocking(self) -> bool:
        """Whether training on this would be wrong."""
        return any(f.blocking for f in self.findings)

    def as_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return asdict(self)
