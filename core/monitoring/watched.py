"""The champion as a check needs it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from core.domain import ModelType, MonitorState, Reference
from core.engines.fitted_model import FittedModel
from core.engines.time_split import utc
from core.monitoring.drift_windows import DriftTracker
from core.monitoring.profile import ReferenceProfile
from core.monitoring.sequential import EDetector

# Where a check's state has the sequential test. Another name for another form: a test of before
# cannot be gone on with, and a new one begins with the labels of the window.
DETECTOR = "detector"


@dataclass(frozen=True, kw_only=True)
class Watched:
    """The champion, and what earlier checks of it left behind.

    Attributes
    ----------
    model : FittedModel
        The fit that serves.
    reference : Reference
    profile : ReferenceProfile or None
        From the artifact's metadata; None for models of before there were profiles.
    since : datetime
        Its training has seen all rows up to then (``champion.window_end``).
    monitor : MonitorState or None
    attempted_at : datetime or None
        When the last training that was to replace it was begun.

    Examples
    --------
    >>> from core.engines.example_rows import example_type
    >>> watched = Watched(model=None, reference=None, profile=None, since=datetime(2026, 1, 1),
    ...     monitor=None)
    >>> watched.usual_delay(example_type(label_delay=timedelta(days=2))).days
    2
    >>> watched.state, watched.usual_coverage, watched.saw(datetime(2026, 1, 8))
    ({}, None, False)
    """

    model: FittedModel
    reference: Reference
    profile: ReferenceProfile | None
    since: datetime
    monitor: MonitorState | None
    attempted_at: datetime | None = None

    @property
    def state(self) -> Mapping[str, Any]:
        """What the last check left behind, with the last attempt that it may not have known of."""
        state = {} if self.monitor is None else self.monitor.state
        return state if self.attempted_at is None else state_after_attempt(state, self.attempted_at)

    @property
    def usual_coverage(self) -> float | None:
        """Share of rows with a label when the model was trained; None where it is not known."""
        return None if self.profile is None else self.profile.label_coverage

    def usual_delay(self, model_type: ModelType) -> timedelta:
        """How long after a row's time its label is usually known: the 95th percentile.

        Parameters
        ----------
        model_type : ModelType
            Its label delay is the answer where there is no profile.

        Returns
        -------
        timedelta
        """
        if self.profile is None:
            return model_type.label_delay
        return timedelta(seconds=self.profile.usual_delay_seconds)

    def saw(self, as_of: datetime) -> bool:
        """Whether an earlier check has seen more than one of that time could.

        Parameters
        ----------
        as_of : datetime

        Returns
        -------
        bool
        """
        return self.monitor is not None and utc(as_of) < utc(self.monitor.seen_until)


def state_after_attempt(state: Mapping[str, Any], at: datetime) -> dict[str, Any]:
    """The state once a training was begun: what was seen up to then starts no further one.

    It may be said of a state that knows of this attempt, or of a later one: that stays as it is.

    Parameters
    ----------
    state : mapping
        What a check left behind; may be empty.
    at : datetime
        When the training was begun (its ``as_of``).

    Returns
    -------
    dict
        A JSON object; the alarm stands as it did.

    Examples
    --------
    >>> after = state_after_attempt({DETECTOR: EDetector.start(0.2).as_state()},
    ...                             datetime(2026, 1, 8))
    >>> after[DETECTOR]["attempt_bucket"], after["attempt_at"]
    (122766, '2026-01-08T00:00:00+00:00')
    """
    known = state.get("attempt_at")
    if known is not None and datetime.fromisoformat(known) >= utc(at):
        return dict(state)
    after = dict(state) | {"attempt_at": utc(at).isoformat()}
    if DETECTOR in after:
        test = EDetector.from_state(after[DETECTOR])
        after[DETECTOR] = test.after_attempt(at).as_state()
    if "drift" in after:
        after["drift"] = DriftTracker.from_state(after["drift"]).after_attempt().as_state()
    return after
