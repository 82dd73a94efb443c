"""What callbacks need on this machine: a secret of this home's, and receivers that run here."""

from __future__ import annotations

from pathlib import Path

from core.cli.home_secrets import kept_secret
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
    """The signing secret in ``home``, made once."""
    from core.webhooks.signing import FILE_NAME, make_secret

    return kept_secret(home, FILE_NAME, make_secret)
