"""Who calls, and whether they may."""

from __future__ import annotations

from flask import Request

from core.domain import Actor, Role, User
from core.errors import Forbidden, Unauthenticated
from core.keys import hash_key, is_key
from core.web.services import Services

Caller = Actor | User

CREDENTIALS = ("X-API-Key", "Authorization")
_HINT = "Send a machine key in the header X-API-Key; refit keys create makes one."


def authenticate(request: Request, services: Services) -> Caller:
    """The caller, by their machine key, or by their user token.

    A key wins over an ``Authorization`` header, which may be meant for what stands in front of us.

    Raises
    ------
    Unauthenticated
        Without credentials, or with a key or token that is unknown, expired or revoked.
    SigningKeysUnavailable
        When a token cannot be verified now.
    TooManyRequests
        From an address that sent wrong credentials too often, for a key that must be looked up.
    """
    key = request.headers.get("X-API-Key")
    if key is None:
        return _signed_in_user(request, services)
    actor = _find_key(request, services, key) if is_key(key) else None
    if actor is None:
        raise Unauthenticated("The key is unknown, expired or revoked.", hint=_HINT)
    return actor


def has_credentials(request: Request) -> bool:
    """Whether a request says who sends it at all."""
    return any(name in request.headers for name in CREDENTIALS)


def _find_key(request: Request, services: Services, key: str) -> Actor | None:
    key_hash = hash_key(key)
    if not services.keys.has_met(key_hash):
        services.failures.require_patience(request.remote_addr or "")
    return services.keys.find(key_hash)


def _signed_in_user(request: Request, services: Services) -> User:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if not scheme:
        raise Unauthenticated("There are no credentials.", hint=_HINT)
    if scheme.lower() != "bearer":
        raise Unauthenticated("The Authorization header has no Bearer token.", hint=_HINT)
    return services.tokens.verify(token.strip())


def require_role(caller: Caller, needed: Role) -> None:
    """Refuse early what SQL would refuse too, so that it costs nothing.

    Raises
    ------
    Forbidden
        When the caller's role does not allow it.
    """
    if caller.role is None or not caller.role.allows(needed):
        has = f"the role {caller.role}" if caller.role else "no role"
        raise Forbidden(
            f"This needs the role {needed}; {caller.name} has {has}.",
            hint="An admin can grant it: refit users grant EMAIL ROLE, or refit keys create.",
        )
