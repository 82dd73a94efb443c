"""What a person is told on the page that follows an action: once, by a cookie that ends with it."""

from __future__ import annotations

import base64
from dataclasses import dataclass

from flask import Request, Response

_COOKIE = "refit-notice"
# A cookie has 4,096 bytes, its name and attributes included, and base64 makes four of three.
_MOST_BYTES = 2900
_MAX_AGE_S = 60


@dataclass(frozen=True, kw_only=True)
class Notice:
    """One sentence, and whether it tells of a failure."""

    text: str
    failed: bool


def leave_notice(response: Response, notice: Notice, *, secure: bool) -> None:
    """Have the next page say it, as much of it as fits."""
    said = f"{int(notice.failed)}{notice.text}".encode()[:_MOST_BYTES]
    response.set_cookie(
        _COOKIE,
        base64.urlsafe_b64encode(said).decode(),
        max_age=_MAX_AGE_S,
        httponly=True,
        samesite="Strict",
        secure=secure,
    )


def take_notice(request: Request) -> Notice | None:
    """What the page before left; nothing where the cookie makes no sense.

    Nor for what a script asks for: a page that stays up to date in another tab shows no notice.
    """
    if request.headers.get("Sec-Fetch-Mode", "navigate") != "navigate":
        return None
    given = request.cookies.get(_COOKIE)
    if given is None:
        return None
    try:
        # The last letter may have been cut through.
        said = base64.urlsafe_b64decode(given).decode(errors="ignore")
    except ValueError:
        return None
    return Notice(text=said[1:], failed=said[0] == "1") if said[1:] else None


def drop_notice(response: Response) -> None:
    """It was said."""
    response.delete_cookie(_COOKIE, samesite="Strict", httponly=True)
