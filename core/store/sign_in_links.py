"""Links that sign a browser in once. Machinery of the service role."""

from __future__ import annotations

from datetime import datetime

from core.domain import Actor, Role
from core.store.caller import Caller, Json


class SignInLinks(Caller):
    """How a link is made and opened, and how its browser signs out."""

    def create_sign_in_link(
        self, *, token_hash: str, name: str, role: Role, expires_at: datetime
    ) -> Json:
        """Register a link by the SHA-256 of its token.

        Parameters
        ----------
        token_hash : str
            In hex; the token itself is in the link alone.
        name : str
            Who made it, 1 to 80 characters: for the audit log.
        role : Role
            What the browser that opens it may do; not a scheduler.
        expires_at : datetime
            Within a day.
        """
        link: Json = self._work(
            "create_sign_in_link",
            p_token_hash=token_hash,
            p_name=name,
            p_role=str(role),
            p_expires_at=expires_at,
        )
        return link

    def redeem_sign_in_link(
        self, token_hash: str, *, key_name: str, key_hash: str, key_expires_at: datetime
    ) -> Actor:
        """Open a link, once, and register the key of the browser that did.

        Raises
        ------
        SignInLinkNotValid
            It was opened before, has expired, or was never made.
        """
        key = self._work(
            "redeem_sign_in_link",
            p_token_hash=token_hash,
            p_key_name=key_name,
            p_key_hash=key_hash,
            p_key_expires_at=key_expires_at,
        )
        return Actor(kind="key", id=key["id"], name=key["name"], role=Role(key["role"]))

    def revoke_session_key(self, key_hash: str) -> bool:
        """Revoke a key that a link gave; False for any other, which stands."""
        return bool(self._work("revoke_session_key", p_key_hash=key_hash))
