"""What a walk through time is made of, and what happens on it: of a backtest and of the demo."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any


class Policy(StrEnum):
    """How a model is kept fresh."""

    NEVER = "never"  # the first fit serves for good
    REFIT = "refit"  # Refit decides
    EVERY_STEP = "every_step"  # a bare fit of the whole window at every step, no questions asked
    NAIVE = "naive"  # bare thresholds on the metric, as if no figure were ever chance


POLICY_NAMES = {
    Policy.NEVER: "never retrained",
    Policy.REFIT: "Refit",
    Policy.EVERY_STEP: "retrained every step",
    Policy.NAIVE: "naive thresholds",
}


class Action(StrEnum):
    """What was done at a step."""

    NONE = "none"  # nothing had to be retrained
    WAITED = "waited"  # a training is due, but the last attempt saw nearly all of the labels
    HELD_BACK = "held_back"  # … but the cool-down or the monthly budget forbids it
    FAILED = "failed"  # … but it could not be done: the data do not allow it
    DEPLOYED = "deployed"  # a challenger was trained and took over
    APPROVED = "approved"  # … was as good as the champion, not surely better: it waits
    REJECTED = "rejected"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, kw_only=True)
class Event:
    """What was found and done for one model type at one step.

    Attributes
    ----------
    model_type : str
    as_of : datetime
    verdict : str
        The check's.
    metric : str
    baseline, current : float or None
        The metric at deployment and now; None where it is not known.
    action : Action
    model_version : int or None
        That serves from here on.
    challenger : int or None
        Version that was trained.
    improvement : float or None
        Of the challenger over the champion, in points or relative; > 0 is better.
    failed_gates : tuple of str
    reason : str
        One sentence for a person.

    Examples
    --------
    >>> event = Event(model_type="a", as_of=datetime(2026, 1, 5), verdict="healthy", metric="mae",
    ...     baseline=2.0, current=2.1, action=Action.NONE, model_version=1)
    >>> event.retrained, event.as_json()["action"]
    (False, 'none')
    """

    model_type: str
    as_of: datetime
    verdict: str
    metric: str
    baseline: float | None
    current: float | None
    action: Action
    model_version: int | None
    challenger: int | None = None
    improvement: float | None = None
    failed_gates: tuple[str, ...] = ()
    reason: str = ""

    @property
    def retrained(self) -> bool:
        """Whether a challenger was trained, whatever came of it."""
        return self.challenger is not None

    def as_json(self) -> dict[str, Any]:
        """As in the file that ``--json`` writes.

        Returns
        -------
        dict
            ``as_of`` in ISO 8601, ``verdict``, ``baseline``, ``current``, ``action`` and
            ``model_version``.
        """
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
    """The steps of a walk.

    Attributes
    ----------
    step : timedelta
        From moment to moment.
    moments : tuple of datetime
        At each the champion is looked at; what serves then serves until the next.
    """

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
