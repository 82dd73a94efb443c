"""Who is signed in: one cookie that holds the credential, sealed; nothing is kept on the server.

Every request looks the credential up as the API does, so a session lasts no longer than the key or
the token in it: a revoked key ends it as soon as the functions know (within 30 seconds).
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog
from flask import Request, Response

from core.errors import SignInRefused, SignInUnavailable, TooManyRequests, Unauthenticated
from core.keys import hash_key
from core.settings import Settings
from core.supabase.sign_in import Tokens, may_sign_in
from core.web.authentication import Caller
from core.web.services import Services
from functions.dashboard.cookies import SealedCookie
from functions.dashboard.token_renewal import renew

COOKIE = SealedCookie(name="refit", purpose="session 1")
KEY_LASTS_S = 12 * 3600.0
USER_LASTS_S = 7 * 24 * 3600.0
# A token is exchanged this long before it expires: the request that carries it must still do.
_RENEW_BEFORE_S = 60.0
# Browsers drop a cookie of over 4,096 bytes without a word; its attributes take some.
_MOST_BYTES = 4000
_ATTRIBUTES_BYTES = 110
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Session:
    """Somebody who is signed in.

    ``key`` or ``tokens`` is what they are known by; ``sealed`` is the cookie's new value, where it
    must be written.
    """

    caller: Caller
    csrf: str = field(repr=False)
    key: str | None = field(default=None, repr=False)
    tokens: Tokens | None = field(default=None, repr=False)
    expires: float = 0.0  # seconds since the epoch
    sealed: str | None = field(default=None, repr=False)

    @property
    def renewed(self) -> bool:
        """Whether its cookie must be written: it was begun, or its tokens are new."""
        return self.sealed is not None


def read_session(request: Request, services: Services) -> Session | None:
    """Whose cookie a request carries; None when nobody is signed in, or no longer.

    Raises
    ------
    SignInUnavailable, TooManyRequests, SigningKeysUnavailable, DatabaseUnavailable
        Whether they are signed in cannot be told now; the cookie stays.
    """
    held = COOKIE.read(request, services.settings)
    if held is None:
        return None
    if held["kind"] == "user":
        return _read_user(held, services) if may_sign_in(services.settings) else None
    actor = services.keys.find(hash_key(held["key"]))
    if actor is None:
        return None
    return Session(caller=actor, csrf=held["csrf"], key=held["key"], expires=float(held["expires"]))


def begin_key_session(services: Services, key: str, caller: Caller) -> Session:
    """Sign in whoever holds a machine key, for twelve hours."""
    csrf, expires = secrets.token_urlsafe(24), time.time() + KEY_LASTS_S
    sealed = _seal(services.settings, {"kind": "key", "key": key, "csrf": csrf}, expires)
    return Session(caller=caller, csrf=csrf, key=key, expires=expires, sealed=sealed)


def begin_user_session(services: Services, tokens: Tokens) -> Session:
    """Sign in a Supabase user, for as long as the project renews the tokens, a week at most.

    Raises
    ------
    Unauthenticated
        The access token is not one that is accepted here.
    SignInRefused
        The tokens do not fit into a cookie.
    """
    return _user_session(
        services, tokens, csrf=secrets.token_urlsafe(24), expires=time.time() + USER_LASTS_S
    )


def write_session(response: Response, request: Request, session: Session) -> None:
    """Set the cookie of a session that was begun or renewed."""
    if session.sealed is not None:
        response.set_cookie(**COOKIE.arguments(request, session.sealed, expires=session.expires))


def clear_session(response: Response, request: Request) -> None:
    """Take the cookie away from a browser that sent it.

    One that did not send it may have it all the same: another site's link does not bring it.
    """
    if COOKIE.name_for(request) in request.cookies:
        response.set_cookie(**COOKIE.removal(request))


def _read_user(held: Mapping[str, Any], services: Services) -> Session | None:
    tokens = Tokens(access_token=held["access_token"], refresh_token=held["refresh_token"])
    csrf, expires = held["csrf"], float(held["expires"])
    left = held["token_expires"] - time.time()
    try:
        if left < _RENEW_BEFORE_S:
            try:
                renewed = renew(services.settings, tokens)
                return _user_session(services, renewed, csrf=csrf, expires=expires)
            except (SignInUnavailable, TooManyRequests):
                if left <= 0:
                    raise
        user = services.tokens.verify(tokens.access_token)
    except Unauthenticated as exc:
        _log.info("session_ended", problem=exc.problem, detail=exc.message)
        return None
    return Session(caller=user, csrf=csrf, tokens=tokens, expires=expires)


def _user_session(services: Services, tokens: Tokens, *, csrf: str, expires: float) -> Session:
    user = services.tokens.verify(tokens.access_token)
    content = {
        "kind": "user",
        "access_token": tokens.access_token,
        "refresh_token": tokens.refresh_token,
        "token_expires": int(user.claims["exp"]),
        "csrf": csrf,
    }
    sealed = _seal(services.settings, content, expires)
    return Session(caller=user, csrf=csrf, tokens=tokens, expires=expires, sealed=sealed)


def _seal(settings: Settings, content: Mapping[str, Any], expires: float) -> str:
    sealed = COOKIE.seal(settings, content, expires=expires)
    size = len(sealed) + _ATTRIBUTES_BYTES
    if size > _MOST_BYTES:
        raise SignInRefused(
            f"The token makes a cookie of {size} bytes; browsers keep {_MOST_BYTES} at most.",
            reason="too_large",
            hint="Take what is large out of the user's app_metadata and user_metadata, or out of "
            "the project's access token hook.",
        )
    return sealed
