"""A Refit that runs as the tutorial starts it, and a shell that stands in the project's folder."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from core.embedded.stack import stop_stack
from tests.docs.pages import ROOT

_WRITTEN_ADDRESS = "http://localhost:3000"
_CONFIGURING = re.compile(
    r"^(REFIT_|SUPABASE_|N8N_|AWS_)|^(DATABASE_URL|REDIS_URL|SLACK_WEBHOOK_URL|EMAIL_SMTP_CONFIG"
    r"|DASHBOARD_URL|API_BASE_URL|PORT|CI)$"
)


@dataclass(kw_only=True)
class RunningSystem:
    """Where commands run; ``environ`` grows by what a page says the reader has."""

    folder: Path
    port: int
    environ: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"http://localhost:{self.port}"

    def run(self, commands: str) -> str:
        """What the commands say, all of which must succeed."""
        written = commands.replace(_WRITTEN_ADDRESS, self.address)
        written = written.replace("/somewhere/else", str(self.folder))
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", written],
            cwd=self.folder,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=180,
            check=False,
        )
        assert done.returncode == 0, f"{written}\n{done.stdout}"
        return done.stdout

    def start(self, command: str) -> None:
        """Run a command beside the others, as in a terminal of its own, until it is ready."""
        log = self.folder / "up.log"
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                ["bash", "-c", f"exec {command}"],
                cwd=self.folder,
                env=self.environ,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        deadline = time.monotonic() + 90
        link = f"{self.address}/ml-training/sign-in/link?token="
        while link not in (text := log.read_text()):
            assert self.process.poll() is None, text
            assert time.monotonic() < deadline, text
            time.sleep(0.1)

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(timeout=40)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


@contextmanager
def running_system(base: Path, slack: str) -> Iterator[RunningSystem]:
    """A home of its own, and a folder in which the pages' paths are right.

    Parameters
    ----------
    base
        Where home and folder are made.
    slack
        The address of a receiver that stands in for Slack.
    """
    home, folder = base / "docs-home", base / "docs-folder"
    folder.mkdir()
    (folder / "docs").symlink_to(ROOT / "docs")
    program = folder / ".venv" / "bin" / "refit"
    program.parent.mkdir(parents=True)
    program.write_text(
        f"#!/bin/sh\nexec '{sys.executable}' -c 'from core.cli import main; main()' \"$@\"\n"
    )
    program.chmod(0o755)
    # An answer that is an error ends curl with an error, so that it cannot go unnoticed.
    (folder / ".curlrc").write_text("fail-with-body\n")
    system = RunningSystem(folder=folder, port=_free_port())
    system.environ = {k: v for k, v in os.environ.items() if not _CONFIGURING.match(k)} | {
        "PATH": f"{program.parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "CURL_HOME": str(folder),
        "REFIT_HOME": str(home),
        "REFIT_TRAINING_THREADS": "1",
        "PORT": str(system.port),
        "API_BASE_URL": f"{system.address}/api",
        "SLACK_WEBHOOK_URL": slack,
    }
    try:
        yield system
    finally:
        system.stop()
        stop_stack(home)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
