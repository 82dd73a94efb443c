"""Whether callbacks can be sent."""

from __future__ import annotations

from collections.abc import Iterator

from core.doctor.findings import Finding, ok, warn
from core.settings import Settings
from core.webhooks.addresses import AddressPolicy
from core.webhooks.signing import FILE_NAME, VARIABLE, Signer


def look_at_callbacks(settings: Settings) -> Iterator[Finding]:
    """There is a secret to sign with, and the allowed hosts are hosts."""
    AddressPolicy.from_settings(settings)
    if settings.webhook_secret is not None:
        Signer.from_secret(settings.webhook_secret.get_secret_value())
        yield ok("callbacks", f"Callbacks are signed with {VARIABLE}.")
    elif (settings.home / FILE_NAME).exists():
        yield ok("callbacks", "Callbacks are signed with the secret that `refit up` has made.")
    else:
        yield warn(
            "callbacks",
            f"{VARIABLE} is not set: callbacks wait for a day, then they have failed.",
            "`refit up` makes one. Elsewhere set the same for every worker: "
            'echo "whsec_$(openssl rand -base64 32)"',
        )
