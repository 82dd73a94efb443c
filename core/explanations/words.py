"""The language of a sentence: its texts, and how it writes figures."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol


class Numbers(Protocol):
    """How a language writes figures; the dashboard's ``Formats`` is one."""

    def number(self, value: float, digits: int = 3) -> str:
        """Any number: 1240 → ``1,240``, at most so many digits after the point."""

    def percent(self, value: float) -> str:
        """A share of one, at most one decimal: 0.8123 → ``81.2%``."""

    def duration(self, seconds: float) -> str:
        """A span of time: 10800 → ``3 hours``."""

    def date(self, moment: dt.datetime) -> str:
        """A day: ``24 Nov 2026``."""

    def datetime(self, moment: dt.datetime) -> str:
        """A moment, with its zone: ``24 Nov 2026 08:15 UTC``."""


@dataclass(frozen=True, kw_only=True)
class Words:
    """A language: what :mod:`core.explanations` speaks.

    ``gettext`` and ``ngettext`` give the text of a message; its fields, in braces, are filled in
    afterwards.
    """

    gettext: Callable[[str], str]
    ngettext: Callable[[str, str, int], str]
    numbers: Numbers


class EnglishNumbers:
    """Figures as English writes them, without a library.

    Examples
    --------
    >>> numbers = EnglishNumbers()
    >>> numbers.number(1240), numbers.number(0.12345), numbers.number(1234.5)
    ('1,240', '0.123', '1,234.5')
    >>> numbers.percent(0.8123), numbers.percent(0.87)
    ('81.2%', '87%')
    >>> numbers.duration(10800), numbers.duration(60), numbers.duration(86400 * 2)
    ('3 hours', '60 seconds', '2 days')
    >>> numbers.datetime(dt.datetime(2026, 11, 24, 8, 15, tzinfo=dt.UTC))
    '24 Nov 2026 08:15 UTC'
    """

    def number(self, value: float, digits: int = 3) -> str:
        """With commas, at most so many digits after the point."""
        written = f"{value:,.{digits}f}"
        return _trimmed(written) if "." in written else written

    def percent(self, value: float) -> str:
        """At most one decimal."""
        return _trimmed(f"{100 * value:,.1f}") + "%"

    def duration(self, seconds: float) -> str:
        """In the largest unit of which there is one and a half."""
        for size, unit in ((86400, "day"), (3600, "hour"), (60, "minute")):
            if seconds >= 1.5 * size:
                return _counted(round(seconds / size), unit)
        return _counted(max(round(seconds), 0), "second")

    def date(self, moment: dt.datetime) -> str:
        """A day of the UTC calendar."""
        utc = moment.astimezone(dt.UTC)
        return f"{utc.day} {_MONTHS[utc.month - 1]} {utc.year}"

    def datetime(self, moment: dt.datetime) -> str:
        """In UTC."""
        return f"{self.date(moment)} {moment.astimezone(dt.UTC):%H:%M} UTC"


# strftime's names follow the locale of the machine.
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def _trimmed(text: str) -> str:
    return text.rstrip("0").rstrip(".")


def _counted(count: int, unit: str) -> str:
    return f"{count:,} {unit}" if count == 1 else f"{count:,} {unit}s"


def _as_written(message: str) -> str:
    return message


def _singular_or_plural(singular: str, plural: str, count: int) -> str:
    return singular if count == 1 else plural


# Needs no catalogue: the messages are English.
ENGLISH = Words(gettext=_as_written, ngettext=_singular_or_plural, numbers=EnglishNumbers())
