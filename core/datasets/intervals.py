"""Intervals as people write them: 30m, 7d, 2w, 1h30m."""

from __future__ import annotations

import re
from datetime import timedelta

from core.errors import InvalidRequest

_UNITS = {"w": "weeks", "d": "days", "h": "hours", "m": "minutes", "s": "seconds"}
_INTERVAL = re.compile(r"(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")


def parse_interval(text: str) -> timedelta:
    """Weeks, days, hours, minutes and seconds, in this order, each at most once.

    >>> parse_interval("1h30m")
    datetime.timedelta(seconds=5400)

    Raises
    ------
    InvalidRequest
        The text is something else, or the interval is zero or too long.
    """
    match = _INTERVAL.fullmatch(text.strip().lower())
    problem = "is not an interval"
    if match and any(match.groups()):
        try:
            found = timedelta(
                **{
                    unit: int(number)
                    for unit, number in zip(_UNITS.values(), match.groups(), strict=True)
                    if number
                }
            )
        except OverflowError:
            found, problem = timedelta(0), "is too long"
        if found:
            return found
        problem = "is too long" if problem == "is too long" else "is no time at all"
    raise InvalidRequest(
        f"{text!r} {problem}.", hint="Write it like 30m, 7d, 2w or 1h30m (w, d, h, m, s)."
    )
