"""Every few seconds: take back what lost workers held, and ring again for what nobody fetched."""

from __future__ import annotations

import time
from threading import Event, Thread

import structlog

from core.errors import RefitError
from core.lost_work import ring_for_lost_work
from core.worker.context import WorkerContext

SWEEP_SECONDS = 5.0
HOUSEKEEPING_SECONDS = 3600.0

_log = structlog.get_logger(__name__)


class Sweeper:
    """A thread of every worker; the database lets one process sweep at a time.

    Parameters
    ----------
    context : WorkerContext
        Its ``leaving`` ends the sweeper too.
    """

    def __init__(self, context: WorkerContext) -> None:
        self._context = context
        self._housekeeping_due = 0.0
        self._thread = Thread(target=self._run, name="sweeper", daemon=True)

    def start(self) -> None:
        """Begin sweeping."""
        self._thread.start()

    def join(self) -> None:
        """Wait until the last sweep is over; ``leaving`` must be set."""
        self._thread.join(timeout=SWEEP_SECONDS * 2)

    def sweep(self) -> None:
        """One sweep; once an hour the house is kept too, for where nobody ticks.

        Raises
        ------
        RefitError
        """
        context = self._context
        ring_for_lost_work(context.store, context.doorbell, sweeper=context.name, kind="worker")
        if time.monotonic() >= self._housekeeping_due:
            context.store.run_housekeeping(context.retention_days)
            self._housekeeping_due = time.monotonic() + HOUSEKEEPING_SECONDS

    def _run(self) -> None:
        leaving: Event = self._context.leaving
        while not leaving.is_set():
            try:
                self.sweep()
            except RefitError as exc:
                _log.warning("sweep_failed", error=exc.problem, detail=exc.message)
            except Exception:  # noqa: BLE001
                # Whatever it was: without sweeps lost work would never come back.
                _log.exception("sweep_failed")
            leaving.wait(SWEEP_SECONDS)
