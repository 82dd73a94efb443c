"""Who asks: a machine key, a part of Refit, or a person who is signed in with Supabase."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from core.domain.words import Role


@dataclass(frozen=True, kw_only=True)
class Actor:
    """A machine key or a part of Refit, for whom the service role acts."""

    kind: str  # user, key, system
    id: str
    name: str
    role: Role

    def as_json(self) -> dict[str, str]:
        """The ``p_actor`` argument of the SQL functions."""
        return {"kind": self.kind, "id": self.id, "name": self.name, "role": str(self.role)}


@dataclass(frozen=True, kw_only=True)
class StandingKey:
    """A machine key that is neither revoked nor expired."""

    actor: Actor
    expires_in_s: float | None  # None: it does not expire


@dataclass(frozen=True, kw_only=True)
class User:
    """A signed-in user, by a token that was verified; row level security decides for them."""

    claims: Mapping[str, Any]
    token: str = field(repr=False)
    kind: str = field(default="user", init=False)

    @property
    def id(self) -> str:
        """The user's id in Supabase."""
        return str(self.claims["sub"])

    @property
    def name(self) -> str:
        """The user's address, where the token has it."""
        return str(self.claims.get("email") or self.id)

    @property
    def role(self) -> Role | None:
        """The ML role, from what only Supabase's admins can write; None where there is none."""
        given = (self.claims.get("app_metadata") or {}).get("ml_role")
        return Role(given) if given in {Role.VIEWER, Role.OPERATOR, Role.ADMIN} else None
