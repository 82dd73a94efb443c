"""A link that signs a browser in to the dashboard, once."""

from __future__ import annotations

import getpass
import secrets
import socket
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from core.domain import Role
from core.keys import hash_key

if TYPE_CHECKING:
    from core.store import Store

_RANDOM_BYTES = 32
_LONGEST_NAME = 80
_PATH = "/ml-training/sign-in/link"
_LASTS = timedelta(hours=24) - timedelta(minutes=1)  # clocks differ, and a day is the most


def make_link(store: Store, address: str, *, lasts: timedelta) -> str:
    """Register a new link of an admin's, and give its address.

    Parameters
    ----------
    store : Store
        Of whoever holds the database's address, who may do everything.
    address : str
        Where the browser reaches the dashboard, such as ``http://localhost:3000``.
    lasts : timedelta
        Until it can no longer be opened; a day at most.
    """
    token = secrets.token_urlsafe(_RANDOM_BYTES)
    store.create_sign_in_link(
        token_hash=hash_key(token),
        name=f"{_user()} on {socket.gethostname()}"[:_LONGEST_NAME],
        role=Role.ADMIN,
        expires_at=datetime.now(UTC) + lasts,
    )
    return f"{address.rstrip('/')}{_PATH}?token={token}"


def first_link(store: Store, address: str) -> str:
    """What a system that comes up says of its dashboard, the link included."""
    link = make_link(store, address, lasts=_LASTS)
    return (
        "The dashboard, signed in (this link serves once; `refit dashboard` makes another):\n\n"
        f"{link}"
    )


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # an account without a name, as in containers
        return "somebody"
