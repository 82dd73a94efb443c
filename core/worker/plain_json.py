"""What came of some work as values that JSON, and PostgreSQL's jsonb, can hold."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from math import isfinite
from typing import Any
from uuid import UUID


def plain_json(value: Any) -> Any:
    """The same value of plain types: no NumPy, no NaN or infinity, no NUL or lone surrogate.

    Statistics may be undefined, and texts may quote whatever a table or a library holds: neither
    may keep a result from being written. A number that is none becomes null.

    Raises
    ------
    TypeError
        For a value that JSON has nothing like.

    Examples
    --------
    >>> plain_json({"p_value": float("nan"), "interval": (0.5, float("inf"))})
    {'p_value': None, 'interval': [0.5, None]}
    """
    match value:
        case None | bool():
            return value
        case str():
            return value.encode("utf-8", "replace").decode().replace("\0", "")
        case float():
            return float(value) if isfinite(value) else None
        case int():
            return int(value)
        case Mapping():
            return {plain_json(str(key)): plain_json(item) for key, item in value.items()}
        case list() | tuple():
            return [plain_json(item) for item in value]
        case datetime():
            return value.isoformat()
        case UUID():
            return str(value)
        case _ if hasattr(value, "tolist"):  # an array or scalar of NumPy, which is not loaded here
            return plain_json(value.tolist())
        case _:
            raise TypeError(f"{type(value).__qualname__} is no JSON value: {value!r}")
