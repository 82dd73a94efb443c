"""One database and one worker for each module of tests."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from tests.conftest import temporary_database, with_database
from tests.worker.lab import Lab, RunningWorker, empty_queue, open_lab


@pytest.fixture(scope="module")
def lab(
    postgres_url: str,
    postgres_admin: psycopg.Connection,
    template_database: str,
    valkey_url: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Lab]:
    """What the tests of one module share, each with model types of its own."""
    folder = tmp_path_factory.mktemp("artifacts")
    with temporary_database(postgres_admin, template=template_database) as name:
        database_url = with_database(postgres_url, name)
        with open_lab(database_url, empty_queue(valkey_url), folder) as lab:
            yield lab


@pytest.fixture(scope="module")
def worker(
    lab: Lab, tmp_path_factory: pytest.TempPathFactory, variables: dict[str, str]
) -> Iterator[RunningWorker]:
    """The worker of a module."""
    with lab.worker(tmp_path_factory.mktemp("worker"), **variables) as worker:
        yield worker


@pytest.fixture(scope="module")
def variables() -> dict[str, str]:
    """What a module's worker gets beside its addresses; a module may say otherwise."""
    return {}
