"""Waiting, in a process's main thread, until somebody asks that the process ends."""

from __future__ import annotations

import signal
from queue import Empty, SimpleQueue
from types import FrameType


class StopSignals:
    """SIGTERM and SIGINT from now on, as something to wait for.

    A ``SimpleQueue`` and no ``Event``: only its ``put`` may be interrupted by itself in the same
    thread, which is what a signal handler does.
    """

    def __init__(self) -> None:
        self._caught: SimpleQueue[int] = SimpleQueue()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._catch)

    def _catch(self, number: int, _frame: FrameType | None) -> None:
        self._caught.put(number)

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait for a signal; returns False when none came within ``timeout_s`` seconds."""
        try:
            self._caught.get(timeout=timeout_s)
        except Empty:
            return False
        return True
