"""Where people come from and go to: links on other sites, and the page to come back to."""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

from flask import Request

from functions.dashboard.language import LOCALES
from functions.dashboard.sessions import COOKIE
from functions.dashboard.visit import ROOT

MARKER = "arriving"
_LONGEST = 2000
_PRINTABLE = re.compile(r"[!-\[\]-~]*")  # ASCII without space and backslash
# Where one signs in or out is nowhere to come back to: a link there could sign in as another.
_BELOW_ROOT = re.compile(rf"/({'|'.join(LOCALES)})/{ROOT}(/(?!sign-(in|out)\b).*)?")


def is_arriving(request: Request) -> bool:
    """Whether to answer with ``arriving.html``.

    A link in web mail or in Slack leads here from another site, and a browser then keeps a cookie
    with ``SameSite=Strict`` back. ``arriving.html`` has it ask again, this time from our own page;
    the marker in that address sees to it that this happens once.
    """
    return (
        request.method == "GET"
        and request.headers.get("Sec-Fetch-Site") == "cross-site"
        and request.headers.get("Sec-Fetch-Mode") == "navigate"
        and COOKIE.name_for(request) not in request.cookies
        and MARKER not in request.args
    )


def local_page(address: str | None) -> str | None:
    r"""The address when it is one of a page of ours, on this very host; else None.

    Browsers read ``//host``, ``/\host`` and ``/%5chost`` in ways that lead elsewhere, and take
    ``..`` away: such addresses are none of ours.

    >>> local_page("/en/ml-training/jobs?status=failed")
    '/en/ml-training/jobs?status=failed'
    >>> local_page("//evil.example/en/ml-training"), local_page("/en/ml-training/../../elsewhere")
    (None, None)
    """
    if not address or len(address) > _LONGEST or not _PRINTABLE.fullmatch(address):
        return None
    if not _BELOW_ROOT.fullmatch(address.partition("?")[0].partition("#")[0]):
        return None
    path = unquote(urlsplit(address).path)
    strange = "\\" in path or "//" in path or "%" in path or not path.isprintable()
    return None if strange or {".", ".."} & set(path.split("/")) else address
