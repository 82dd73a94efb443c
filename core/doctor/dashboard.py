"""Whether people can sign in to the dashboard."""

from __future__ import annotations

from collections.abc import Iterator

from core.cli.home_secrets import SESSION_FILE
from core.doctor.findings import Finding, ok, warn
from core.settings import Settings


def look_at_dashboard(settings: Settings) -> Iterator[Finding]:
    """There is a secret that seals the cookies."""
    if settings.session_secret is not None:
        yield ok("dashboard", "Sign-in cookies are sealed with REFIT_SESSION_SECRET.")
    elif (settings.home / SESSION_FILE).exists():
        yield ok("dashboard", "Sign-in cookies are sealed with the secret that `refit up` made.")
    else:
        yield warn(
            "dashboard",
            "REFIT_SESSION_SECRET is not set: nobody can sign in to the dashboard.",
            "`refit up` makes one. Elsewhere set the same for every process of the functions: "
            "openssl rand -hex 32",
        )
