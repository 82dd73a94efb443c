"""Real servers for the whole session: one PostgreSQL, one Valkey, a clean piece of each per test.

The databases are clones of a template that the migrations made once.
"""

from __future__ import annotations

import gc
import itertools
import os
import re
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
import redis
from psycopg import sql

from core.embedded.guardian import Guardian
from core.embedded.postgres import EmbeddedPostgres
from core.embedded.server import EmbeddedServer
from core.embedded.valkey import EmbeddedValkey

FOLDER_NAME = "refit-tests-"
# Test data need not outlive a power failure.
FAST_POSTGRES = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    # In the data folder, so that nothing is left in /dev/shm when the session is killed.
    "dynamic_shared_memory_type": "mmap",
    "max_connections": "200",
}
TEMPLATE = "refit_template"
VALKEY_DATABASES = 16
_numbers = itertools.count()


def pytest_configure() -> None:
    # As core.worker.child does: on busy cores, threads that wait for each other make a fit many
    # times slower. Before anything loads OpenMP or a BLAS, which read it once.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    # Hear Ctrl-C: what a script starts in the background ignores it, and so do its children.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish() -> None:
    """Whatever collecting made stays to the end: no collection of garbage need look at it again.

    statsmodels' Holm collects garbage at each call, which here would take 0.3 s each time.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def memory_folder() -> Iterator[Path]:
    """A folder of this session, in memory where there is /dev/shm, that any account can enter."""
    shm = Path("/dev/shm")
    base = shm if os.access(shm, os.W_OK) else Path(tempfile.gettempdir())
    remove_folders_of_killed_sessions(base)
    folder = Path(tempfile.mkdtemp(prefix=f"{FOLDER_NAME}{os.getpid()}-", dir=base))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


def remove_folders_of_killed_sessions(base: Path) -> None:
    """A session killed with -9 leaves its folder, and /dev/shm is memory."""
    for folder in base.glob(f"{FOLDER_NAME}*"):
        found = re.match(rf"{FOLDER_NAME}(\d+)-", folder.name)
        if found and folder.stat().st_uid == os.geteuid():
            try:
                os.kill(int(found[1]), 0)
            except ProcessLookupError:
                shutil.rmtree(folder, ignore_errors=True)
            except PermissionError:
                continue


@contextmanager
def running(server: EmbeddedServer, guardian: Guardian) -> Iterator[str]:
    """A server for the time of the block, and not a moment longer than this process lives."""
    url = server.start()
    pid = server.pid
    assert pid is not None
    group = os.getpgid(pid)
    guardian.watch(group)
    try:
        yield url
    finally:
        server.stop()
        guardian.forget(group)


@pytest.fixture(scope="session")
def guardian() -> Iterator[Guardian]:
    guardian = Guardian()
    yield guardian
    guardian.close()


@pytest.fixture(scope="session")
def postgres_url(memory_folder: Path, guardian: Guardian) -> Iterator[str]:
    """The session's PostgreSQL, as its superuser; tests take ``database_url`` instead."""
    server = EmbeddedPostgres(memory_folder / "postgres", options=FAST_POSTGRES)
    with running(server, guardian) as url:
        yield url


@pytest.fixture(scope="session")
def postgres_admin(postgres_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        yield connection


@pytest.fixture(scope="session")
def template_database(postgres_url: str, postgres_admin: psycopg.Connection) -> str:
    """The name of a database with all migrations; nobody may be connected to it."""
    from core.database.migrations import migrate

    create_database(postgres_admin, TEMPLATE, template="template0")
    migrate(with_database(postgres_url, TEMPLATE))
    return TEMPLATE


@pytest.fixture
def database_url(
    postgres_url: str, postgres_admin: psycopg.Connection, template_database: str
) -> Iterator[str]:
    """A database of this test's own, with all migrations."""
    with temporary_database(postgres_admin, template=template_database) as name:
        yield with_database(postgres_url, name)


@pytest.fixture
def empty_database_url(postgres_url: str, postgres_admin: psycopg.Connection) -> Iterator[str]:
    """A database of this test's own, without migrations."""
    with temporary_database(postgres_admin, template="template0") as name:
        yield with_database(postgres_url, name)


@contextmanager
def temporary_database(admin: psycopg.Connection, *, template: str) -> Iterator[str]:
    name = f"test_{next(_numbers)}"
    create_database(admin, name, template=template)
    try:
        yield name
    finally:
        admin.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


def create_database(admin: psycopg.Connection, name: str, *, template: str) -> None:
    admin.execute(
        sql.SQL("create database {} template {} strategy file_copy").format(
            sql.Identifier(name), sql.Identifier(template)
        )
    )


def with_database(url: str, name: str) -> str:
    return f"{url.rpartition('/')[0]}/{name}"


@pytest.fixture(scope="session")
def valkey_url(memory_folder: Path, guardian: Guardian) -> Iterator[str]:
    """The session's Valkey; tests take ``redis_url`` instead."""
    with running(EmbeddedValkey(memory_folder / "valkey"), guardian) as url:
        yield url


@pytest.fixture
def redis_url(valkey_url: str) -> str:
    """An empty database of Valkey; a worker of the test before may still hold another one."""
    number = next(_numbers) % VALKEY_DATABASES
    url = f"{valkey_url.rpartition('/')[0]}/{number}"
    with redis.Redis.from_url(url) as client:
        client.flushdb()
    return url


@pytest.fixture
def artifacts_url(tmp_path: Path) -> str:
    """An empty folder for models."""
    folder = tmp_path / "artifacts"
    folder.mkdir()
    return folder.as_uri()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of public data sets beside the repository."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there")
    return folder
