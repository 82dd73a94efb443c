"""`refit worker`, `scheduler`, `migrate`, `doctor`, `down`: what runs, and whether it is well."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from core.cli.options import JsonOutput
from core.cli.output import note, print_json, say
from core.cli.session import migrate_own, open_session, project_environ, start_servers
from core.settings import get_settings


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (worker, scheduler, migrate, doctor, down):
        app.command()(command)


def worker() -> None:
    """Work: train, check, validate and deploy what is queued. Starts no server."""
    settings = get_settings()
    settings.require_database_url()
    settings.require_redis_url()
    settings.require_artifacts_url()
    # As a module of its own, in our place: signals reach it, and its children need not load us.
    argv = [sys.executable, "-m", "core.worker"]
    environ = dict(os.environ) | project_environ()
    os.execve(sys.executable, argv, environ)  # noqa: S606 — no shell is wanted


def scheduler() -> None:
    """Start checks and retrainings when they are due. Starts no server."""
    from core.scheduler import run_scheduler

    run_scheduler(get_settings())


def migrate(
    export: Annotated[
        Path | None,
        typer.Option("--export", help="Copy the files into your own project instead."),
    ] = None,
) -> None:
    """Bring the database up to date."""
    from core.database import migrations

    if export is not None:
        for name in migrations.export_migrations(export):
            say(f"{export / name}")
        return
    applied = migrations.migrate(start_servers().settings.require_database_url())
    for name in applied:
        say(name)
    say(f"{len(applied)} migrations applied." if applied else "The database is up to date.")


def doctor(as_json: JsonOutput = False) -> None:
    """Look for what is wrong or missing, and say how to mend it."""
    from core.doctor import Outcome, examine

    servers = start_servers()
    migrate_own(servers)
    findings = []
    for finding in examine(servers.settings):
        findings.append(finding)
        if not as_json:
            say(f"{finding.outcome:<4}  {finding.what}")
            if finding.mend:
                say(f"      → {finding.mend}")
    failed = sum(f.outcome is Outcome.FAIL for f in findings)
    if as_json:
        print_json({"failed": failed, "findings": [vars(f) for f in findings]})
    if failed:
        note(f"{failed} of {len(findings)} findings must be mended.")
        raise typer.Exit(1)


def down() -> None:
    """Stop the local servers; their data is kept."""
    from core.cli.running_system import refuse_second
    from core.embedded.stack import stack_is_running, stop_stack

    home = get_settings().home
    if stack_is_running(home):
        with open_session() as session:
            # Functions and workers would run on without their database.
            refuse_second(session)
    stop_stack(home)
    say(f"The servers of {home} are stopped.")
