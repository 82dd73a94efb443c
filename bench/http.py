"""What a request costs, against a function that does nothing under the same server.

Run it with ``python -m bench http``. Both are served by functions-framework (gunicorn, one process,
its own number of threads), PostgreSQL and Valkey are the embedded ones as ``refit up`` has them:
every commit is on the disk before it is answered. The load comes from another process over eight
connections that stay open. Each figure is the median of rounds in turn.

``trigger_retraining`` is measured with model types that have no active job (a row, its audit row,
a message), with some that have one (coalesced, the cheap case), and with all connections asking for
the same one, which lock each other out: that is shown, and no goal. ``status`` comes first: it
lists the active jobs, which the triggers make thousands of.
"""

from __future__ import annotations

import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from core.database import PostgresDatabase
from core.database.migrations import migrate
from core.domain import Role
from core.embedded.postgres import EmbeddedPostgres
from core.embedded.valkey import EmbeddedValkey
from core.keys import hash_key, make_key
from core.store import LOCAL_ADMIN, Store

CONNECTIONS = 8
SECONDS = 5.0
ROUNDS = 3
STARTS = 5
TYPES = 6_000
ACTIVE = 64
WANTED_START = 3.5
WANTED_STATUS = 0.5
WANTED_TRIGGER = 0.25
WANTED_P99_MS = 50.0
ROOT = Path(__file__).resolve().parents[1]
MAIN = ROOT / "functions" / "main.py"
NOOP = ROOT / "bench" / "noop_function.py"

_MODEL_TYPES = """
    insert into public.ml_model_types (
        name, task, source_relation, key_columns, time_column, target_column, feature_columns,
        metric
    )
    select 'type_' || i, 'classification', 'public.bench', array['id'], 'happened_at', 'label',
        array['a', 'b'], 'accuracy'
    from generate_series(1, {types}) as i
"""


def start_cpu(variables: dict[str, str], key: str, *, starts: int) -> dict[str, float]:
    """CPU seconds of a fresh process with its first request, the median of starts in turn."""
    found: dict[str, list[float]] = {"noop": [], "refit": []}
    for _ in range(starts):
        found["noop"].append(_started(variables, str(NOOP), "noop", "/"))
        found["refit"].append(_started(variables, str(MAIN), "main", "/status", key))
    return {name: round(statistics.median(values), 3) for name, values in found.items()}


def _started(variables: dict[str, str], *arguments: str) -> float:
    command = [sys.executable, "-m", "bench.http_start", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=variables, check=True, capture_output=True)
    return float(done.stdout.split()[-1])


