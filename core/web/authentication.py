"""Who calls, and whether they may."""

from __future__ import annotations

from flask import Request

from core.database import Database
from core.domain import Actor, Role
from core.errors import Forbidden, Unauthenticated
from core.keys import hash_key, is_key
from core.store import Store

_HINT = "Send a machine key in the header X-API-Key; refit keys create makes one."


def authenticate(request: Request, database: Database) -> Actor:
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
    actor = Store(database).find_api_key(hash_key(key)) if is_key(key) else None
    if actor is None:
        raise Unauthenticated("The key is unknown, expired or revoked.", hint=_HINT)
    return actor


def require_role(actor: Actor, needed: Role) -> None:
    """Refuse early what SQL would refuse too, so that it costs nothing.

    Raises
    ------
    Forbidden
        When the caller's role does not allow it.
    """
    if not actor.role.allows(needed):
        raise Forbidden(
            f"This needs the role {needed}; {actor.name} has the role {actor.role}.",
            hint="An admin can make a key that has it: refit keys create.",
        )
