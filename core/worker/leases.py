"""Holding a lease while a child works: heartbeats, cancellation, leaving in good order."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Event
from typing import Any

from core.errors import DatabaseUnavailable, JobCancelled, LeaseLost
from core.store import LEASE_SECONDS

HEARTBEAT_SECONDS = 2.0


class WorkerLeaving(Exception):
    """This worker was asked to end: the work goes back to the queue."""


class LeaseKeeper:
    """Extends a lease from the parent's tick, and ends the child when it may not go on.

    Parameters
    ----------
    heartbeat : callable
        Given what the child said last, extends the lease; returns whether to stop.
    leaving : Event
        Set when the worker is asked to end.
    """

    def __init__(self, heartbeat: Callable[[list[dict[str, Any]]], bool], leaving: Event) -> None:
        self._heartbeat = heartbeat
        self._leaving = leaving
        self._said: list[dict[str, Any]] = []
        self._renewed = time.monotonic()
        self._due = 0.0

    def hear(self, message: dict[str, Any]) -> None:
        """Keep what the child said for the next heartbeat, which is due at once."""
        self._said.append(message)
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
        now = time.monotonic()
        if now < self._due:
            return
        self._due = now + HEARTBEAT_SECONDS
        try:
            stop = self._heartbeat(self._said)
        except DatabaseUnavailable:
            # The lease stands without a renewal for a while; after that another may hold it.
            if now - self._renewed > LEASE_SECONDS:
                raise LeaseLost("The database was away for longer than the lease.") from None
            return
        self._said = []
        self._renewed = now
        if stop:
            raise JobCancelled("Somebody asked that this stops.")
