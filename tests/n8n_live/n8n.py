"""A real n8n on this machine: its commands, its server, and what it recorded."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Json = dict[str, Any]
READY_WITHIN_S = 120.0
# Nothing is reported, fetched or looked up elsewhere.
_QUIET = {
    "N8N_DIAGNOSTICS_ENABLED": "false",
    "N8N_VERSION_NOTIFICATIONS_ENABLED": "false",
    "N8N_TEMPLATES_ENABLED": "false",
    "N8N_PERSONALIZATION_ENABLED": "false",
    "N8N_HIRING_BANNER_ENABLED": "false",
    "N8N_COMMUNITY_PACKAGES_ENABLED": "false",
    "N8N_UNVERIFIED_PACKAGES_ENABLED": "false",
    "N8N_RUNNERS_ENABLED": "false",
    "EXTERNAL_FRONTEND_HOOKS_URLS": "",
    "N8N_DYNAMIC_BANNERS_ENABLED": "false",
    "N8N_LICENSE_AUTO_RENEW_ENABLED": "false",
    "N8N_AI_ENABLED": "false",
}


@dataclass(frozen=True, kw_only=True)
class Installed:
    """An n8n that is installed in a folder of its own.

    Parameters
    ----------
    folder : Path
        Holds ``bin/node`` and ``app/node_modules``.
    """

    folder: Path

    @property
    def is_first(self) -> bool:
        """Whether it is a 1.x, which lacks some modules."""
        return self.folder.name.startswith("n8n-1.")

    @property
    def command(self) -> list[str]:
        return [
            str(self.folder / "bin" / "node"),
            str(self.folder / "app" / "node_modules" / "n8n" / "bin" / "n8n"),
        ]


@dataclass(frozen=True, kw_only=True)
class N8n:
    """One n8n with a folder of its own, on 127.0.0.1."""

    installed: Installed
    folder: Path
    port: int
    broker_port: int

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def variables(self) -> dict[str, str]:
        return {
            "PATH": f"{self.installed.folder / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(self.folder),
            "N8N_USER_FOLDER": str(self.folder),
            "N8N_ENCRYPTION_KEY": "of a test",
            "N8N_HOST": "127.0.0.1",
            "N8N_LISTEN_ADDRESS": "127.0.0.1",
            "N8N_PORT": str(self.port),
            # Of its own even when another n8n runs here.
            "N8N_RUNNERS_BROKER_PORT": str(self.broker_port),
            "WEBHOOK_URL": f"{self.address}/",
            "N8N_SECURE_COOKIE": "false",
            "DB_SQLITE_POOL_SIZE": "2",
            **_QUIET,
            **({} if self.installed.is_first else {"N8N_DISABLED_MODULES": "mcp-registry"}),
        }

    def run(self, *arguments: str) -> str:
        """One of its commands, which must succeed."""
        done = subprocess.run(
            [*self.installed.command, *arguments],
            cwd=self.folder,
            env=self.variables,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def take_credentials(self, credentials: list[Json]) -> None:
        """Import credentials with its command, which seals them."""
        path = self.folder / "credentials.json"
        path.write_text(json.dumps(credentials), encoding="utf-8")
        self.run("import:credentials", f"--input={path}")

    @contextmanager
    def serving(self) -> Iterator[None]:
        """The server, for the time of the block."""
        with (self.folder / "n8n.log").open("ab") as output:
            process = subprocess.Popen(
                [*self.installed.command, "start"],
                cwd=self.folder,
                env=self.variables,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            self.wait_until_it_answers("/rest/owner/setup", lambda status: status == 400, process)
            yield
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(timeout=40)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait(timeout=10)

    @property
    def log(self) -> str:
        return (self.folder / "n8n.log").read_text(encoding="utf-8", errors="replace")

    def wait_until_it_answers(
        self,
        path: str,
        expected: Callable[[int], bool],
        process: subprocess.Popen[bytes] | None = None,
    ) -> None:
        """Post nothing, which does nothing, until the answer is one of a server that is ready."""
        deadline = time.monotonic() + READY_WITHIN_S
        while True:
            assert process is None or process.poll() is None, self.log
            assert time.monotonic() < deadline, self.log
            with suppress(OSError):
                if expected(self.post(path, {}, {})):
                    return
            time.sleep(0.3)

    def post(self, path: str, body: Json, headers: dict[str, str]) -> int:
        """The status that is answered."""
        request = urllib.request.Request(
            self.address + path,
            data=json.dumps(body).encode(),
            headers={"Content-Type": "application/json", **headers},
            method="POST",
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                status: int = answer.status
                return status
        except urllib.error.HTTPError as error:
            with error:
                return error.code

    # What it recorded --------------------------------------------------------------------

    def executions(self) -> list[Execution]:
        """Every run, oldest first."""
        with closing(self._database()) as database:
            rows = database.execute(
                "select e.id, e.status, e.mode, d.data from execution_entity e"
                " join execution_data d on d.executionId = e.id order by e.id"
            ).fetchall()
        return [
            Execution(id=row[0], status=row[1], mode=row[2], data=unflattened(row[3]))
            for row in rows
        ]

    def _database(self) -> sqlite3.Connection:
        path = self.folder / ".n8n" / "database.sqlite"
        return sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)


class Session:
    """The first person of an n8n, signed in."""

    EMAIL, PASSWORD = "ann@example.org", "A-test-0f-n8n"

    def __init__(self, n8n: N8n) -> None:
        self._n8n = n8n
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
        person = {"firstName": "Ann", "lastName": "Example"}
        self.post("/rest/owner/setup", {"email": self.EMAIL, "password": self.PASSWORD, **person})

    def publish(self, workflow: Json) -> str:
        """Import a workflow and publish it, as n8n's pages do; returns the id that it got.

        Publishing is what checks node types, their versions, needed parameters and credentials.
        """
        wanted = ("name", "active", "nodes", "connections", "settings")
        parts = {part: workflow[part] for part in wanted}
        made = self.post("/rest/workflows", parts)
        self.post(f"/rest/workflows/{made['id']}/activate", {"versionId": made["versionId"]})
        (webhook,) = [n for n in workflow["nodes"] if n["name"] == "Manual Webhook"]
        path = f"/webhook/{webhook['parameters']['path']}"
        self._n8n.wait_until_it_answers(path, lambda status: status != 404)
        found: str = made["id"]
        return found

    def post(self, path: str, body: Json) -> Json:
        """What is answered, which must be what was asked for."""
        request = urllib.request.Request(
            self._n8n.address + path,
            data=json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
            method="POST",
        )
        try:
            with self._opener.open(request, timeout=60) as answer:
                data: Json = json.loads(answer.read())["data"]
                return data
        except urllib.error.HTTPError as error:
            with error:
                raise AssertionError(f"{path}: {error.read().decode()}") from error


@dataclass(frozen=True, kw_only=True)
class Execution:
    """One run as n8n recorded it."""

    id: int
    status: str
    mode: str
    data: Json

    @property
    def runs(self) -> dict[str, list[Json]]:
        """Of each node that ran, its runs."""
        found: dict[str, list[Json]] = self.data.get("resultData", {}).get("runData", {})
        return found

    def output(self, node: str, output: int = 0, run: int = -1) -> list[Json]:
        """The items that a node gave."""
        outputs: Sequence[list[Json] | None] = self.runs[node][run].get("data", {}).get("main", [])
        items = outputs[output] if output < len(outputs) else None
        return [item["json"] for item in items or []]


def unflattened(text: str) -> Json:
    """What n8n wrote in its flattened JSON: a list in which texts that are numbers point."""
    table: list[Any] = json.loads(text)
    known: dict[int, Any] = {}

    def value(held: Any) -> Any:
        return at(int(held)) if isinstance(held, str) else held

    def at(index: int) -> Any:
        if index not in known:
            held = table[index]
            if isinstance(held, dict):
                made: Json = {}
                known[index] = made
                made.update({name: value(part) for name, part in held.items()})
            elif isinstance(held, list):
                items: list[Any] = []
                known[index] = items
                items.extend(value(part) for part in held)
            else:
                known[index] = held
        return known[index]

    root: Json = at(0)
    return root
