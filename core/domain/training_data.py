"""Which rows a training uses, and what they were."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Self

from core.domain.words import WindowStrategy


@dataclass(frozen=True, kw_only=True)
class TrainingPlan:
    """Which rows a training uses, split by time: train, then calibration, then holdout.

    A row's time here is when its label was known: label time, or time plus label delay.
    """

    window_start: datetime
    window_end: datetime  # time of the newest row: the cut-off of a final fit
    train_rows: int
    calibration_rows: int
    holdout_rows: int
    train_end: datetime  # newest row that the approved fit has seen, calibration included
    reason: str
    strategy: WindowStrategy = WindowStrategy.SLIDING
    figures: Mapping[str, Any] = field(default_factory=dict)  # what the reason was made from

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Self:
        """From the JSON stored with a model."""
        times = ("window_start", "window_end", "train_end")
        values = dict(row) | {name: datetime.fromisoformat(row[name]) for name in times}
        values["strategy"] = WindowStrategy(row.get("strategy", WindowStrategy.SLIDING))
        return cls(**values)

    @property
    def rows(self) -> int:
        """All rows of the window."""
        return self.train_rows + self.calibration_rows + self.holdout_rows

    def as_json(self) -> dict[str, Any]:
        """As a JSON object (times in ISO 8601)."""
        times = ("window_start", "window_end", "train_end")
        return asdict(self) | {name: getattr(self, name).isoformat() for name in times}


@dataclass(frozen=True, kw_only=True)
class Fingerprint:
    """What data a job saw: enough to tell whether two jobs saw the same."""

    rows: int
    time_start: datetime | None
    time_end: datetime | None
    content_hash: str  # SHA-256 over the columns' values in order

    def as_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return {
            "rows": self.rows,
            "time_start": self.time_start and self.time_start.isoformat(),
            "time_end": self.time_end and self.time_end.isoformat(),
            "content_hash": self.content_hash,
        }
