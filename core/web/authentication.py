"""Who calls, and whether they may."""

from __future__ import annotations

from flask import Request

from core.domain import Actor, Role, User
from core.errors import Forbidden, Unauthenticated
from core.keys import hash_key, is_key
from core.store import Store
from core.web.services import Services

Caller = Actor | User

_HINT = "Send a machine key in the header X-API-Key; refit keys create makes one."


def authenticate(request: Request, services: Services) -> Caller:
    """The caller, by their machine key.

    Raises
    ------
    Unauthenticated
        Without a key, or with one that is unknown, expired or revoked.
    """
    key = request.headers.get("X-API-Key")
    if key is None:
        if "Authorization" in request.headers:
            raise Unauthenticated("User tokens are not accepted here.", hint=_HINT)
        raise Unauthenticated("There are no credentials.", hint=_HINT)
    actor = Store(services.database).find_api_key(hash_key(key)) if is_key(key) else None
    if actor is None:
        raise Unauthenticated("The key is unknown, expired or revoked.", hint=_HINT)
    return actor


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
