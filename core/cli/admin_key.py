"""The machine key of one home: made once, kept beside the data, shown in the commands to paste."""

from __future__ import annotations

import os
import secrets
import socket
from pathlib import Path

from core.domain import Role
from core.keys import hash_key, make_key
from core.store import Store

FILE_NAME = "admin-key"


def admin_key(store: Store, home: Path) -> str:
    """The key in ``home``; a new one when there is none, or it no longer works.

    The file is readable by its owner alone.
    """
    path = home / FILE_NAME
    if path.exists():
        kept = path.read_text(encoding="utf-8").strip()
        actor = store.find_api_key(hash_key(kept))
        if actor is not None and actor.role is Role.ADMIN:
            return kept
    key = make_key()
    # Another home may use the same database: each has a name of its own.
    name = f"refit up on {socket.gethostname()} {secrets.token_hex(3)}"
    store.create_api_key(name=name, role=Role.ADMIN, key_hash=hash_key(key))
    unfinished = path.with_name(f".{FILE_NAME}.{secrets.token_hex(3)}")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(f"{key}\n")
    unfinished.replace(path)
    return key
