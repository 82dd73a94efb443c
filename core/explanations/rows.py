"""What a stored row holds, read without trusting it: a figure that is missing is None."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

Row = Mapping[str, Any]
_LARGEST = 1e15


def figure(row: Row, name: str) -> float | None:
    """A finite number, or None.

    Examples
    --------
    >>> figure({"value": 0.5}, "value"), figure({"value": float("nan")}, "value"), figure({}, "n")
    (0.5, None, None)
    """
    value = row.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    # No measure is that large, and arithmetic with it could overflow.
    return float(value) if -_LARGEST < value < _LARGEST else None


def count(row: Row, name: str) -> int | None:
    """A number of things (0 or more), or None."""
    number = figure(row, name)
    return None if number is None or number < 0 else int(number)


def text(row: Row, name: str) -> str:
    """A text without white space around it; empty where there is none."""
    value = row.get(name)
    return " ".join(value.split()) if isinstance(value, str) else ""


def part(row: Row, name: str) -> Row:
    """An object inside the row; empty where there is none."""
    value = row.get(name)
    return value if isinstance(value, Mapping) else {}


def parts(row: Row, name: str) -> list[Row]:
    """The objects of a list inside the row."""
    value = row.get(name)
    items = value if isinstance(value, list | tuple) else []
    return [one for one in items if isinstance(one, Mapping)]


def moment(row: Row, name: str) -> datetime | None:
    """A time, which JSON holds as ISO 8601; one without a zone is UTC."""
    value = row.get(name)
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if not isinstance(value, datetime):
        return None
    try:
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
    except OverflowError:  # within a day of the calendar's ends
        return None


def whole_numbers(sentence: str, pattern: str) -> dict[str, int]:
    """Numbers that an English sentence of Refit's names, by the pattern's groups.

    Engines store some figures only inside their sentence; one that is written otherwise gives
    nothing, and the explanation goes without.

    Examples
    --------
    >>> whole_numbers("1,240 rows repeat the key.", r"(?P<rows>[0-9,]+) rows")
    {'rows': 1240}
    >>> whole_numbers("Some rows do.", r"(?P<rows>[0-9,]+) rows")
    {}
    """
    found = re.search(pattern, sentence)
    if found is None:
        return {}
    digits = {name: value.replace(",", "") for name, value in found.groupdict().items() if value}
    return {name: int(value) for name, value in digits.items() if value.isdecimal()}
