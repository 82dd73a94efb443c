"""Pages of a list over HTTP: where one ends, and whose mark that is."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

from core.errors import InvalidRequest
from core.store import Json

_MARK_LENGTH = 6


def give_page(name: str, fetch: Callable[..., Json], fields: dict[str, Any]) -> Json:
    """One page: ``{items, next_cursor}``.

    Parameters
    ----------
    name : str
        The list's name. A cursor is good for the list that gave it alone: any other would take its
        time and id for a place of its own, and show whatever comes after.
    fetch : callable
        The store's method.
    fields : dict
        What it is asked; ``cursor`` as the caller gave it.

    Raises
    ------
    InvalidRequest
        For a cursor of another list.
    """
    mark, cursor = mark_of(name), fields["cursor"]
    if cursor is not None:
        if not cursor.startswith(mark):
            raise InvalidRequest(
                "cursor is not one that this list gave.", hint="Leave it out to start anew."
            )
        cursor = cursor.removeprefix(mark)
    page = fetch(**{**fields, "cursor": cursor})
    following = page["next_cursor"]
    return {**page, "next_cursor": None if following is None else mark + following}


def mark_of(name: str) -> str:
    """What the cursors of a list begin with.

    >>> mark_of("history") == mark_of("models"), len(mark_of("history"))
    (False, 6)
    """
    return hashlib.sha256(name.encode()).hexdigest()[:_MARK_LENGTH]
