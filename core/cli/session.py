"""What a command works with: the settings, the servers, and the store in the admin's name."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

from pydantic import SecretStr

import core
from core.cli.output import note
from core.domain import Environment
from core.settings import Settings, get_settings

if TYPE_CHECKING:
    from core.queue import Doorbell
    from core.store import Store

# The folder that holds core and functions, wherever the project is installed.
ROOT = Path(core.__file__).resolve().parents[1]


@dataclass(frozen=True, kw_only=True)
class Session:
    """One command's view of Refit.

    ``settings`` have every address filled in; ``environ`` carries them to child processes.
    """

    settings: Settings
    store: Store
    doorbell: Doorbell
    is_embedded: bool  # whether the database is our own, below REFIT_HOME
    home: Path
    environ: Mapping[str, str]

    def environment(self, asked: Environment | None) -> Environment:
        """The environment that a command means."""
        return asked or Environment(self.settings.environment)

    def ring(self, actor: str, work_id: UUID | str) -> None:
        """Ring for work that the database holds."""
        if not self.doorbell.ring(actor, work_id):
            note("The queue is away (REDIS_URL); the work waits in the database until it is back.")


@dataclass(frozen=True, kw_only=True)
class Servers:
    """The servers that are configured or that run here; ``settings`` have every address."""

    settings: Settings
    is_embedded: bool
    home: Path
    environ: Mapping[str, str]


@contextmanager
def open_session() -> Iterator[Session]:
    """Start or find the servers, and bring our own database up to date.

    Raises
    ------
    ConfigurationError
        An address is missing or wrong; it is named.
    EmbeddedServerError
        A local server does not come up.
    """
    from core.database import PostgresDatabase
    from core.queue import Doorbell
    from core.store import LOCAL_ADMIN, Store

    servers = start_servers()
    migrate_own(servers)
    database = PostgresDatabase(servers.settings.require_database_url())
    doorbell = Doorbell(servers.settings.require_redis_url())
    try:
        yield Session(
            settings=servers.settings,
            store=Store(database, actor=LOCAL_ADMIN),
            doorbell=doorbell,
            is_embedded=servers.is_embedded,
            home=servers.home,
            environ=servers.environ,
        )
    finally:
        database.close()
        doorbell.close()


def start_servers() -> Servers:
    """Start what is not configured."""
    from core.embedded.stack import start_stack
    from core.log import configure_logging

    # An error is told once, in one line, by the command itself.
    configure_logging("CRITICAL")
    configured = get_settings()
    stack = start_stack(configured)
    settings = configured.model_copy(
        update={
            "home": stack.home,
            "database_url": stack.database_url and SecretStr(stack.database_url),
            "redis_url": SecretStr(stack.redis_url),
            "artifacts_url": stack.artifacts_url,
        }
    )
    return Servers(
        settings=settings,
        is_embedded=configured.database_url is None and configured.supabase_url is None,
        home=stack.home,
        environ=stack.environ() | project_environ(),
    )


def migrate_own(servers: Servers) -> None:
    """Bring our own database up to date; a configured one changes by `refit migrate` alone."""
    if servers.is_embedded:
        from core.database.migrations import migrate

        migrate(servers.settings.require_database_url())


def project_environ() -> dict[str, str]:
    """So that a child process finds ``core`` and ``functions`` wherever they are."""
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {"PYTHONPATH": os.pathsep.join(paths)}
