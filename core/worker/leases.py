"""Holding a lease while a child works: heartbeats, cancellation, leaving in good order."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from threading import Event

from core.errors import DatabaseUnavailable, JobCancelled, LeaseLost
from core.store import LEASE_SECONDS
from core.worker.messages import Progress

HEARTBEAT_SECONDS = 2.0

# Given what the child said since the last one, extends the lease; returns whether to stop.
Heartbeat = Callable[[Sequence[Progress]], bool]


class WorkerLeaving(Exception):
    """The worker was asked to end: the work goes back to the queue."""


class LeaseKeeper:
    """Extends a lease from the parent's tick, and ends the child when it may not go on.

    Parameters
    ----------
    heartbeat : callable
    leaving : Event
        Set when the worker is asked to end.
    """

    def __init__(self, heartbeat: Heartbeat, leaving: Event) -> None:
        self._heartbeat = heartbeat
        self._leaving = leaving
        self._said: list[Progress] = []
        self._renewed = time.monotonic()
        self._due = 0.0

    def hear(self, progress: Progress) -> None:
        """Keep what the child said for the next heartbeat, which is due at once."""
        self._said.append(progress)
        self._due = 0.0

    def tick(self) -> None:
        """Renew the lease when it is time.

        Raises
        ------
        WorkerLeaving, JobCancelled, LeaseLost
            The child must end.
        """
        if self._leaving.is_set():
            raise WorkerLeaving
        if time.monotonic() >= self._due:
            self._renew()

    def pass_on(self) -> None:
        """Write what the child said last, however short it worked.

        Raises
        ------
        JobCancelled, LeaseLost
            What it found out no longer counts.
        """
        if self._said:
            self._renew()

    def _renew(self) -> None:
        now = time.monotonic()
        self._due = now + HEARTBEAT_SECONDS
        try:
            stop = self._heartbeat(self._said)
        except DatabaseUnavailable as exc:
            # The lease stands without a renewal for a while; after that another may hold it. So
            # there must be time for one more attempt, should it take as long as this one did.
            after = time.monotonic()
            next_ends = max(after, self._due) + (after - now)
            if next_ends >= self._renewed + LEASE_SECONDS:
                raise LeaseLost("The database was away for as long as the lease lasts.") from exc
            return
        self._said = []
        self._renewed = now
        if stop:
            raise JobCancelled("Somebody asked that this stops.")
