"""The servers that local commands need: what is configured, else what we start ourselves."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from core.embedded.account import make_folder
from core.embedded.postgres import EmbeddedPostgres
from core.embedded.valkey import EmbeddedValkey
from core.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Stack:
    """The addresses that everything else is started with.

    ``database_url`` is None only where SUPABASE_URL is configured without DATABASE_URL.
    """

    home: Path
    database_url: str | None
    redis_url: str
    artifacts_url: str

    def environ(self) -> dict[str, str]:
        """The variables for child processes."""
        variables = {
            "REFIT_HOME": str(self.home),
            "REDIS_URL": self.redis_url,
            "REFIT_ARTIFACTS_URL": self.artifacts_url,
        }
        if self.database_url is not None:
            variables["DATABASE_URL"] = self.database_url
        return variables


def start_stack(settings: Settings) -> Stack:
    """Start the servers whose addresses are not configured, below ``settings.home``.

    PostgreSQL is started when neither DATABASE_URL nor SUPABASE_URL is set, Valkey when REDIS_URL
    is not; without REFIT_ARTIFACTS_URL models are stored in a folder of the home.

    Raises
    ------
    EmbeddedServerError
        When a server does not come up.
    """
    home = absolute(settings.home)
    # PostgreSQL's account must get through it when we are root; what lies in it is closed.
    make_folder(home, mode=0o711 if os.geteuid() == 0 else 0o700)
    if settings.database_url is not None:
        database_url: str | None = settings.database_url.get_secret_value()
    elif settings.supabase_url is not None:
        database_url = None
    else:
        database_url = postgres_of(home).start()
    if settings.redis_url is not None:
        redis_url = settings.redis_url.get_secret_value()
    else:
        redis_url = valkey_of(home).start()
    artifacts_url = settings.artifacts_url
    if artifacts_url is None:
        artifacts_url = make_folder(home / "artifacts", mode=0o700).as_uri()
    return Stack(
        home=home, database_url=database_url, redis_url=redis_url, artifacts_url=artifacts_url
    )


def stack_is_running(home: Path) -> bool:
    """Whether this home's database runs."""
    return postgres_of(absolute(home)).is_running


def stop_stack(home: Path) -> None:
    """Stop the servers of this home; servers that were configured are not touched.

    Raises
    ------
    EmbeddedServerError
        When one does not stop.
    """
    valkey_of(absolute(home)).stop()
    postgres_of(absolute(home)).stop()


def postgres_of(home: Path) -> EmbeddedPostgres:
    """The PostgreSQL of a home."""
    return EmbeddedPostgres(home / "postgres")


def valkey_of(home: Path) -> EmbeddedValkey:
    """The Valkey of a home."""
    return EmbeddedValkey(home / "valkey")


def absolute(home: Path) -> Path:
    """The home as an absolute path, with ``~`` replaced; ``.env`` files are not a shell."""
    return Path(os.path.abspath(home.expanduser()))  # noqa: PTH100 — links stay as given
