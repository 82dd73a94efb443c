"""The migrations by Supabase's own command line, and what its advisors say about them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import psycopg
import pytest

from core.database.migrations import export_migrations, migrate, migration_files
from core.domain import OperationKind
from tests.database.factories import Scene, check_of

ROOT = Path(__file__).parents[2]
VERSIONS = [f.name.split("_")[0] for f in migration_files()]


class SupabaseCli:
    """The command line in a project folder; its state is kept away from the user's."""

    def __init__(self, program: str, project: Path) -> None:
        self.program = program
        self.project = project

    def run(self, *arguments: str, url: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [
                self.program,
                *arguments,
                f"--remote={url}?sslmode=disable",
                "--agent=no",
                "--yes",
                f"--workdir={self.project}",
            ],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            env={**os.environ, "HOME": str(self.project), "SUPABASE_TELEMETRY_DISABLED": "1"},
        )


@pytest.fixture
def cli(tmp_path: Path) -> SupabaseCli:
    program = os.environ.get("REFIT_SUPABASE_CLI") or shutil.which("supabase")
    if program is None:
        reason = "Supabase's command line is missing: npm install supabase, REFIT_SUPABASE_CLI"
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(reason)
    project = tmp_path / "project"
    export_migrations(project / "supabase" / "migrations")
    shutil.copy(ROOT / "supabase" / "config.toml", project / "supabase" / "config.toml")
    return SupabaseCli(program, project)


def pushed(url: str) -> list[str]:
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            "select version from supabase_migrations.schema_migrations order by version"
        ).fetchall()
    return [str(r[0]) for r in rows]


@pytest.mark.parametrize(
    ("command", "again"),
    [
        (("migration", "up"), "up to date"),
        (("db", "push"), "up to date"),
    ],
)
def test_the_migrations_are_pushed_and_then_there_is_nothing_to_do(
    cli: SupabaseCli, empty_database_url: str, command: tuple[str, ...], again: str
) -> None:
    first = cli.run(*command, url=empty_database_url)

    assert first.returncode == 0, first.stderr
    assert pushed(empty_database_url) == VERSIONS
    assert migrate(empty_database_url) == []
    second = cli.run(*command, url=empty_database_url)
    assert second.returncode == 0, second.stderr
    assert again in (second.stdout + second.stderr).lower()
    listed = cli.run("migration", "list", url=empty_database_url)
    assert listed.returncode == 0, listed.stderr
    for version in VERSIONS:
        assert listed.stdout.count(version) == 2, listed.stdout  # here and there


def test_what_refit_applied_is_not_written_into_supabases_history(
    cli: SupabaseCli, database_url: str
) -> None:
    # A version there that the customer's folder lacks would block their next push.
    listed = cli.run("migration", "list", url=database_url)

    assert listed.returncode == 0, listed.stderr
    for version in VERSIONS:
        assert listed.stdout.count(version) == 1, listed.stdout


def test_the_advisors_find_nothing_but_indexes_that_are_new(
    cli: SupabaseCli, database_url: str, scene: Scene
) -> None:
    scene.model_type("churn")
    champion = scene.champion()
    scene.store.finish_operation(
        scene.running_operation(OperationKind.CHECK),
        {"status": "succeeded", "results": [check_of(champion)]},
    )

    advice = cli.run(
        "db", "advisors", "--level=info", "--fail-on=none", "--output=json", url=database_url
    )

    assert advice.returncode == 0, advice.stderr
    findings = json.loads(advice.stdout)
    others = [f["detail"] for f in findings if f["name"] != "unused_index"]
    assert others == []
    # The advisors did look: a database this new has indexes that nobody needed yet.
    assert findings
