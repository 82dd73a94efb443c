"""What a walk through time is made of, and what happens on it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.domain import ModelType
from core.engines.columns import as_times
from core.engines.time_split import row_times

Times = NDArray[np.datetime64]


class Policy(StrEnum):
    """How a model is kept fresh."""

    NEVER = "never"  # the first fit serves for good
    REFIT = "refit"  # Refit decides
    EVERY_STEP = "every_step"  # a bare fit of the whole window at every step, no questions asked


class Action(StrEnum):
    """What Refit did at a step."""

    NONE = "none"  # nothing had to be retrained
    WAITED = "waited"  # the alarm stands, but the last attempt saw nearly all of the labels
    DEPLOYED = "deployed"  # a challenger was trained and took over
    APPROVED = "approved"  # … was as good as the champion, not surely better: it waits
    REJECTED = "rejected"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, kw_only=True)
class Event:
    """What was found and done for one model type at one step."""

    model_type: str
    as_of: datetime
    verdict: str
    metric: str
    baseline: float | None
    current: float | None
    action: Action
    model_version: int | None  # that serves from here on
    challenger: int | None = None  # version that was trained
    improvement: float | None = None  # of the challenger over the champion; > 0 is better
    failed_gates: tuple[str, ...] = ()

    @property
    def retrained(self) -> bool:
        """Whether a challenger was trained, whatever came of it."""
        return self.challenger is not None

    def as_json(self) -> dict[str, Any]:
        """As in the file that ``--json`` writes."""
        return {
            "as_of": self.as_of.isoformat(),
            "verdict": self.verdict,
            "baseline": self.baseline,
            "current": self.current,
            "action": str(self.action),
            "model_version": self.model_version,
        }


@dataclass(frozen=True, kw_only=True)
class Timeline:
    """The steps: at each of ``moments`` Refit looks; what serves then predicts until the next."""

    step: timedelta
    moments: tuple[datetime, ...]

    @property
    def start(self) -> datetime:
        """When the first models are trained."""
        return self.moments[0]

    @property
    def window_days(self) -> int:
        """The time window of a check, in whole days: one step."""
        return max(1, -(-self.step // timedelta(days=1)))


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A model type on the walk, and all its labelled rows in time order."""

    model_type: ModelType
    frame: pd.DataFrame

    @property
    def predictions_table(self) -> str:
        """Where the walk's predictions are stored."""
        return f"public.{self.model_type.name}_predictions"

    def window(self, moment: datetime) -> pd.DataFrame:
        """What a training at ``moment`` may use: rows labelled in the training window before it."""
        inside = self._known <= _naive(moment)
        if self.model_type.training_window is not None:
            inside &= self._known > _naive(moment - self.model_type.training_window)
        return self.frame[inside]

    def between(self, start: datetime, end: datetime) -> pd.DataFrame:
        """Rows that happened in ``(start, end]``."""
        first, last = np.searchsorted(
            self.happened, [_naive(start), _naive(end)], side="right"
        ).tolist()
        return self.frame.iloc[first:last]

    @cached_property
    def happened(self) -> Times:
        """When each row happened, in order, UTC."""
        times = as_times(self.frame[self.model_type.time_column]).dt.tz_localize(None)
        return np.asarray(times, dtype="datetime64[us]")

    @cached_property
    def _known(self) -> Times:
        """When each row's label was known, UTC."""
        times = row_times(self.frame, self.model_type).dt.tz_localize(None)
        return np.asarray(times, dtype="datetime64[us]")


def _naive(moment: datetime) -> np.datetime64:
    return np.datetime64(pd.Timestamp(moment).tz_convert("UTC").tz_localize(None), "us")
