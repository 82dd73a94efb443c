"""Taking back what lost workers held, and ringing again for what nobody fetched."""

from __future__ import annotations

from core.queue import Doorbell
from core.store import Store


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
    # As many messages as pieces of work: the queue is long, none is lost. More would pile up.
    if waiting is not None and waiting >= len(rings):
        return
    for ring in rings:
        if not doorbell.ring(ring["actor"], ring["id"]):
            return  # the queue is away: the next sweep tries again
