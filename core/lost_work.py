"""Taking back what lost workers held, and ringing again for what nobody fetched."""

from __future__ import annotations

from core.queue import Doorbell
from core.store import Store

# As the sweep names at most: with more messages than this the queue is long, whatever it holds.
_MOST_MESSAGES = 2000


def ring_for_lost_work(store: Store, doorbell: Doorbell, *, sweeper: str, kind: str) -> int:
    """One sweep; the database lets one process sweep at a time.

    Parameters
    ----------
    store : Store
    doorbell : Doorbell
    sweeper : str
        Name of this process.
    kind : str
        ``worker`` or ``scheduler``.

    Returns
    -------
    int
        For how much work was rung.

    Raises
    ------
    DatabaseUnavailable
    """
    rings = store.sweep_lost_work(sweeper, kind)
    if not rings:
        return 0
    waiting = doorbell.waiting()
    if waiting is None or waiting >= _MOST_MESSAGES:
        return 0  # away, or long: the next sweep looks again
    # Work whose message waits is in turn; another message would only pile up.
    in_turn = doorbell.waiting_ids(_MOST_MESSAGES)
    if in_turn is None:
        return 0
    rung = 0
    for ring in rings:
        if ring["id"] in in_turn:
            continue
        if not doorbell.ring(ring["actor"], ring["id"]):
            break  # the queue is away: the next sweep tries again
        rung += 1
    return rung
