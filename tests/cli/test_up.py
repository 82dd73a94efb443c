"""`refit up` as a program: what it prints works, what dies comes back, Ctrl-C ends it all."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from typer.testing import Result

from core.embedded.stack import postgres_of, stop_stack, valkey_of

Refit = Callable[..., Result]
REFIT_UP = (sys.executable, "-c", "from core.cli import main; main()", "up", "--port")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Running:
    """A `refit up` whose output is read while it runs."""

    def __init__(self, home: Path, port: int, environ: dict[str, str], folder: Path) -> None:
        self.out, self.err = folder / "up.out", folder / "up.err"
        with self.out.open("w") as out, self.err.open("w") as err:
            self.process = subprocess.Popen(
                [*REFIT_UP, str(port)],
                env=environ | {"REFIT_HOME": str(home), "REFIT_TRAINING_THREADS": "1"},
                stdout=out,
                stderr=err,
                start_new_session=True,
            )

    def wait_for(self, pattern: str, *, count: int = 1, timeout_s: float = 60) -> str:
        """Everything printed, once the pattern stands there so many times."""
        deadline = time.monotonic() + timeout_s
        while True:
            text = self.out.read_text() + self.err.read_text()
            if len(re.findall(pattern, text)) >= count:
                return text
            assert self.process.poll() is None, text
            assert time.monotonic() < deadline, text
            time.sleep(0.1)

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


@contextmanager
def up(home: Path, port: int, environ: dict[str, str], folder: Path) -> Iterator[Running]:
    running = Running(home, port, environ, folder)
    try:
        yield running
    finally:
        running.end()


def printed_commands(text: str) -> list[str]:
    """The commands as a person would copy them."""
    block = text.partition("Try:\n\n")[2].partition("\n\nCtrl-C")[0]
    return block.split("\n\n")


def processes_with(home: Path) -> list[str]:
    """Command lines and environments that name this home."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            text = (folder / "environ").read_bytes() + (folder / "cmdline").read_bytes()
        except OSError:
            continue
        if bytes(home) in text and folder.name != str(os.getpid()):
            found.append(folder.name)
    return found


def opened(link: str) -> str:
    """The overview, to which a link leads a browser."""
    with httpx.Client(follow_redirects=True, timeout=30) as browser:
        page = browser.get(link)
    assert page.url.path == "/en/ml-training"
    assert page.status_code == 200, page.text
    return page.text


@pytest.fixture
def up_home(memory_folder: Path) -> Iterator[Path]:
    home = memory_folder / "up home"
    yield home
    stop_stack(home)


def test_up_prints_commands_that_work_restarts_what_dies_and_stops_everything(
    up_home: Path, tmp_path: Path, clean_environ: dict[str, str]
) -> None:
    port = free_port()
    with up(up_home, port, clean_environ, tmp_path) as running:
        text = running.wait_for("Ctrl-C stops everything")
        # Who opens the link at once is not told that nobody works.
        link = re.search(r"http://localhost:\d+/ml-training/sign-in/link\?token=\S+", text)
        assert link
        assert "no worker was seen" not in opened(link[0])
        commands = printed_commands(text)

        # The three commands, as printed.
        answers = []
        for command in commands:
            done = subprocess.run(
                ["bash", "-c", f"{command} --silent --show-error --fail-with-body"],
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, done.stdout + done.stderr
            answers.append(json.loads(done.stdout))
        triggered, checked, status = answers
        assert f"http://localhost:{port}/api/workflows/ml/auto-retraining" in commands[0]
        names = ["content_performance", "engagement_prediction"]
        assert [job["model_type"] for job in triggered["jobs"]] == names
        assert checked["results"][0]["model_type"] == "content_performance"
        # The check waited for its result: by now they may be trained and serve.
        found = status["active_jobs"] + status["champions"]
        assert {one["model_type"] for one in found} == set(names)
        assert {worker["kind"] for worker in status["workers"]} == {"worker", "scheduler"}

        # Without a word about the port.
        health = subprocess.run(
            [*REFIT_UP[:-2], "health"],
            env=clean_environ | {"REFIT_HOME": str(up_home)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert health.returncode == 0, health.stdout

        # The key is for its owner alone.
        key = up_home / "admin-key"
        assert stat.S_IMODE(key.stat().st_mode) == 0o600
        assert key.read_text().strip() in commands[0]

        # Another link to the dashboard.
        another = subprocess.run(
            [*REFIT_UP[:-2], "dashboard", "--print"],
            env=clean_environ | {"REFIT_HOME": str(up_home)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        assert stat.S_IMODE((up_home / "session-secret").stat().st_mode) == 0o600
        assert "content_performance" in opened(another)

        # A second one would share our servers, and `down` would take them away.
        for arguments in ((*REFIT_UP, str(free_port())), (*REFIT_UP[:-2], "down")):
            refused = subprocess.run(
                arguments,
                env=clean_environ | {"REFIT_HOME": str(up_home)},
                capture_output=True,
                text=True,
                check=False,
            )
            assert refused.returncode == 1
            assert "Refit is up already" in refused.stderr

        # A function server that is killed comes back.
        (pid,) = child_pids(running.process.pid, "functions_framework")
        os.kill(pid, signal.SIGKILL)
        running.wait_for(r"functions was killed by SIGKILL; starting it again")
        wait_until_listening(port)

        # Ctrl-C.
        running.process.send_signal(signal.SIGINT)
        assert running.process.wait(timeout=40) == 0
        ends = re.findall(r"stopping (\w+)", running.err.read_text())
        assert ends == ["functions", "scheduler", "worker"]
    assert not postgres_of(up_home).is_running
    assert not valkey_of(up_home).is_running
    wait_until_gone(up_home)


def test_up_again_keeps_its_key_and_survives_being_killed(
    up_home: Path, tmp_path: Path, clean_environ: dict[str, str]
) -> None:
    keys = []
    for _ in range(2):
        with up(up_home, free_port(), clean_environ, tmp_path) as running:
            running.wait_for("Ctrl-C stops everything")
            keys.append((up_home / "admin-key").read_text())
            running.process.kill()
            running.process.wait()

    assert keys[0] == keys[1]


def child_pids(parent: int, name: str) -> list[int]:
    listing = subprocess.run(
        ["ps", "-o", "pid=,args=", "--ppid", str(parent)],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return [int(line.split()[0]) for line in listing.splitlines() if name in line]


def wait_until_listening(port: int) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1):
                return
        except OSError:
            assert time.monotonic() < deadline, "the functions did not come back"
            time.sleep(0.1)


def wait_until_gone(home: Path) -> None:
    deadline = time.monotonic() + 10
    while left := processes_with(home):
        assert time.monotonic() < deadline, f"still there: {left}"
        time.sleep(0.1)


def test_a_port_that_is_taken_or_none_names_the_option(refit: Refit) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = refit("up", "--port", str(port))

    assert result.exit_code == 1
    assert f"port {port}" in result.stderr
    assert "--port" in result.stderr
    for wrong in ("0", "70000"):
        assert "with --port" in refit("up", "--port", wrong).stderr


def test_up_leaves_a_configured_database_as_it_is(refit: Refit, empty_database_url: str) -> None:
    result = refit("up", "--port", str(free_port()), DATABASE_URL=empty_database_url)

    assert result.exit_code == 1
    assert "Apply them: refit migrate." in result.stderr
