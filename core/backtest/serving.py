"""The champion of a replay, with what the database keeps of its deployment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Self

from core.domain import HoldoutUse, MonitorState, Reference
from core.engines.fitted_model import FittedModel
from core.monitoring.check import Watched
from core.monitoring.profile import ReferenceProfile
from core.worker.plain_json import plain_json


@dataclass(frozen=True, kw_only=True)
class Serving:
    """A deployment.

    Examples
    --------
    See :func:`core.backtest.replay.replay`.
    """

    version: int
    model: FittedModel
    reference: Reference
    profile: ReferenceProfile
    cutoff: datetime  # newest row that the served fit has seen
    window_end: datetime  # newest row of its training window
    monitor: MonitorState | None = None
    holdouts: tuple[HoldoutUse, ...] = ()

    def watched(self) -> Watched:
        """As a check needs it."""
        return Watched(
            model=self.model,
            reference=self.reference,
            profile=self.profile,
            since=self.window_end,
            monitor=self.monitor,
        )

    def left_with(self, state: Mapping[str, Any], seen_until: datetime) -> Self:
        """The same with what a check or an attempt leaves behind for the next check."""
        revision = 1 + (self.monitor.revision if self.monitor else 0)
        left = MonitorState(revision=revision, seen_until=seen_until, state=plain_json(state))
        return replace(self, monitor=left)
