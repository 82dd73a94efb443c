"""Sealed cookies: no script reads them, and no other site's request carries them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import Request

from core.settings import Settings
from core.web.headers import is_encrypted
from functions.dashboard.sealing import seal, unseal

_EXPIRES = "expires"


@dataclass(frozen=True, kw_only=True)
class SealedCookie:
    """One cookie of ours.

    Parameters
    ----------
    name : str
        On an encrypted connection ``__Host-`` stands before it: then no subdomain can plant it.
    purpose : str
        What its content is sealed for; another shape of content is another purpose.
    same_site : str
        ``Strict``; ``Lax`` where a link from another site must bring it.
    """

    name: str
    purpose: str
    same_site: str = "Strict"

    def name_for(self, request: Request) -> str:
        """What it is called on this connection."""
        return f"__Host-{self.name}" if is_encrypted(request) else self.name

    def read(self, request: Request, settings: Settings) -> dict[str, Any] | None:
        """What it holds; None where it is missing, tampered with, expired or another's."""
        sealed = request.cookies.get(self.name_for(request))
        if sealed is None or settings.session_secret is None:
            return None
        content = unseal(settings.require_session_secrets(), self.purpose, sealed)
        return content if content and content[_EXPIRES] > time.time() else None

    def seal(self, settings: Settings, content: Mapping[str, Any], *, expires: float) -> str:
        """Its value, for this content until a time (seconds since the epoch).

        Raises
        ------
        ConfigurationError
            When REFIT_SESSION_SECRET is not set.
        """
        secrets = settings.require_session_secrets()
        return seal(secrets, self.purpose, {**content, _EXPIRES: int(expires)})

    def arguments(self, request: Request, value: str, *, expires: float) -> dict[str, Any]:
        """The arguments of ``Response.set_cookie``."""
        return {
            "key": self.name_for(request),
            "value": value,
            "max_age": max(0, int(expires - time.time())),
            "path": "/",
            "secure": is_encrypted(request),
            "httponly": True,
            "samesite": self.same_site,
        }

    def removal(self, request: Request) -> dict[str, Any]:
        """The arguments of ``Response.set_cookie`` that take it away."""
        return self.arguments(request, "", expires=0)
