"""What a visit gives back, as it travels: body, headers, cookies."""

from __future__ import annotations

import gzip
import hashlib

from flask import Response

from core.web.answer import Answer
from core.web.headers import is_encrypted
from functions.dashboard.notices import Notice, drop_notice, leave_notice
from functions.dashboard.rendering import SECURITY_POLICY, render
from functions.dashboard.sessions import clear_session, write_session
from functions.dashboard.visit import Download, Page, Redirect, Result, Visit

_HTML = "text/html; charset=utf-8"
_LEVEL = 5  # a tenth of the size within a millisecond; more gains little


def make_answer(visit: Visit, result: Result, notice: Notice | None) -> Answer:
    """The answer but for its cookies; only a page says a notice."""
    if isinstance(result, Redirect):
        return Answer(
            body=b"", status=303, headers={"Location": result.location}, content_type=_HTML
        )
    if isinstance(result, Download):
        disposition = f'attachment; filename="{result.name}"'
        return Answer(
            body=result.body,
            headers={"Content-Disposition": disposition},
            content_type=result.content_type,
        )
    body = render(visit, result, notice=notice).encode()
    headers = {
        "Content-Security-Policy": SECURITY_POLICY,
        "Vary": "Cookie, Accept-Encoding",
        "Content-Language": visit.locale,
    }
    if result.status == 200 and visit.session is not None:
        headers["Cache-Control"] = "private, no-cache"
        # A weak one: it is the same page, compressed or not.
        headers["ETag"] = f'W/"{hashlib.sha256(body).hexdigest()[:24]}"'
    # That a page's length tells of what it holds (BREACH) is of no use to another site: its
    # requests do not carry our cookie.
    if visit.request.accept_encodings.quality("gzip") > 0:
        headers["Content-Encoding"] = "gzip"
        body = gzip.compress(body, _LEVEL, mtime=0)
    return Answer(body=body, status=result.status, headers=headers, content_type=_HTML)


def finish(visit: Visit, result: Result, notice: Notice | None, response: Response) -> None:
    """Add cookies, and leave out what the browser has already."""
    request = visit.request
    for cookie in visit.cookies:
        response.set_cookie(**cookie)
    if visit.session is not None:
        if visit.session.renewed:
            write_session(response, request, visit.session)
    elif visit.looked:
        clear_session(response, request)
    if isinstance(result, Redirect) and result.notice:
        said = Notice(text=result.notice, failed=result.failed)
        leave_notice(response, said, secure=is_encrypted(request))
    elif notice is not None and isinstance(result, Page):
        drop_notice(response)
    if response.status_code == 200:
        response.make_conditional(request)
