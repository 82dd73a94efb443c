"""What a command works with: the settings, the servers, and the store in the admin's name."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

from pydantic import SecretStr, ValidationError

import core
from core.cli.output import note
from core.domain import Environment
from core.errors import ConfigurationError
from core.settings import Settings

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


def read_settings() -> Settings:
    """The settings of this process.

    Raises
    ------
    ConfigurationError
        A variable makes no sense; it is named.
    """
    try:
        return Settings()
    except ValidationError as exc:
        first = exc.errors(include_url=False, include_input=False)[0]
        variable = ".".join(str(part) for part in first["loc"])
        raise ConfigurationError(
            f"{variable} makes no sense: {first['msg']}.", hint="Correct it, or unset it."
        ) from exc


def uses_own_database(settings: Settings) -> bool:
    """Whether no database is configured, so that ours below REFIT_HOME is meant."""
    return settings.database_url is None and settings.supabase_url is None


@contextmanager
def open_session(*, may_migrate: bool = True) -> Iterator[Session]:
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

    settings, home, environ = start_servers()
    is_embedded = uses_own_database(read_settings())
    if is_embedded and may_migrate:
        from core.database.migrations import migrate

        migrate(settings.require_database_url())
    database = PostgresDatabase(settings.require_database_url())
    doorbell = Doorbell(settings.require_redis_url())
    try:
        yield Session(
            settings=settings,
            store=Store(database, actor=LOCAL_ADMIN),
            doorbell=doorbell,
            is_embedded=is_embedded,
            home=home,
            environ=environ,
        )
    finally:
        database.close()
        doorbell.close()


def start_servers() -> tuple[Settings, Path, dict[str, str]]:
    """Start what is not configured; settings with all addresses, the home, and the variables."""
    from core.embedded.stack import start_stack
    from core.log import configure_logging

    # An error is told once, in one line, by the command itself.
    configure_logging("CRITICAL")
    configured = read_settings()
    stack = start_stack(configured)
    settings = configured.model_copy(
        update={
            "home": stack.home,
            "database_url": stack.database_url and SecretStr(stack.database_url),
            "redis_url": SecretStr(stack.redis_url),
            "artifacts_url": stack.artifacts_url,
        }
    )
    return settings, stack.home, stack.environ() | project_environ()


def project_environ() -> dict[str, str]:
    """So that a child process finds ``core`` and ``functions`` wherever they are."""
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {"PYTHONPATH": os.pathsep.join(paths)}