@contextmanager
def serving(source: Path, target: str, variables: dict[str, str], folder: Path) -> Iterator[int]:
    """The port of a server as in production; its log goes to a file."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
    command = [
        *(sys.executable, "-m", "functions_framework", "--host", "127.0.0.1"),
        *("--source", str(source), "--target", target, "--port", str(port)),
    ]
    with (folder / f"{target}.log").open("wb") as log:
        server = subprocess.Popen(command, cwd=folder, env=variables, stdout=log, stderr=log)
    try:
        for _ in range(200):
            with socket.socket() as client:
                if client.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield port
    finally:
        server.terminate()
        server.wait(timeout=30)


def loaded(port: int, requests: Sequence[str], *, seconds: float, once: bool = False) -> Any:
    """What the load of another process found."""
    command = [
        *(sys.executable, "-m", "bench.http_load", str(port), str(CONNECTIONS), str(seconds)),
        *(["once"] if once else []),
    ]
    lines = "".join(f"{json.dumps(request)}\n" for request in requests)
    done = subprocess.run(
        command, cwd=ROOT, input=lines, capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


def get(path: str, key: str = "") -> str:
    """The text of a read."""
    return f"GET {path} HTTP/1.1\r\nHost: bench\r\nX-API-Key: {key}\r\n\r\n"


def trigger(model_type: str, key: str) -> str:
    """The text of a trigger."""
    body = json.dumps({"model_types": [model_type], "force": True})
    return (
        f"POST /trigger_retraining HTTP/1.1\r\nHost: bench\r\nX-API-Key: {key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    )


def measure(
    database_url: str,
    redis_url: str,
    folder: Path,
    *,
    types: int,
    seconds: float,
    rounds: int,
    starts: int,
) -> dict[str, Any]:
    """Every figure, by what was asked."""
    migrate(database_url)
    key = _make_key(database_url)
    variables = _variables(database_url, redis_url, folder)
    with psycopg.connect(database_url, autocommit=True) as owner:
        owner.execute(_MODEL_TYPES.format(types=types).encode())
        owner.execute("vacuum (analyze)")
    cpu = start_cpu(variables, key, starts=starts)
    triggers = [trigger(f"type_{i}", key) for i in range(1, types + 1)]
    active, idle = triggers[:ACTIVE], triggers[ACTIVE:]
    found: dict[str, list[Any]] = {}
    with (
        serving(NOOP, "noop", variables, folder) as bare,
        serving(MAIN, "main", variables, folder) as port,
    ):
        status = [get("/status", key)]
        loaded(port, status, seconds=1)
        for _ in range(rounds):
            for name, to, requests in (("noop", bare, [get("/")]), ("status", port, status)):
                found.setdefault(name, []).append(loaded(to, requests, seconds=seconds))
        loaded(port, active, seconds=60, once=True)
        for i in range(rounds):
            share = len(idle) // rounds
            new = idle[i * share : (i + 1) * share]
            for name, to, requests, once in (
                ("noop", bare, [get("/")], False),
                ("new", port, new, True),
                ("coalesced", port, active, False),
                ("coalesced_onto_one", port, active[:1], False),
            ):
                run = loaded(to, requests, seconds=seconds, once=once)
                found.setdefault(name, []).append(run)
    return {"start_cpu_seconds": cpu, **{name: _median(runs) for name, runs in found.items()}}


def _median(runs: list[Any]) -> dict[str, Any]:
    statuses = {status for run in runs for status in run["statuses"]}
    assert len(statuses) == 1, statuses
    names = ("per_second", "p50_ms", "p99_ms")
    return {name: statistics.median(run[name] for run in runs) for name in names}


def _make_key(database_url: str) -> str:
    key = make_key()
    database = PostgresDatabase(database_url, max_connections=1)
    try:
        store = Store(database, actor=LOCAL_ADMIN)
        store.create_api_key(name="bench", role=Role.ADMIN, key_hash=hash_key(key))
    finally:
        database.close()
    return key


def _variables(database_url: str, redis_url: str, folder: Path) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "PYTHONPATH": str(ROOT),
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "REFIT_RATE_LIMIT_READS": "10000000/minute",
        "REFIT_RATE_LIMIT_WORK": "10000000/minute",
    }


def ratios(found: dict[str, Any]) -> dict[str, float]:
    """Each figure over the no-op's."""
    cpu, bare = found["start_cpu_seconds"], found["noop"]["per_second"]
    return {
        "start": round(cpu["refit"] / cpu["noop"], 2),
        **{
            name: round(found[name]["per_second"] / bare, 3)
            for name in found
            if name not in {"start_cpu_seconds", "noop"}
        },
    }


def main() -> int:
    """Print what was measured; 1 when a goal is missed."""
    with tempfile.TemporaryDirectory(prefix="refit-bench-") as name:
        folder = Path(name)
        folder.chmod(0o711)  # as root the server runs under another account
        postgres, valkey = EmbeddedPostgres(folder / "postgres"), EmbeddedValkey(folder / "valkey")
        try:
            urls = postgres.start(), valkey.start()
            found = measure(
                *urls, folder, types=TYPES, seconds=SECONDS, rounds=ROUNDS, starts=STARTS
            )
        finally:
            valkey.stop()
            postgres.stop()
    ratio = ratios(found)
    print(json.dumps({**found, "ratio_to_noop": ratio}, indent=2))
    reached = (
        ratio["start"] <= WANTED_START
        and ratio["status"] >= WANTED_STATUS
        and min(ratio["coalesced"], ratio["new"]) >= WANTED_TRIGGER
        and max(found["coalesced"]["p99_ms"], found["new"]["p99_ms"]) < WANTED_P99_MS
    )
    return int(not reached)
