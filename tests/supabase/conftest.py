"""A stand-in for a Supabase project over each test's own database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import structlog
from typer.testing import CliRunner, Result

from core.database import SupabaseDatabase
from core.settings import get_settings
from tests.supabase.project import Project, running_project


@pytest.fixture
def project(database_url: str) -> Iterator[Project]:
    with running_project(database_url) as project:
        yield project


@pytest.fixture
def data_api(project: Project) -> Iterator[SupabaseDatabase]:
    """What functions without DATABASE_URL call the SQL functions through."""
    database = SupabaseDatabase(
        project.address,
        secret_key=project.secret_key,
        publishable_key=project.publishable_key,
    )
    yield database
    database.close()


@pytest.fixture
def refit(
    project: Project, database_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Callable[..., Result]]:
    """Run a command in this process, with the project's address and secret key alone."""
    from core.cli.app import app

    monkeypatch.chdir(tmp_path)  # no .env of a developer's is read
    for name in ("DATABASE_URL", "SUPABASE_SERVICE_ROLE_KEY", "SUPABASE_ANON_KEY"):
        monkeypatch.delenv(name, raising=False)
    environ = project.environ | {"SUPABASE_PUBLISHABLE_KEY": "", "REFIT_HOME": str(tmp_path)}

    def run(*arguments: str, **variables: str | None) -> Result:
        get_settings.cache_clear()
        return CliRunner().invoke(app, arguments, env=environ | variables, prog_name="refit")

    yield run
    get_settings.cache_clear()
    structlog.reset_defaults()
