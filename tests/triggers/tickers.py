"""Processes that tick when they are told to."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, kw_only=True)
class Ticker:
    """A process that ticks when it is told to."""

    process: subprocess.Popen[str]

    def tick(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("now\n")
        self.process.stdin.flush()

    def answer(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()


TICK = """
import sys
from datetime import UTC, datetime
from core.database import PostgresDatabase
from core.process_name import process_name
from core.queue import Doorbell
from core.retention import DEFAULT_DAYS
from core.store import Store
from core.tick import tick
store, doorbell = Store(PostgresDatabase(sys.argv[1])), Doorbell(sys.argv[2])
store.list_due_schedules()
print("ready", flush=True)
for _ in sys.stdin:
    done = tick(
        store,
        doorbell,
        ticker=process_name(),
        now=datetime.now(UTC),
        retention_days=DEFAULT_DAYS,
            digest=None,
    )
    print(done["schedules"], flush=True)
"""


@contextmanager
def running_tickers(database_url: str, redis_url: str, number: int) -> Iterator[list[Ticker]]:
    """So many processes, connected and ready."""
    started = [
        Ticker(
            process=subprocess.Popen(
                [sys.executable, "-c", TICK, database_url, redis_url],
                env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        )
        for _ in range(number)
    ]
    assert [ticker.answer() for ticker in started] == ["ready"] * number
    yield started
    for ticker in started:
        ticker.process.communicate(timeout=15)
        assert ticker.process.returncode == 0
