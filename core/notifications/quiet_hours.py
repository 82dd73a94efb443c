"""Hours of the day in which a channel is not to be disturbed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from core.errors import InvalidRequest

_HOURS = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])-([01][0-9]|2[0-3]):([0-5][0-9])")


@dataclass(frozen=True, kw_only=True)
class QuietHours:
    """Every day from ``start`` until ``end`` on the clocks of ``zone``.

    Where ``end`` is not after ``start``, the hours end on the next day.
    """

    start: time
    end: time
    zone: ZoneInfo

    @classmethod
    def parse(cls, hours: str, zone: str) -> QuietHours:
        """Read ``22:00-07:00`` and a name of the time zone database.

        Raises
        ------
        InvalidRequest
            One of them is none; it says which.
        """
        found = _HOURS.fullmatch(hours)
        if found is None:
            raise InvalidRequest("quiet is no span of hours; write quiet=22:00-07:00")
        first, last, until_hour, until_minute = (int(part) for part in found.groups())
        start, end = time(first, last), time(until_hour, until_minute)
        if start == end:
            raise InvalidRequest("quiet begins and ends at the same time")
        return cls(start=start, end=end, zone=_zone(zone))

    def quiet_until(self, now: datetime) -> datetime | None:
        """When it may be disturbed again, in UTC; None: it may be now.

        Parameters
        ----------
        now : datetime
            With its zone.

        Examples
        --------
        >>> night = QuietHours.parse("22:00-07:00", "Europe/Amsterdam")
        >>> night.quiet_until(datetime(2026, 7, 1, 22, 30, tzinfo=UTC)).isoformat()
        '2026-07-02T05:00:00+00:00'
        >>> night.quiet_until(datetime(2026, 7, 1, 12, 0, tzinfo=UTC))
        """
        moment = now.astimezone(UTC)
        today = now.astimezone(self.zone).date()
        days = int(self.end <= self.start)
        for day in (today - timedelta(days=1), today):
            # Compared as instants: on the nights of the clocks' change an hour is missing or
            # comes twice, and two times of one zone are compared by what the clock shows.
            begins = datetime.combine(day, self.start, self.zone).astimezone(UTC)
            last = day + timedelta(days=days)
            ends = datetime.combine(last, self.end, self.zone).astimezone(UTC)
            if begins <= moment < ends:
                return ends
        return None

    def __str__(self) -> str:
        return f"{self.start:%H:%M}-{self.end:%H:%M} {self.zone.key}"


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    # A name may lead out of the database's folder, or to a folder in it.
    except (ZoneInfoNotFoundError, ValueError, OSError) as exc:
        raise InvalidRequest("zone is no time zone; write such as zone=Europe/Amsterdam") from exc
