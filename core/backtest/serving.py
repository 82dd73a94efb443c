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

    Attributes
    ----------
    version : int
    model : FittedModel
    reference : Reference
    profile : ReferenceProfile
    cutoff : datetime
        Newest row that the served fit has seen.
    window_end : datetime
        Newest row of its training window.
    monitor : MonitorState or None
        What the last check left behind.
    attempted_at : datetime or None
        When the last training that was to replace it began.
    holdouts : tuple of HoldoutUse
        Those that challengers were judged on.

    Examples
    --------
    See :func:`core.backtest.replay.replay`.
    """

    version: int
    model: FittedModel
    reference: Reference
    profile: ReferenceProfile
    cutoff: datetime
    window_end: datetime
    monitor: MonitorState | None = None
    attempted_at: datetime | None = None
    holdouts: tuple[HoldoutUse, ...] = ()

    def watched(self) -> Watched:
        """As a check needs it.

        Returns
        -------
        Watched
            Its training has seen all rows up to ``window_end``.
        """
        return Watched(
            model=self.model,
            reference=self.reference,
            profile=self.profile,
            since=self.window_end,
            monitor=self.monitor,
            attempted_at=self.attempted_at,
        )

    def left_with(self, state: Mapping[str, Any], seen_until: datetime) -> Self:
        """The same with what a check leaves behind for the next one.

        Parameters
        ----------
        state : mapping
            Of the check: JSON values, or NumPy's.
        seen_until : datetime
            The check's time.

        Returns
        -------
        Serving
            With the next revision of its monitor's state.
        """
        revision = 1 + (self.monitor.revision if self.monitor else 0)
        left = MonitorState(revision=revision, seen_until=seen_until, state=plain_json(state))
        return replace(self, monitor=left)
