"""What a channel wants to hear: the part of its address after ``#``, which is never sent."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar
from urllib.parse import unquote

from core.errors import InvalidRequest
from core.notifications.events import Event, Severity
from core.notifications.quiet_hours import QuietHours

_PARTS = ("events", "severity", "quiet", "zone", "name")
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9_.-]{0,38}[a-z0-9])?")
_WORD = re.compile(r"[A-Za-z_]{1,30}")

_Word = TypeVar("_Word", bound=StrEnum)


@dataclass(frozen=True, kw_only=True)
class Preferences:
    """What was written; None: nothing was."""

    events: frozenset[Event] | None = None
    severity: Severity | None = None
    quiet: QuietHours | None = None
    name: str | None = None


def split_preferences(address: str) -> tuple[str, Preferences]:
    """Take the wishes off an address.

    Some addresses have a fragment of their own, such as ``slack://token/#general``: one without
    ``=`` stays.

    Raises
    ------
    InvalidRequest
        A wish makes no sense. Nothing of the address is repeated.

    Examples
    --------
    >>> bare, wishes = split_preferences("json://host/path#severity=critical&name=ops")
    >>> bare, wishes.name, wishes.severity.value
    ('json://host/path', 'ops', 'critical')
    """
    bare, mark, fragment = address.rpartition("#")
    if not mark or (fragment and "=" not in fragment):
        return address, Preferences()
    return bare, _read(fragment)


def _read(fragment: str) -> Preferences:
    given: dict[str, str] = {}
    for part in filter(None, fragment.split("&")):
        key, _, value = part.partition("=")
        if key not in _PARTS:
            # It is not repeated: a password with a # in it would be.
            raise InvalidRequest(
                f"after # may stand {', '.join(_PARTS)}; a # that belongs to a password is "
                "written %23"
            )
        if key in given:
            raise InvalidRequest(f"{key} stands there twice")
        given[key] = unquote(value).strip()
    if "zone" in given and "quiet" not in given:
        raise InvalidRequest("zone says whose clock quiet goes by; there is no quiet")
    return Preferences(
        events=_events(given["events"]) if "events" in given else None,
        severity=_word(Severity, given["severity"], "severity") if "severity" in given else None,
        quiet=_quiet(given),
        name=_name(given["name"]) if "name" in given else None,
    )


def _events(text: str) -> frozenset[Event]:
    names = [name for name in re.split(r"[+,\s]+", text) if name]
    if names == ["all"]:
        return frozenset(Event)
    if not names:
        raise InvalidRequest("events names none")
    return frozenset(_word(Event, name, "events") for name in names)


def _word(kind: type[_Word], text: str, part: str) -> _Word:
    try:
        return kind(text)
    except ValueError:
        shown = f" {text!r}" if _WORD.fullmatch(text) else ""
        raise InvalidRequest(f"{part} knows no{shown or 't this'}; {_choices(kind)}") from None


def _choices(kind: Iterable[StrEnum]) -> str:
    return f"there are {', '.join(member.value for member in kind)}"


def _quiet(given: dict[str, str]) -> QuietHours | None:
    if "quiet" not in given:
        return None
    return QuietHours.parse(given["quiet"], given.get("zone", "UTC"))


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise InvalidRequest("name is no name: up to 40 of a-z, 0-9, _ . - make one")
    return text
