"""Folders, servers and processes for the tests of the embedded stack."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from core.embedded.postgres import EmbeddedPostgres
from core.embedded.server import EmbeddedServer
from core.embedded.valkey import EmbeddedValkey

ROOT = Path(__file__).resolve().parents[2]
QUICK = {"fsync": "off"}
_numbers = itertools.count()


@pytest.fixture
def home(memory_folder: Path) -> Iterator[Path]:
    """A home whose name has everything that a shell or a configuration file could trip over."""
    folder = memory_folder / f'a user\'s $HOME & "Größe" {next(_numbers)}'
    folder.mkdir()
    yield folder
    EmbeddedPostgres(folder / "postgres").stop()
    EmbeddedValkey(folder / "valkey").stop()


@pytest.fixture(scope="session")
def initialised_postgres(memory_folder: Path) -> Path:
    """The folder of a server that has been initialised, once, and does not run."""
    server = EmbeddedPostgres(memory_folder / "initialised", options=QUICK)
    server.start()
    server.stop()
    return server.home


@pytest.fixture
def postgres(home: Path, initialised_postgres: Path) -> EmbeddedPostgres:
    subprocess.run(["cp", "-a", initialised_postgres, home / "postgres"], check=True)
    return EmbeddedPostgres(home / "postgres", options=QUICK)


@pytest.fixture
def valkey(home: Path) -> EmbeddedValkey:
    return EmbeddedValkey(home / "valkey")


@pytest.fixture(params=["postgres", "valkey"])
def server(request: pytest.FixtureRequest) -> EmbeddedServer:
    """Each of the two servers in turn."""
    found = request.getfixturevalue(request.param)
    assert isinstance(found, EmbeddedServer)
    return found


@pytest.fixture
def run_python() -> Callable[[str, Sequence[object]], subprocess.Popen[str]]:
    """Start a Python process with the project on its path: ``run_python(code, arguments)``."""

    def run(code: str, arguments: Sequence[object] = ()) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", code, *map(str, arguments)],
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])},
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    return run


@pytest.fixture
def eventually() -> Callable[[Callable[[], object]], None]:
    """Wait until something holds, at most ten seconds."""

    def wait(holds: Callable[[], object]) -> None:
        deadline = time.monotonic() + 10
        while not holds():
            assert time.monotonic() < deadline, "it never came to hold"
            time.sleep(0.02)

    return wait


@pytest.fixture
def is_alive() -> Callable[[int], bool]:
    """Whether a process runs; a zombie, dead but not yet buried by its parent, does not."""

    def check(pid: int) -> bool:
        state = subprocess.run(
            ["ps", "-o", "stat=", "-p", str(pid)], check=False, capture_output=True, text=True
        ).stdout
        return bool(state.strip()) and not state.startswith("Z")

    return check
