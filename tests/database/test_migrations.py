"""The migrations from zero, twice, two at once, by psql, half-way, and on databases of others."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from core.database import PostgresDatabase
from core.database.migrations import (
    MIGRATIONS,
    export_migrations,
    migrate,
    migration_files,
    pending_migrations,
)
from core.embedded.guardian import Guardian
from core.embedded.postgres import EmbeddedPostgres
from core.errors import ConfigurationError, DatabaseUnavailable, InvalidRequest, RefitError
from core.store import LOCAL_ADMIN, Store
from tests.conftest import FAST_POSTGRES, running, with_database
from tests.database.factories import definition, user

ALL = [f.name for f in migration_files()]


def schema_of(url: str) -> list[tuple[object, ...]]:
    """Every relation, column and function of ours: what two ways of migrating must agree on."""
    with psycopg.connect(url) as connection:
        return connection.execute(
            """
            select attrelid::regclass::text, attname::text, format_type(atttypid, atttypmod)
            from pg_attribute
            where attrelid in (
                select oid from pg_class where relnamespace in (
                    select oid from pg_namespace where nspname in ('public', 'private')
                )
            ) and attnum > 0
            union all
            select oid::regprocedure::text, prosrc, proacl::text
            from pg_proc where pronamespace in (
                select oid from pg_namespace where nspname in ('public', 'private')
            )
            order by 1, 2
            """
        ).fetchall()


def works(url: str) -> bool:
    """Whether a service and a user can call functions there."""
    database = PostgresDatabase(url)
    store = Store(database, actor=LOCAL_ADMIN)
    store.create_model_type(definition("churn"))
    seen = Store(database, actor=user("viewer")).list_model_types()
    database.close()
    return [t.name for t in seen] == ["churn"]


def test_an_empty_database_gets_all_of_them_once(empty_database_url: str) -> None:
    assert pending_migrations(empty_database_url) == ALL

    assert migrate(empty_database_url) == ALL

    assert pending_migrations(empty_database_url) == []
    assert migrate(empty_database_url) == []
    assert works(empty_database_url)


def test_two_at_once_apply_them_once(empty_database_url: str) -> None:
    with ThreadPoolExecutor(2) as pool:
        applied = list(pool.map(migrate, [empty_database_url] * 2))

    assert sorted(applied) == [[], ALL]


def test_every_file_records_itself_under_its_own_version(empty_database_url: str) -> None:
    migrate(empty_database_url)

    with psycopg.connect(empty_database_url) as connection:
        rows = connection.execute("select version from private.migration_history").fetchall()
    assert sorted(r[0] for r in rows) == [name.split("_")[0] for name in ALL]


def login(url: str, role: str, database: str) -> str:
    """The address of a database of the same server, for a role with the password p."""
    return f"postgresql://{role}:p@{url.partition('@')[2].rpartition('/')[0]}/{database}"


# Half-way -----------------------------------------------------------------------------------


def copy_with(folder: Path, name: str, statement: str) -> Path:
    shutil.copytree(MIGRATIONS, folder)
    (folder / name).write_text(statement)
    return folder


def test_a_migration_that_fails_is_named_and_leaves_nothing(
    empty_database_url: str, tmp_path: Path
) -> None:
    folder = copy_with(
        tmp_path / "migrations",
        "20991231000000_break.sql",
        "create table public.half (id integer); select 1 / 0;",
    )

    with pytest.raises(
        RefitError, match=r"20991231000000_break.sql failed: division by zero\. Nothing was changed"
    ):
        migrate(empty_database_url, directory=folder)

    assert schema_of(empty_database_url) == []
    assert pending_migrations(empty_database_url) == ALL
    assert migrate(empty_database_url) == ALL


def test_a_later_migration_is_applied_alone(database_url: str, tmp_path: Path) -> None:
    name = "20991231000000_add_more.sql"
    folder = copy_with(
        tmp_path / "migrations",
        name,
        "create table public.more (id integer);select private.record_migration('20991231000000');",
    )

    assert migrate(database_url, directory=folder) == [name]
    assert migrate(database_url, directory=folder) == []


def test_gates_that_cannot_be_a_dry_run_are_taken_out_of_what_was_set_before(
    empty_database_url: str, tmp_path: Path
) -> None:
    folder = shutil.copytree(MIGRATIONS, tmp_path / "migrations")
    for file in folder.glob("*.sql"):
        if file.name >= "20261124190400":
            file.unlink()
    migrate(empty_database_url, directory=folder)
    database = PostgresDatabase(empty_database_url)
    store = Store(database, actor=LOCAL_ADMIN)
    for name, gates in (
        ("churn", ["slices", "data_quality", "luck", "latency"]),
        ("visits", ["enough_rows"]),
        ("sales", ["size"]),
    ):
        store.create_model_type(definition(name, dry_run_gates=gates))

    migrate(empty_database_url)

    left = {made.name: made.dry_run_gates for made in store.list_model_types()}
    database.close()
    assert left == {"churn": ("slices", "latency"), "visits": (), "sales": ("size",)}


def test_a_folder_without_migrations_is_named(empty_database_url: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=str(tmp_path)):
        migrate(empty_database_url, directory=tmp_path)


def test_a_database_that_does_not_answer_is_said(postgres_url: str) -> None:
    nowhere = "postgresql://postgres@127.0.0.1:9/postgres"
    for url in (nowhere, with_database(postgres_url, "not_there")):
        with pytest.raises(DatabaseUnavailable, match="Check DATABASE_URL"):
            migrate(url)


def test_an_address_that_is_none_is_said_without_showing_it() -> None:
    for ask in (migrate, pending_migrations):
        with pytest.raises(ConfigurationError, match="DATABASE_URL is not the address") as refused:
            ask("my secret")
        assert "secret" not in str(refused.value)


def test_a_role_that_may_not_read_the_history_is_told(
    database_url: str, postgres_admin: psycopg.Connection
) -> None:
    postgres_admin.execute("create role passer_by login password 'p'")
    try:
        with pytest.raises(RefitError, match="history of migrations cannot be read: permission"):
            migrate(login(database_url, "passer_by", database_url.rpartition("/")[2]))
    finally:
        postgres_admin.execute("drop role passer_by")


# psql ---------------------------------------------------------------------------------------


@pytest.fixture
def psql() -> str:
    found = shutil.which("psql")
    if found is None:
        reason = "psql is missing: apt-get install postgresql-client"
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(reason)
    return found


def run_psql(psql: str, url: str, file: Path) -> None:
    subprocess.run(
        [psql, url, "--no-psqlrc", "--quiet", "-v", "ON_ERROR_STOP=1", "-f", file],
        check=True,
        capture_output=True,
        text=True,
    )


def test_psql_applies_them_one_after_the_other(
    psql: str, empty_database_url: str, database_url: str
) -> None:
    for file in migration_files():
        run_psql(psql, empty_database_url, file)

    assert migrate(empty_database_url) == []
    assert schema_of(empty_database_url) == schema_of(database_url)


def test_what_psql_began_is_carried_on(
    psql: str, empty_database_url: str, database_url: str
) -> None:
    # The first file has no history to write to yet; it may be applied again.
    run_psql(psql, empty_database_url, migration_files()[0])
    assert pending_migrations(empty_database_url) == ALL
    for file in migration_files()[1:5]:
        run_psql(psql, empty_database_url, file)

    assert migrate(empty_database_url) == ALL[5:]
    assert schema_of(empty_database_url) == schema_of(database_url)


# Databases of others ------------------------------------------------------------------------


def test_supabases_own_functions_are_left_alone(
    empty_database_url: str,
) -> None:
    with psycopg.connect(empty_database_url) as connection:
        connection.execute(
            """
            create schema auth;
            grant usage on schema auth to anon, authenticated, service_role;
            create function auth.jwt() returns jsonb language sql stable as $$
                select coalesce(
                    nullif(current_setting('request.jwt.claim', true), ''),
                    nullif(current_setting('request.jwt.claims', true), '')
                )::jsonb
            $$;
            create function auth.uid() returns uuid language sql stable as 'select null::uuid';
            create schema storage;
            create table storage.buckets (id text primary key, name text, public boolean);
            """
        )

    migrate(empty_database_url)

    with psycopg.connect(empty_database_url) as connection:
        source = connection.execute(
            "select prosrc like '%request.jwt.claim''%', (select prosrc from pg_proc where oid = "
            "'auth.uid()'::regprocedure) from pg_proc where oid = 'auth.jwt()'::regprocedure"
        ).fetchone()
        bucket = connection.execute("select * from storage.buckets").fetchall()
    assert source == (True, "select null::uuid")
    assert bucket == [("refit-artifacts", "refit-artifacts", False)]
    assert works(empty_database_url)


@pytest.fixture
def own_server(memory_folder: Path, guardian: Guardian) -> Iterator[str]:
    """A server where none of our roles exist yet: roles belong to the whole server."""
    with running(
        EmbeddedPostgres(memory_folder / "migrations", options=FAST_POSTGRES), guardian
    ) as url:
        yield url
    shutil.rmtree(memory_folder / "migrations")


def test_an_owner_who_is_no_superuser_may_migrate_and_serve(own_server: str) -> None:
    with psycopg.connect(own_server, autocommit=True) as admin:
        admin.execute("create role chief login password 'p' createrole bypassrls")
        admin.execute("create role lowly login password 'p'")
        for name, owner in (("ours", "chief"), ("theirs", "lowly"), ("hosted", "chief")):
            admin.execute(
                sql.SQL("create database {} owner {}").format(
                    sql.Identifier(name), sql.Identifier(owner)
                )
            )

    # Somebody who may not make roles is told who may.
    with pytest.raises(RefitError, match="lowly may not create them.*as a superuser, or from"):
        migrate(login(own_server, "lowly", "theirs"))

    url = login(own_server, "chief", "ours")
    assert migrate(url) == ALL
    assert works(url)

    # As on Supabase: the API roles and auth are somebody else's, and stay so.
    with psycopg.connect(with_database(own_server, "hosted")) as admin:
        admin.execute("create schema auth")
        admin.execute("grant usage on schema auth to chief, anon, authenticated, service_role")
        admin.execute(
            "create function auth.jwt() returns jsonb language sql stable as $$"
            "select nullif(current_setting('request.jwt.claims', true), '')::jsonb $$"
        )
        admin.execute(
            "create function auth.uid() returns uuid language sql stable as 'select null::uuid'"
        )
    hosted = login(own_server, "chief", "hosted")
    assert migrate(hosted) == ALL
    assert works(hosted)
    with psycopg.connect(hosted) as connection:
        connection.execute("set role refit_reader")


# A customer's own project -------------------------------------------------------------------


def test_the_files_are_copied_into_a_customers_project(tmp_path: Path) -> None:
    folder = tmp_path / "their project" / "supabase" / "migrations"

    assert export_migrations(folder) == ALL
    assert export_migrations(folder) == ALL

    for file in migration_files():
        assert (folder / file.name).read_bytes() == file.read_bytes()


def test_a_file_of_the_same_name_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / ALL[-1]).write_text("-- theirs")

    with pytest.raises(InvalidRequest, match=f"{ALL[-1]} exists with other content"):
        export_migrations(tmp_path)

    assert [f.name for f in tmp_path.iterdir()] == [ALL[-1]]
    assert (tmp_path / ALL[-1]).read_text() == "-- theirs"


def test_every_version_is_a_time() -> None:
    # Supabase's command line shows it, and sorts a customer's own migrations among ours by it.
    for version in (path.name.partition("_")[0] for path in migration_files()):
        moment = datetime.strptime(f"{version} UTC", "%Y%m%d%H%M%S %Z").replace(tzinfo=UTC)
        assert moment.strftime("%Y%m%d%H%M%S") == version
