"""The Supabase project's keys: whether they are there, and each where it belongs."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator

import httpx

from core.doctor.findings import Finding, ok, warn
from core.errors import ConfigurationError, RefitError
from core.settings import Settings

_AREA = "supabase"
_TIMEOUT_S = 5.0
_WHERE = "They stand under Project Settings, API Keys."


def look_at_supabase(settings: Settings) -> Iterator[Finding]:
    """Keys that are missing or mixed up, and whether user tokens can be verified."""
    if settings.supabase_url is None:
        return
    secret, publishable = settings.supabase_secret_key, settings.supabase_publishable_key
    # First, as it may be on its way to a browser.
    if publishable is not None and _is_secret(publishable.get_secret_value()):
        raise ConfigurationError(
            "SUPABASE_PUBLISHABLE_KEY holds a secret key, which passes all row level security.",
            hint="Put the publishable key there. If the other was shown to anybody: replace it.",
        )
    if secret is not None and not _is_secret(secret.get_secret_value()):
        raise ConfigurationError(
            "SUPABASE_SECRET_KEY holds no secret key.",
            hint="It begins with sb_secret_, or is the legacy service_role key.",
        )
    if secret is None:
        yield warn(
            _AREA,
            "SUPABASE_URL is set without SUPABASE_SECRET_KEY.",
            f"Set it for functions without DATABASE_URL and for refit users. {_WHERE}",
        )
    if publishable is None and settings.database_url is None:
        yield warn(
            _AREA,
            "SUPABASE_URL is set without SUPABASE_PUBLISHABLE_KEY.",
            f"Set it: without DATABASE_URL no signed-in user is served. {_WHERE}",
        )
    if secret is not None:
        yield ok(_AREA, "The project's keys stand where they belong.")
    yield from _look_at_signing_keys(settings.supabase_url, settings)


def _look_at_signing_keys(url: str, settings: Settings) -> Iterator[Finding]:
    try:
        answer = httpx.get(
            f"{url.rstrip('/')}/auth/v1/.well-known/jwks.json", timeout=_TIMEOUT_S
        ).raise_for_status()
        keys = answer.json()["keys"]
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, KeyError, TypeError) as exc:
        raise RefitError(
            "The Supabase project does not show the keys that its users' tokens are signed with.",
            hint="Check SUPABASE_URL; until then user tokens are refused.",
        ) from exc
    if keys:
        yield ok(_AREA, "User tokens can be verified by the project's public keys.")
    elif settings.supabase_jwt_secret is None:
        yield warn(
            _AREA,
            "The project signs user tokens with its legacy secret, and shows no public keys.",
            "Better move the project to signing keys; or set SUPABASE_JWT_SECRET.",
        )
    else:
        yield ok(_AREA, "User tokens are verified by SUPABASE_JWT_SECRET.")


def _is_secret(key: str) -> bool:
    """Whether this key passes row level security.

    >>> _is_secret("sb_secret_x"), _is_secret("sb_publishable_x"), _is_secret("nonsense")
    (True, False, False)
    """
    if key.startswith("sb_"):
        return key.startswith("sb_secret_")
    # A legacy key is a token that says whose it is.
    _, _, rest = key.partition(".")
    body = rest.partition(".")[0]
    try:
        claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    except ValueError:
        return False
    return isinstance(claims, dict) and claims.get("role") == "service_role"
