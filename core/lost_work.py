"""Taking back what lost workers held, and ringing again for what nobody fetched."""

from __future__ import annotations

from core.queue import Doorbell
from core.store import Store

# As the sweep names at most: with more messages than this the queue is long, whatever it holds.
_MOST_MESSAGES = 2000


def ring_for_lost_work(store: Store, doorbell: Doorbell, *, sweeper: str, kind: str) -> None:
    """One sweep; the database lets one process sweep at a time.

    Parameters
    ----------
    store : Store
    doorbell : Doorbell
    sweeper : str
        Name of this process.
    kind : str
        ``worker`` or ``scheduler``.

    Raises
    ------
    DatabaseUnavailable
    """
    rings = store.sweep_lost_work(sweeper, kind)
    if not rings:
        return
    waiting = doorbell.waiting()
    if waiting is None or waiting >= _MOST_MESSAGES:
        return  # away, or long: the next sweep looks again
    # Work whose message waits is in turn; another message would only pile up.
    in_turn = doorbell.waiting_ids(_MOST_MESSAGES)
    if in_turn is None:
        return
    for ring in rings:
        if ring["id"] not in in_turn and not doorbell.ring(ring["actor"], ring["id"]):
            return  # the queue is away: the next sweep tries again
