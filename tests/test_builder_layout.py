"""The layout that Google's functions builder sees: source root, functions-only requirements.

The builder installs the root's requirements.txt into an environment of its own, compiles the
sources, and starts functions-framework in the source root with the function's source and target in
the environment. See docs/decisions/0001-tooling.md.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
UPLOADED = ("core", "functions", "requirements", "requirements.txt", "pyproject.toml")
PATH = "/api/workflows/ml/auto-retraining"


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a function answered."""

    status: int
    headers: Message
    body: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Deployed:
    """A function in the builder's layout, serving."""

    python: Path
    source: Path
    address: str

    def post(self, action: str, headers: dict[str, str]) -> Answer:
        """POST an empty object to an action."""
        request = urllib.request.Request(
            f"{self.address}{PATH}?action={action}",
            data=b"{}",
            headers={"Content-Type": "application/json", **headers},
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                return Answer(
                    status=response.status, headers=response.headers, body=json.load(response)
                )
        except urllib.error.HTTPError as error:
            return Answer(status=error.code, headers=error.headers, body=json.load(error))


def free_port() -> int:
    """A port on which nothing listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def upload(source: Path) -> None:
    """Copy what a deployment uploads."""
    source.mkdir()
    for name in UPLOADED:
        if (ROOT / name).is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / name, source / name, ignore=ignored)
        else:
            shutil.copy(ROOT / name, source / name)


def install(source: Path, environment: Path) -> Path:
    """Install the functions' requirements into an empty environment and compile the sources."""
    subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    python = environment / "bin" / "python"
    install = ["pip", "install", "-qq", "--disable-pip-version-check", "--require-hashes"]
    subprocess.run([python, "-m", *install, "-r", "requirements.txt"], cwd=source, check=True)
    subprocess.run([python, "-m", "compileall", "-f", "-q", "."], cwd=source, check=True)
    return python


def wait_until_it_answers(port: int, server: subprocess.Popen[bytes], log: Path) -> None:
    """Wait for the port, or fail with what the server said."""
    for _ in range(300):
        if server.poll() is not None:
            pytest.fail(f"functions-framework ended with {server.returncode}:\n{log.read_text()}")
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    pytest.fail(f"functions-framework did not start:\n{log.read_text()}")


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    folder = tmp_path_factory.mktemp("builder")
    source, log, port = folder / "workspace", folder / "server.log", free_port()
    upload(source)
    python = install(source, folder / "environment")
    environment = {
        "PATH": f"{python.parent}:{os.defpath}",
        "HOME": str(folder),
        "FUNCTION_SOURCE": "functions/main.py",
        "FUNCTION_TARGET": "main",
        "FUNCTION_SIGNATURE_TYPE": "http",
        "PORT": str(port),
        # Nothing listens there: the database is away.
        "DATABASE_URL": f"postgresql://refit@127.0.0.1:{free_port()}/refit",
        "REDIS_URL": f"redis://127.0.0.1:{free_port()}/0",
        "REFIT_SESSION_SECRET": "x" * 32,
    }
    with log.open("wb") as output:
        server = subprocess.Popen(
            [python.parent / "functions-framework", "--host", "127.0.0.1"],
            cwd=source,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_until_it_answers(port, server, log)
        yield Deployed(python=python, source=source, address=f"http://127.0.0.1:{port}")
    finally:
        server.terminate()
        server.wait(timeout=30)


def test_the_environment_has_no_machine_learning(deployed: Deployed) -> None:
    for module in ("numpy", "pandas", "sklearn", "pyarrow"):
        found = subprocess.run(
            [deployed.python, "-c", f"import {module}"], capture_output=True, check=False
        )
        assert found.returncode != 0, module


def test_an_unknown_action_is_not_found(deployed: Deployed) -> None:
    answer = deployed.post("bake_bread", {})

    assert answer.status == 404
    assert answer.headers.get_content_type() == "application/problem+json"
    assert answer.body["status"] == 404
    assert {"type", "title", "detail"} <= answer.body.keys()


def test_a_call_without_credentials_is_refused(deployed: Deployed) -> None:
    answer = deployed.post("trigger_retraining", {})

    assert answer.status == 401
    assert answer.headers.get_content_type() == "application/problem+json"


def test_a_call_says_that_the_database_is_away(deployed: Deployed) -> None:
    answer = deployed.post("trigger_retraining", {"X-API-Key": f"rft_{'A' * 43}"})

    assert answer.status == 503
    assert answer.headers.get_content_type() == "application/problem+json"
    assert "Retry-After" in answer.headers
    assert "Traceback" not in json.dumps(answer.body)


def test_the_dashboard_is_part_of_it(deployed: Deployed) -> None:
    with urllib.request.urlopen(f"{deployed.address}/nl/ml-training/sign-in") as response:
        page = response.read().decode()
    assert 'lang="nl"' in page
    static = re.findall(r'"(/ml-training/static/[^"]+\.(?:css|js))"', page)
    assert len(static) == 2
    # Plotly's script comes from its package, which the functions' requirements bring.
    for path in (*static, static[0].rpartition("/")[0] + "/plotly.min.js"):
        with urllib.request.urlopen(deployed.address + path) as response:
            assert len(response.read()) > 500, path
