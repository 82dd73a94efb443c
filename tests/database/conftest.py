"""A database of each test's own for what changes, one of all tests for what is only read."""

from __future__ import annotations

import time
from collections.abc import Iterator

import psycopg
import pytest
from psycopg.rows import dict_row

from core.database import PostgresDatabase
from core.database.migrations import migrate
from core.store import Store
from tests.conftest import temporary_database, with_database
from tests.database.factories import ADMIN, Owner, Scene


@pytest.fixture
def database(database_url: str, postgres_admin: psycopg.Connection) -> Iterator[PostgresDatabase]:
    database = PostgresDatabase(database_url, max_connections=4)
    yield database
    database.close()
    wait_until_left(postgres_admin, database_url)


def wait_until_left(admin: psycopg.Connection, url: str) -> None:
    """Dropping a database that a session is still leaving costs PostgreSQL a sleep of 100 ms."""
    for _ in range(50):
        left = admin.execute(
            "select count(*) = 0 from pg_stat_activity where datname = %s",
            (url.rpartition("/")[2],),
        ).fetchone()
        if left == (True,):
            return
        time.sleep(0.002)


@pytest.fixture
def owner(database_url: str) -> Iterator[Owner]:
    """The owner of everything: sees behind the functions."""
    with psycopg.connect(database_url, autocommit=True, row_factory=dict_row) as connection:
        yield connection


@pytest.fixture
def scene(database: PostgresDatabase, owner: Owner) -> Scene:
    return Scene(database=database, owner=owner, store=Store(database, actor=ADMIN))


@pytest.fixture
def store(scene: Scene) -> Store:
    return scene.store


# As on Supabase until 2026: whatever is made in public is granted to the API roles. Tables of all
# schemas are here, so that a migration that forgets to revoke shows.
SUPABASE_DEFAULTS = """
alter default privileges grant all on tables to anon, authenticated, service_role;
alter default privileges in schema public grant all on tables to anon, authenticated, service_role;
alter default privileges in schema public
grant all on functions to anon, authenticated, service_role;
alter default privileges in schema public
grant all on sequences to anon, authenticated, service_role;
grant usage on schema public to anon, authenticated, service_role;
"""


@pytest.fixture(scope="session", params=["plain", "supabase"])
def catalogue_url(
    request: pytest.FixtureRequest,
    postgres_url: str,
    postgres_admin: psycopg.Connection,
    template_database: str,
) -> Iterator[str]:
    """A migrated database that tests only read: on plain Postgres, and with Supabase's defaults."""
    plain = request.param == "plain"
    template = template_database if plain else "template0"
    with temporary_database(postgres_admin, template=template) as name:
        url = with_database(postgres_url, name)
        if not plain:
            with psycopg.connect(url) as connection:
                connection.execute(SUPABASE_DEFAULTS)
            migrate(url)
        yield url


@pytest.fixture(scope="session")
def catalogue(catalogue_url: str) -> Iterator[Owner]:
    with psycopg.connect(catalogue_url, autocommit=True, row_factory=dict_row) as connection:
        yield connection
