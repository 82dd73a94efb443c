"""Why a message did not arrive, and a limit on how long that may take to find out."""

from __future__ import annotations

from collections.abc import Callable
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TypeVar

T = TypeVar("T")


class NotDelivered(Exception):
    """A channel did not take a message.

    Parameters
    ----------
    reason : str
        A sentence. Nothing of the channel's address, and nothing that a server said in its own
        words: both may hold secrets.
    transient : bool
        Whether the same message may be taken later.
    """

    def __init__(self, reason: str, *, transient: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.transient = transient


def within(seconds: float, work: Callable[[], T], *, abandon: Callable[[], None]) -> T:
    """What ``work`` gives, when it gives it in time.

    The libraries bound each packet; a server that sends one byte now and then, and the system's
    resolver, know no such limit. So the work has a thread, which is left when its time is up.

    Parameters
    ----------
    seconds : float
        Of everything together.
    work : callable
        May raise NotDelivered.
    abandon : callable
        Called when the time is up: closes what the work waits for.

    Raises
    ------
    NotDelivered
    """
    outcomes: SimpleQueue[tuple[T | None, BaseException | None]] = SimpleQueue()

    def run() -> None:
        try:
            outcomes.put((work(), None))
        except BaseException as exc:  # noqa: BLE001 — raised where it is waited for
            outcomes.put((None, exc))

    Thread(target=run, name="notification", daemon=True).start()
    try:
        result, error = outcomes.get(timeout=seconds)
    except Empty:
        abandon()
        raise NotDelivered(f"It did not answer within {seconds:g} s.", transient=True) from None
    if error is not None:
        raise error
    return result  # type: ignore[return-value]
