"""Secrets of one home: each is made once, in a file that its owner alone can read."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from pathlib import Path

from core.settings import Settings

SESSION_FILE = "session-secret"
_RANDOM_BYTES = 32


def kept_secret(home: Path, name: str, make: Callable[[], str]) -> str:
    """The secret in this file of ``home``; made where there is none yet."""
    path = home / name
    if not path.exists():
        unfinished = path.with_name(f".{name}.{secrets.token_hex(3)}")
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(f"{make()}\n")
        try:
            path.hardlink_to(unfinished)
        except FileExistsError:
            pass  # another command was faster: there is one secret
        finally:
            unfinished.unlink()
    return path.read_text(encoding="utf-8").strip()


def session_environ(settings: Settings, home: Path) -> dict[str, str]:
    """What the dashboard seals its cookies with, where the operator has not set it."""
    if settings.session_secret is not None:
        return {}
    secret = kept_secret(home, SESSION_FILE, lambda: secrets.token_hex(_RANDOM_BYTES))
    return {"REFIT_SESSION_SECRET": secret}
