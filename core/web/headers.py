"""Headers of every answer: what a browser may do with it, and whose pages may read it."""

from __future__ import annotations

from functools import cache

from flask import Request, Response

from core.errors import ConfigurationError
from core.settings import get_settings

_SECURITY = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}
# An answer that has it has them all.
_MARK = "Cross-Origin-Resource-Policy"
_HSTS = "max-age=31536000; includeSubDomains"
_METHODS = "GET, HEAD, POST"
_ASKED = "Authorization, Content-Type, Idempotency-Key, If-None-Match, X-API-Key, X-Request-Id"
_SHOWN = (
    "ETag, Idempotency-Replayed, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, "
    "Retry-After, X-Request-Id"
)
_PREFLIGHT_S = "600"


def headers_for(request: Request) -> dict[str, str]:
    """What every answer to this request carries."""
    headers = dict(_SECURITY)
    if is_encrypted(request):
        headers["Strict-Transport-Security"] = _HSTS
    origins = _allowed_origins()
    if origins:
        headers["Vary"] = "Origin"
        origin = request.headers.get("Origin")
        if origin in origins:
            headers["Access-Control-Allow-Origin"] = origin
            headers["Access-Control-Expose-Headers"] = _SHOWN
    return headers


def complete(request: Request, response: Response) -> Response:
    """Add what an answer lacks that we did not make; a page may have set its own."""
    if _MARK not in response.headers:
        for name, value in headers_for(request).items():
            response.headers.setdefault(name, value)
    return response


def preflight(request: Request) -> Response | None:
    """The answer to a browser that asks whether a page may ask; None when this is no such request.

    Credentials travel in headers of their own, never in cookies, so none are allowed here.
    """
    if request.method != "OPTIONS" or "Access-Control-Request-Method" not in request.headers:
        return None
    if request.headers.get("Origin") not in _allowed_origins():
        return None
    return Response(
        status=204,
        headers={
            **headers_for(request),
            "Access-Control-Allow-Methods": _METHODS,
            "Access-Control-Allow-Headers": _ASKED,
            "Access-Control-Max-Age": _PREFLIGHT_S,
            "Cache-Control": "no-store",
        },
    )


def is_encrypted(request: Request) -> bool:
    """Whether the caller's connection is, to us or to the proxy in front of us."""
    # Whoever claims it falsely gets a header that says something about their own connection.
    return request.is_secure or request.headers.get("X-Forwarded-Proto") == "https"


def _allowed_origins() -> frozenset[str]:
    try:
        return _configured_origins()
    except ConfigurationError:
        # What is wrong is said in the body; it must not keep the headers off.
        return frozenset()


@cache
def _configured_origins() -> frozenset[str]:
    return frozenset(filter(None, get_settings().cors_origins.split(",")))
