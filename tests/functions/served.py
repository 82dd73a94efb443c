"""A real functions-framework server, and asking it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

ROOT = Path(__file__).parents[2]
PATH = "/api/workflows/ml/auto-retraining"


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a function answered."""

    status: int
    headers: Message
    text: str

    @property
    def body(self) -> dict[str, Any]:
        body: dict[str, Any] = json.loads(self.text)
        return body

    @property
    def is_problem(self) -> bool:
        """Whether it has the form of RFC 9457 and says its own status."""
        return (
            self.headers.get_content_type() == "application/problem+json"
            and self.body["status"] == self.status
            and self.body["type"].startswith("urn:refit:problem:")
            and {"title", "detail"} <= self.body.keys()
            and "Traceback" not in self.text
        )

    @property
    def fields(self) -> set[str]:
        """The fields that a problem names."""
        return {error["field"] for error in self.body.get("errors", [])}


@dataclass(frozen=True, kw_only=True)
class Server:
    """A server of functions."""

    address: str
    log: Path

    def get(self, action: str, key: str | None = None, **query: Any) -> Answer:
        return self.ask("GET", f"{PATH}?{urlencode({'action': action, **query})}", key=key)

    def post(self, action: str, body: Any = None, *, key: str | None = None) -> Answer:
        data = b"" if body is None else json.dumps(body).encode()
        return self.ask("POST", f"{PATH}?action={action}", data, key=key)

    def ask(
        self,
        method: str,
        path: str,
        data: bytes | Iterator[bytes] | None = None,
        *,
        key: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        request = urllib.request.Request(
            self.address + path,
            data=data,  # an iterator is sent in chunks
            method=method,
            headers={"X-API-Key": key} if key else {},
        )
        for name, value in (headers or {}).items():
            request.add_header(name, value)
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                return Answer(
                    status=response.status,
                    headers=response.headers,
                    text=response.read().decode(),
                )
        except urllib.error.HTTPError as error:
            with error:
                return Answer(status=error.code, headers=error.headers, text=error.read().decode())

    def log_lines(self) -> list[dict[str, Any]]:
        """What the server logged; each line must be JSON."""
        return [json.loads(line) for line in self.log.read_text().splitlines()]


def free_port() -> int:
    """A port on which nothing listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@contextmanager
def serving(folder: Path, target: str, **variables: str) -> Iterator[Server]:
    """Functions served as in production, with these variables and no others of Refit's."""
    port = free_port()
    log = folder / f"{target}-{port}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "functions_framework", "--host", "127.0.0.1"),
                *("--source", ROOT / "functions" / "main.py"),
                *("--target", target, "--port", str(port)),
            ],
            cwd=folder,  # no .env of a developer's is read
            env={"PATH": os.environ["PATH"], "HOME": str(folder), **variables},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        for _ in range(300):
            assert process.poll() is None, log.read_text()
            with socket.socket() as client:
                if client.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        else:
            pytest.fail(f"functions-framework did not start:\n{log.read_text()}")
        yield Server(address=f"http://127.0.0.1:{port}", log=log)
    finally:
        process.terminate()
        process.wait(timeout=30)
