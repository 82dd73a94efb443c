"""A bound on how many requests wait, so that others are served meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Semaphore


class WaitingSlots:
    """At most half of the server's threads wait at a time.

    Parameters
    ----------
    threads : int
        How many requests the server serves at a time; with one, none may wait.
    """

    def __init__(self, threads: int) -> None:
        self._free = Semaphore(threads // 2)

    @contextmanager
    def take(self) -> Iterator[bool]:
        """Whether there was a free slot; it is this block's until its end."""
        taken = self._free.acquire(blocking=False)
        try:
            yield taken
        finally:
            if taken:
                self._free.release()
