"""A time in which too few labels came to be counted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Self

from core.engines.time_split import utc
from core.monitoring.sequential import LOOKBACK


@dataclass(frozen=True, kw_only=True)
class LabelGap:
    """Until when labels were counted, and which are left out for good.

    While too few of the rows that are old enough have their label, none is counted. When enough
    have come within seven days, all are. After that those of the time before are left out, the
    late ones too: either kind alone would not speak for all rows. So a check never has to read
    further back, however long labels stay away.

    Attributes
    ----------
    counted_until : datetime
        The last check that counted; at first the end of what the champion's training has seen.
    left_out_until : datetime or None
        Rows that were old enough for their label by then do not count.

    Examples
    --------
    >>> from datetime import UTC
    >>> gap = LabelGap.from_state(None, since=datetime(2026, 1, 1, tzinfo=UTC))
    >>> gap = gap.after_check(datetime(2026, 1, 2, tzinfo=UTC), counted=True)
    >>> short = gap.after_check(datetime(2026, 1, 8, tzinfo=UTC), counted=False)
    >>> short == gap, short.is_long(datetime(2026, 1, 8, tzinfo=UTC))
    (True, False)
    >>> long = short.after_check(datetime(2026, 1, 12, tzinfo=UTC), counted=False)
    >>> str(long.left_out_until), long.is_long(datetime(2026, 1, 12, tzinfo=UTC))
    ('2026-01-05 00:00:00+00:00', True)
    >>> LabelGap.from_state(long.as_state(), since=datetime(2026, 1, 1, tzinfo=UTC)) == long
    True
    """

    counted_until: datetime
    left_out_until: datetime | None = None

    @classmethod
    def from_state(cls, state: Mapping[str, Any] | None, *, since: datetime) -> Self:
        """From the JSON that :meth:`as_state` gave; None where no check has left any.

        Parameters
        ----------
        state : mapping or None
            The JSON object.
        since : datetime
            The end of what the champion's training has seen.

        Returns
        -------
        LabelGap
        """
        if state is None:
            return cls(counted_until=since)
        until = state["left_out_until"]
        return cls(
            counted_until=datetime.fromisoformat(state["counted_until"]),
            left_out_until=None if until is None else datetime.fromisoformat(until),
        )

    def as_state(self) -> dict[str, Any]:
        """As a JSON object.

        Returns
        -------
        dict
            The attributes by name, times in ISO 8601.
        """
        until = self.left_out_until
        return {
            "counted_until": self.counted_until.isoformat(),
            "left_out_until": None if until is None else until.isoformat(),
        }

    def is_long(self, as_of: datetime) -> bool:
        """Whether nothing was counted for longer than labels are waited for.

        Parameters
        ----------
        as_of : datetime

        Returns
        -------
        bool
            True after more than seven days.
        """
        return utc(as_of) - utc(self.counted_until) > LOOKBACK

    def after_check(self, as_of: datetime, *, counted: bool) -> Self:
        """As a check of that time leaves it.

        Parameters
        ----------
        as_of : datetime
        counted : bool
            Whether enough labels were there for them to be counted.

        Returns
        -------
        LabelGap
        """
        if counted:
            return replace(self, counted_until=as_of)
        return replace(self, left_out_until=as_of - LOOKBACK) if self.is_long(as_of) else self
