"""Applying the migrations of ``supabase/migrations`` to a database."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import psycopg

from core.errors import ConfigurationError, DatabaseUnavailable, InvalidRequest, RefitError

MIGRATIONS = Path(__file__).resolve().parents[2] / "supabase" / "migrations"
_LOCK = 7_202_611_240_001


def migration_files(directory: Path | None = None) -> list[Path]:
    """The migration files in the order in which they apply.

    Raises
    ------
    ConfigurationError
        When there are none.
    """
    folder = directory or MIGRATIONS
    files = sorted(f for f in folder.glob("*.sql") if re.match(r"^\d{14}_", f.name))
    if not files:
        raise ConfigurationError(f"There are no migrations in {folder}.")
    return files


def migrate(database_url: str, *, directory: Path | None = None) -> list[str]:
    """Apply every migration that the database lacks, all in one transaction.

    Each file records itself in ``private.migration_history``, so it does not matter whether it was
    applied here, with psql, or pushed with Supabase's command line. Two callers at once are safe:
    the second waits and then finds nothing to do.

    Returns
    -------
    list of str
        Names of the files that were applied now.

    Raises
    ------
    DatabaseUnavailable
        When there is no connection; nothing was changed.
    RefitError
        When a file fails: it is named, and nothing was changed.
    """
    files = migration_files(directory)
    with _connect(database_url) as connection:
        connection.execute("select pg_advisory_xact_lock(%s)", (_LOCK,))
        applied = _applied_versions(connection)
        pending = [f for f in files if f.name.split("_")[0] not in applied]
        for file in pending:
            try:
                connection.execute(file.read_text(encoding="utf-8").encode())
            except psycopg.Error as exc:
                raise RefitError(
                    f"The migration {file.name} failed: {exc.diag.message_primary or exc}",
                    hint=exc.diag.message_hint or "Nothing was changed.",
                ) from exc
    return [f.name for f in pending]


def pending_migrations(database_url: str) -> list[str]:
    """Names of the migrations that the database lacks."""
    with _connect(database_url) as connection:
        applied = _applied_versions(connection)
    return [f.name for f in migration_files() if f.name.split("_")[0] not in applied]


def _connect(database_url: str) -> psycopg.Connection[tuple[object, ...]]:
    try:
        return psycopg.connect(database_url, connect_timeout=10)
    except psycopg.ProgrammingError as exc:
        # libpq's message would show the address, which may hold a password.
        raise ConfigurationError(
            "DATABASE_URL is not the address of a PostgreSQL database.",
            hint="It looks like postgresql://user:password@host:5432/database.",
        ) from exc
    except psycopg.OperationalError as exc:
        raise DatabaseUnavailable(
            "The database does not answer.", hint="Check DATABASE_URL."
        ) from exc


def _applied_versions(connection: psycopg.Connection[tuple[object, ...]]) -> set[str]:
    try:
        exists = connection.execute(
            "select to_regclass('private.migration_history') is not null"
        ).fetchone()
        if not (exists and exists[0]):
            return set()
        rows = connection.execute("select version from private.migration_history").fetchall()
    except psycopg.Error as exc:
        raise RefitError(
            f"The history of migrations cannot be read: {exc.diag.message_primary or exc}.",
            hint="Use the role that applied the migrations before.",
        ) from exc
    return {str(row[0]) for row in rows}


def export_migrations(folder: Path) -> list[str]:
    """Copy the migration files into a customer's own Supabase project.

    Raises
    ------
    InvalidRequest
        When a file of the same name with other content is there; nothing was copied.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files = migration_files()
    for file in files:
        target = folder / file.name
        if target.exists() and target.read_bytes() != file.read_bytes():
            raise InvalidRequest(
                f"{target} exists with other content.", hint="Move it away, then export again."
            )
    for file in files:
        shutil.copyfile(file, folder / file.name)
    return [f.name for f in files]
