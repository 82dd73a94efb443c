"""Numbers and times as a person of this language writes them."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel import dates, numbers
from markupsafe import Markup


@dataclass(frozen=True, kw_only=True)
class Formats:
    """How one language writes figures; None is an en dash everywhere."""

    locale: str
    zone: dt.tzinfo = dt.UTC

    def number(self, value: float | None, digits: int = 3) -> str:
        """With at most so many digits after the point."""
        if value is None:
            return "–"
        places = "#" * digits
        return numbers.format_decimal(value, f"#,##0.{places}", locale=self.locale)

    def percent(self, value: float | None, digits: int = 1) -> str:
        """A share of one as a percentage."""
        if value is None:
            return "–"
        places = "#" * digits
        return numbers.format_percent(value, f"#,##0.{places}%", locale=self.locale)

    def duration(self, seconds: float | None) -> str:
        """In the largest unit of which there are one and a half or more, such as 3 minutes."""
        if seconds is None:
            return "–"
        return dates.format_timedelta(
            dt.timedelta(seconds=seconds), threshold=1.5, format="long", locale=self.locale
        )

    def date(self, moment: str | dt.datetime | None) -> str:
        """A day of the zone's calendar, in words."""
        if moment is None:
            return "–"
        return dates.format_date(self._here(moment), "d MMM y", locale=self.locale)

    def datetime(self, moment: str | dt.datetime | None) -> str:
        """A moment in words; what is not in the viewer's own zone says so."""
        if moment is None:
            return "–"
        shown = dates.format_datetime(self._here(moment), "d MMM y HH:mm", locale=self.locale)
        return f"{shown} UTC" if self.zone is dt.UTC else shown

    def time(self, moment: str | dt.datetime | None, form: str = "datetime") -> str | Markup:
        """A ``time`` element: UTC for whom nothing runs, the viewer's zone where scripts run.

        Parameters
        ----------
        moment : str or datetime, optional
            With its zone; ISO 8601 as the database gives it.
        form : str
            ``datetime``, ``date``, ``clock`` (the time of day) or ``relative``.
        """
        if moment is None:
            return "–"
        at = _moment(moment)
        shown = self.date(at) if form == "date" else self.datetime(at)
        return Markup('<time datetime="{}" data-format="{}">{}</time>').format(
            at.strftime("%Y-%m-%dT%H:%M:%SZ"), form, shown
        )

    def _here(self, moment: str | dt.datetime) -> dt.datetime:
        return _moment(moment).astimezone(self.zone)


def _moment(given: str | dt.datetime) -> dt.datetime:
    moment = dt.datetime.fromisoformat(given) if isinstance(given, str) else given
    return moment.astimezone(dt.UTC)


def find_zone(name: str | None) -> dt.tzinfo:
    """The zone of this name; UTC where there is none of it.

    >>> str(find_zone("Europe/Amsterdam")), find_zone("../etc"), find_zone(None)
    ('Europe/Amsterdam', datetime.timezone.utc, datetime.timezone.utc)
    """
    try:
        return ZoneInfo(name) if name else dt.UTC
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return dt.UTC
