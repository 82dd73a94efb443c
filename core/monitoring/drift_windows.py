"""Which rows a drift check looks at next, and what the last windows said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Self

import pandas as pd

# A window spans whole days, since most data has a rhythm of the day.
SHORTEST_WINDOW = timedelta(days=1)
# From here on a shift that matters is found; a smaller window waits as long as it may.
WANTED_ROWS = 500
# With fewer rows nothing is said.
LEAST_ROWS = 50
# One window in alarm may be a bad day; two of the last three are a change.
WINDOWS_KEPT = 3
WINDOWS_NEEDED = 2


@dataclass(frozen=True, kw_only=True)
class DriftTracker:
    """The last windows of one deployment, as kept between checks.

    Parameters
    ----------
    seen_until : datetime
        End of the last window; the next one begins here.
    alarms : tuple of bool
        Whether each of the last windows (at most three, the newest last) was in alarm.

    Examples
    --------
    >>> from datetime import UTC
    >>> tracker = DriftTracker.start(datetime(2026, 1, 1, tzinfo=UTC))
    >>> for day, alarm in ((2, True), (3, False), (4, True)):
    ...     tracker = tracker.add(datetime(2026, 1, day, tzinfo=UTC), alarm=alarm)
    >>> tracker.windows_in_alarm, tracker.starts_training
    (2, True)
    >>> tracker.after_attempt().starts_training
    False
    """

    seen_until: datetime
    alarms: tuple[bool, ...] = ()

    @classmethod
    def start(cls, since: datetime) -> Self:
        """Nothing seen yet.

        Parameters
        ----------
        since : datetime
            Where the first window begins: the champion's cut-off.

        Returns
        -------
        DriftTracker
        """
        return cls(seen_until=since)

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """From the JSON object that :meth:`as_state` gives.

        Parameters
        ----------
        state : mapping
            The JSON object.

        Returns
        -------
        DriftTracker
        """
        return cls(
            seen_until=datetime.fromisoformat(state["seen_until"]), alarms=tuple(state["alarms"])
        )

    def as_state(self) -> dict[str, Any]:
        """As a JSON object, for the monitor's state.

        Returns
        -------
        dict
            ``seen_until`` in ISO 8601 and ``alarms``.
        """
        return {"seen_until": self.seen_until.isoformat(), "alarms": list(self.alarms)}

    def add(self, window_end: datetime, *, alarm: bool) -> Self:
        """With one more window.

        Parameters
        ----------
        window_end : datetime
        alarm : bool
            Of that window alone.

        Returns
        -------
        DriftTracker
            With the newest three windows.
        """
        alarms = (*self.alarms, alarm)[-WINDOWS_KEPT:]
        return replace(self, seen_until=max(window_end, self.seen_until), alarms=alarms)

    def after_attempt(self) -> Self:
        """With the alarms answered: a training was begun, and counting starts anew.

        Returns
        -------
        DriftTracker
            Without alarms; the next window begins where it did.
        """
        return replace(self, alarms=())

    @property
    def windows_in_alarm(self) -> int:
        """How many of the last three windows were in alarm."""
        return sum(self.alarms)

    @property
    def starts_training(self) -> bool:
        """Whether that is enough to start a training: two of the last three."""
        return self.windows_in_alarm >= WINDOWS_NEEDED

    def next_window(
        self, times: pd.Series, *, as_of: datetime, longest: timedelta
    ) -> tuple[datetime, datetime] | None:
        """The next window (start, end], once it is long and full enough.

        It holds what came since the last window: at least a day and 500 rows. Where rows are few
        it closes when it has become as long as it may, with 50 rows or more.

        Parameters
        ----------
        times : Series of n timestamps, UTC
            The rows' own times (not their labels').
        as_of : datetime
            The window's end.
        longest : timedelta
            No window reaches further back: the check's window.

        Returns
        -------
        (datetime, datetime) or None
            None while the window is still filling.

        Examples
        --------
        >>> from datetime import UTC
        >>> times = pd.Series(pd.date_range("2026-01-01", periods=2000, freq="min", tz="UTC"))
        >>> tracker, week = DriftTracker.start(times[0].to_pydatetime()), timedelta(days=7)
        >>> tracker.next_window(times, as_of=datetime(2026, 1, 1, 12, tzinfo=UTC), longest=week)
        >>> found = tracker.next_window(times, as_of=times.iloc[-1], longest=week)
        >>> found is not None
        True
        """
        start = max(self.seen_until, as_of - longest)
        inside = times > pd.Timestamp(start)
        rows = int((inside & (times <= pd.Timestamp(as_of))).sum())
        is_long = as_of - start >= min(SHORTEST_WINDOW, longest)
        is_longest = as_of - start >= longest
        if (is_long and rows >= WANTED_ROWS) or (is_longest and rows >= LEAST_ROWS):
            return start, as_of
        return None
