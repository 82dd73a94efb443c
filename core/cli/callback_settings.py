"""What callbacks need on this machine: a secret of this home's, and receivers that run here."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from core.cli.session import Session

_LOOPBACK = "localhost,127.0.0.1,::1"


def callback_environ(session: Session) -> dict[str, str]:
    """Variables for child processes, where the operator has not set them."""
    variables: dict[str, str] = {}
    if not session.settings.webhook_secret:
        variables["REFIT_WEBHOOK_SECRET"] = webhook_secret(session.home)
    # Set to nothing, it means nobody.
    if "webhook_allowed_hosts" not in session.settings.model_fields_set:
        variables["REFIT_WEBHOOK_ALLOWED_HOSTS"] = _LOOPBACK
    return variables


def webhook_secret(home: Path) -> str:
    """The signing secret in ``home``, made once; the file is readable by its owner alone."""
    from core.webhooks.signing import FILE_NAME, make_secret

    path = home / FILE_NAME
    if not path.exists():
        unfinished = path.with_name(f".{FILE_NAME}.{secrets.token_hex(3)}")
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(f"{make_secret()}\n")
        try:
            path.hardlink_to(unfinished)
        except FileExistsError:
            pass  # another command was faster: there is one secret
        finally:
            unfinished.unlink()
    return path.read_text(encoding="utf-8").strip()
