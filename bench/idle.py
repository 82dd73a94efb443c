"""What a worker and a scheduler with nothing to do ask of Redis, which some hosts bill by command.

Run it with ``python -m bench.idle``. Both processes are the real ones, on servers of the bench's
own. The server's own count (INFO commandstats) is read before and after a window in which nothing
is queued. Commands that a script runs inside the server are counted apart: the host of a hosted
Redis says which of the two it bills.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis

from core.database.migrations import migrate
from core.embedded.postgres import EmbeddedPostgres
from core.embedded.valkey import EmbeddedValkey

WINDOW_S = 60.0
POLLS_MS = (1000, 30_000)
WANTED_AT_MOST = {1000: 120.0, 30_000: 8.0}  # commands that are sent in a minute
# A poll's wait grows until it is the configured one.
SETTLING_S = 20.0
# The reader's own, and what any new connection sends.
_NOT_COUNTED = ("info", "client", "hello", "auth", "select", "script|load")
_SENT = ("evalsha", "ping")
_WORKER = "from core.worker.__main__ import main; main()"
_SCHEDULER = """
from core.scheduler import run_scheduler
from core.settings import get_settings
run_scheduler(get_settings())
"""
ROOT = Path(__file__).resolve().parents[1]


def run(
    database_url: str,
    redis_url: str,
    *,
    poll_ms: int,
    window_s: float = WINDOW_S,
    settling_s: float = SETTLING_S,
) -> dict[str, float]:
    """Commands per minute while nothing happens: those that are sent, and those inside scripts."""
    with tempfile.TemporaryDirectory() as folder:
        variables = {
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
            "REFIT_ARTIFACTS_URL": Path(folder).as_uri(),
            "REFIT_WORKER_POLL_MS": str(poll_ms),
        }
        with redis.Redis.from_url(redis_url) as client, _running(Path(folder), variables):
            _wait_for_worker(client)
            time.sleep(settling_s)
            before, started = _counts(client), time.monotonic()
            time.sleep(window_s)
            spent = _counts(client) - before
            minutes = (time.monotonic() - started) / 60
    sent = sum(spent[name] for name in _SENT)
    return {
        "sent": sent / minutes,
        "inside_scripts": (spent.total() - sent) / minutes,
        **{name: count / minutes for name, count in sorted(spent.items()) if count},
    }


def _wait_for_worker(client: redis.Redis) -> None:
    deadline = time.monotonic() + 60
    while not client.keys("refit:*heartbeats*"):
        assert time.monotonic() < deadline, "The worker does not start."
        time.sleep(0.1)


@contextmanager
def _running(folder: Path, variables: dict[str, str]) -> Iterator[None]:
    environ = {"PATH": os.environ["PATH"], "HOME": str(folder), "PYTHONPATH": str(ROOT)}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", program],
            cwd=folder,
            env=environ | variables,
            stderr=subprocess.DEVNULL,
        )
        for program in (_WORKER, _SCHEDULER)
    ]
    try:
        yield
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(timeout=60)


def _counts(client: redis.Redis) -> Counter[str]:
    found = client.info("commandstats")
    names = {name.removeprefix("cmdstat_"): stats["calls"] for name, stats in found.items()}
    return Counter({n: c for n, c in names.items() if not n.startswith(_NOT_COUNTED)})


def main() -> int:
    """1 when more is sent than is wanted."""
    missed = 0
    with tempfile.TemporaryDirectory(prefix="refit-bench-") as folder:
        Path(folder).chmod(0o711)
        postgres = EmbeddedPostgres(Path(folder) / "postgres")
        valkey = EmbeddedValkey(Path(folder) / "valkey")
        try:
            database_url, redis_url = postgres.start(), valkey.start()
            migrate(database_url)
            for poll_ms in POLLS_MS:
                found = run(database_url, redis_url, poll_ms=poll_ms)
                print(f"REFIT_WORKER_POLL_MS={poll_ms}: per idle minute")
                for name, count in found.items():
                    print(f"  {name:<16} {count:8.1f}")
                missed |= found["sent"] > WANTED_AT_MOST[poll_ms]
        finally:
            valkey.stop()
            postgres.stop()
    return int(missed)


if __name__ == "__main__":
    raise SystemExit(main())
