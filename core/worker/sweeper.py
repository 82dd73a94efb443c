"""Every few seconds: take back what lost workers held, and ring again for what nobody fetched."""

from __future__ import annotations

import time
from threading import Event, Thread

import structlog

from core.errors import RefitError
from core.queue import Doorbell
from core.store import Store

SWEEP_SECONDS = 5.0
HOUSEKEEPING_SECONDS = 3600.0

_log = structlog.get_logger(__name__)


class Sweeper:
    """A thread of every worker; the database lets one of them sweep at a time."""

    def __init__(self, store: Store, doorbell: Doorbell, *, worker: str, stopping: Event) -> None:
        self._store = store
        self._doorbell = doorbell
        self._worker = worker
        self._stopping = stopping
        self._housekeeping_due = 0.0
        self._thread = Thread(target=self._run, name="sweeper", daemon=True)

    def start(self) -> None:
        """Begin sweeping."""
        self._thread.start()

    def join(self) -> None:
        """Wait until the last sweep is over; ``stopping`` must be set."""
        self._thread.join(timeout=SWEEP_SECONDS * 2)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self.sweep()
            except RefitError as exc:
                _log.warning("sweep_failed", error=exc.problem, detail=exc.message)
            self._stopping.wait(SWEEP_SECONDS)

    def sweep(self) -> None:
        """One sweep; once an hour the partitions are kept ahead too."""
        rings = self._store.sweep_lost_work(self._worker)
        # Messages that still wait mean a long queue, not lost messages: more would only pile up.
        waiting = self._doorbell.waiting()
        if waiting is None or waiting < len(rings):
            for ring in rings:
                if not self._doorbell.ring(ring["actor"], ring["id"]):
                    break
        if time.monotonic() >= self._housekeeping_due:
            self._store.run_housekeeping()
            self._housekeeping_due = time.monotonic() + HOUSEKEEPING_SECONDS
