"""Forms are taken from our own pages alone: a token in each, and what the browser says of them."""

from __future__ import annotations

import hmac
import secrets
import time
from typing import Any
from urllib.parse import urlsplit

from flask import Request

from core.errors import Forbidden
from core.settings import Settings, get_settings
from core.web.headers import is_encrypted
from functions.dashboard.cookies import SealedCookie
from functions.dashboard.sessions import Session

FIELD = "csrf"
_HEADER = "X-CSRF-Token"
# Before anybody is signed in: else another site could sign a visitor in as somebody else.
_FORM_COOKIE = SealedCookie(name="refit-form", purpose="form 1")
_FORM_LASTS_S = 12 * 3600.0
_BY_BROWSERS = ("Origin", "Sec-Fetch-Site")
_OLD_PAGE = "The page was open for too long, or cookies are switched off."
_AGAIN = "Load the page again, and try once more."


def require_csrf(request: Request, session: Session) -> None:
    """Refuse a form that no page of this session sent.

    Raises
    ------
    Forbidden
        Another site sent it, or its token (the field ``csrf`` or the header ``X-CSRF-Token``) is
        missing or not this session's.
    """
    require_own_page(request)
    _compare(request, session.csrf)


def require_form_token(request: Request, settings: Settings) -> None:
    """Refuse a form that no page sent which this browser was shown before it signed in.

    A program needs no page to sign in: no browser posts without ``Origin``, so what has neither
    that nor ``Sec-Fetch-Site`` was sent by nobody who can be led astray.

    Raises
    ------
    Forbidden
        As :func:`require_csrf`.
    """
    if not any(name in request.headers for name in _BY_BROWSERS):
        return
    require_own_page(request)
    held = _FORM_COOKIE.read(request, settings)
    if held is None:
        raise Forbidden(_OLD_PAGE, hint=_AGAIN)
    _compare(request, held[FIELD])


def form_token(request: Request, settings: Settings) -> tuple[str, dict[str, Any] | None]:
    """The token for a form before anybody is signed in, and the cookie to set for it, if any.

    Raises
    ------
    ConfigurationError
        When REFIT_SESSION_SECRET is not set.
    """
    settings.require_session_secrets()
    held = _FORM_COOKIE.read(request, settings)
    # Another open page holds the same token: it is kept while it serves for a while yet.
    if held is not None and held["expires"] - time.time() > _FORM_LASTS_S / 2:
        return str(held[FIELD]), None
    token, expires = secrets.token_urlsafe(24), time.time() + _FORM_LASTS_S
    sealed = _FORM_COOKIE.seal(settings, {FIELD: token}, expires=expires)
    return token, _FORM_COOKIE.arguments(request, sealed, expires=expires)


def require_own_page(request: Request) -> None:
    """Refuse what another site's page sent, where the browser tells.

    ``Origin: null`` tells nothing: our own pages send it, for they ask for no referrer. Then the
    token decides alone.

    Raises
    ------
    Forbidden
    """
    site = request.headers.get("Sec-Fetch-Site", "same-origin")
    origin = request.headers.get("Origin", "null")
    if site not in {"same-origin", "none"} or origin not in {"null", *_own_origins(request)}:
        raise Forbidden("This form was sent by another site's page.", hint="Use the page here.")


def _own_origins(request: Request) -> set[str]:
    origins = {own_origin(request)}
    public = get_settings().dashboard_url
    if public:  # a proxy may ask under another name than browsers do
        parts = urlsplit(public)
        origins.add(f"{parts.scheme}://{parts.netloc}")
    return origins


def own_origin(request: Request) -> str:
    """Scheme, host and port as the browser sees them."""
    return f"{'https' if is_encrypted(request) else 'http'}://{request.host}"


def _compare(request: Request, token: str) -> None:
    given = request.form.get(FIELD) or request.headers.get(_HEADER, "")
    # Bytes: text is compared in constant time only where it is ASCII.
    if not hmac.compare_digest(given.encode(), token.encode()):
        raise Forbidden("The form's token is missing or not that of this session.", hint=_AGAIN)
