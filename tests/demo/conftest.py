"""A small data set whose world changes, and the demo as a process of its own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from core.embedded.postgres import EmbeddedPostgres
from core.embedded.valkey import EmbeddedValkey

ROOT = Path(__file__).resolve().parents[2]
ROWS = 3000
CHANGE_AT_ROW = 1600

RunDemo = Callable[..., subprocess.Popen[str]]


@pytest.fixture(scope="session")
def changing_csv(memory_folder: Path) -> Path:
    """3,000 rows; from row 1,600 on the other column decides the target."""
    rng = np.random.default_rng(4)
    first, second = rng.normal(size=(2, ROWS))
    decides = np.where(np.arange(ROWS) < CHANGE_AT_ROW, first, second)
    answer = np.where(decides + rng.normal(scale=0.3, size=ROWS) > 0, "yes", "no")
    path = memory_folder / "Changing World.csv"
    columns = {"first": first, "second": second, "Answer?": answer}
    pd.DataFrame(columns).round(4).to_csv(path, index=False)
    return path


@pytest.fixture(scope="session")
def demo_home(memory_folder: Path) -> Iterator[Path]:
    """A home for several runs of the demo."""
    home = memory_folder / "demo home"
    yield home
    EmbeddedPostgres(home / "postgres").stop()
    EmbeddedValkey(home / "valkey").stop()


@pytest.fixture(scope="session")
def demo_environ(memory_folder: Path) -> dict[str, str]:
    """Variables of a demo, but for its home: nothing of a developer's own."""
    return {"PATH": os.environ["PATH"], "HOME": str(memory_folder), "PYTHONPATH": str(ROOT)}


@pytest.fixture(scope="session")
def start_demo(demo_home: Path, memory_folder: Path, demo_environ: dict[str, str]) -> RunDemo:
    """Start `refit demo` with arguments; its output, notes included, is to be read."""

    def start(*arguments: object) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", "from core.cli import main; main()", "demo"]
        return subprocess.Popen(
            [*command, "--port", str(free_port()), *map(str, arguments)],
            cwd=memory_folder,  # no .env of a developer's is read
            env=demo_environ | {"REFIT_HOME": str(demo_home)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    return start


def kill_servers(home: Path) -> None:
    """Kill the servers of a home with -9, as a machine that loses its power does."""
    for server in (EmbeddedPostgres(home / "postgres"), EmbeddedValkey(home / "valkey")):
        pid = server.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)


def free_port() -> int:
    """A port on which nothing listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
