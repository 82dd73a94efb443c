"""The command line on real servers: in this process, and as a program of its own."""

from __future__ import annotations

import csv
import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import structlog
from typer.testing import CliRunner, Result

from core.database import PostgresDatabase
from core.embedded.stack import stop_stack
from core.settings import get_settings
from core.store import LOCAL_ADMIN, Store

ROOT = Path(__file__).resolve().parents[2]
ROWS = 900
UNLABELLED = 40
VARIABLES = (
    "API_BASE_URL",
    "DASHBOARD_URL",
    "DATABASE_URL",
    "REDIS_URL",
    "REFIT_ARTIFACTS_URL",
    "REFIT_HOME",
    "SUPABASE_URL",
)

Refit = Callable[..., Result]
REFIT = (sys.executable, "-c", "from core.cli import main; main()")
Program = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def addresses(
    database_url: str, redis_url: str, artifacts_url: str, tmp_path: Path
) -> dict[str, str]:
    """The variables of a configured Refit."""
    return {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "REFIT_ARTIFACTS_URL": artifacts_url,
        "REFIT_HOME": str(tmp_path / "home"),
    }


@pytest.fixture
def refit(addresses: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Refit]:
    """Run a command in this process: ``refit("status", "--json", REDIS_URL="…")``."""
    from core.cli.app import app

    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)

    def run(*arguments: str, **variables: str | None) -> Result:
        get_settings.cache_clear()
        return CliRunner().invoke(app, arguments, env=addresses | variables, prog_name="refit")

    yield run
    get_settings.cache_clear()
    structlog.reset_defaults()


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    """What the command line acts on."""
    database = PostgresDatabase(database_url)
    yield Store(database, actor=LOCAL_ADMIN)
    database.close()


@pytest.fixture
def clean_environ() -> dict[str, str]:
    """Our own environment without what would configure Refit."""
    kept = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    return kept | {"PYTHONPATH": str(ROOT)}


@pytest.fixture
def program(clean_environ: dict[str, str]) -> Program:
    """Run ``refit`` as a program, to its end."""

    def run(
        arguments: Sequence[str], environ: Mapping[str, str], **options: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*REFIT, *arguments],
            env={**clean_environ, **environ},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
            cwd=options.get("cwd"),
        )

    return run


@pytest.fixture(scope="session")
def local_home(memory_folder: Path) -> Iterator[Path]:
    """A home whose servers are started by the commands themselves."""
    home = memory_folder / "cli home"
    yield home
    stop_stack(home)


def write_churn(path: Path) -> Path:
    """A CSV that is easy to learn; the newest rows have no target yet."""
    rng = random.Random(3)
    start = datetime(2026, 1, 1, tzinfo=UTC)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["seen at", "plan", "usage", "churned"])
        for number in range(ROWS):
            usage = round(rng.gauss(10, 3), 2)
            churned = "yes" if rng.random() < (0.95 if usage < 10 else 0.05) else "no"
            known = churned if number < ROWS - UNLABELLED else ""
            moment = (start + timedelta(hours=number)).isoformat()
            writer.writerow([moment, rng.choice(["free", "pro"]), usage, known])
    return path


@pytest.fixture
def churn_csv(tmp_path: Path) -> Path:
    return write_churn(tmp_path / "churn.csv")
