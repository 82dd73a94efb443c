"""A database, a queue and a folder of models for each test of faults."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.engines import write_engines
from tests.worker.lab import Lab, empty_queue, open_lab


@pytest.fixture
def lab(database_url: str, valkey_url: str, tmp_path: Path) -> Iterator[Lab]:
    """What one test works with, and nobody else."""
    folder = tmp_path / "artifacts"
    folder.mkdir()
    with open_lab(database_url, empty_queue(valkey_url), folder) as lab:
        yield lab


@pytest.fixture
def engines(tmp_path: Path) -> dict[str, str]:
    """The variables of a worker that knows the engines of these tests."""
    return write_engines(tmp_path)


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    """While it is there, the engines of workers that know of it linger."""
    gate = tmp_path / "gate"
    gate.touch()
    return gate
