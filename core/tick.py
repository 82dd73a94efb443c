"""One tick: all that must happen now and then, whoever sees to it.

The scheduler process ticks every few seconds; pg_cron or n8n do it by the action run_schedules.
Any number of tickers at once do no harm: the database decides who does what.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import structlog

from core.digests import DigestPlan, write_due_digest
from core.errors import RefitError
from core.lost_work import ring_for_lost_work
from core.queue import Doorbell
from core.schedules import start_due_schedules
from core.store import Store

Summary = dict[str, Any]

_log = structlog.get_logger(__name__)


def tick(
    store: Store,
    doorbell: Doorbell,
    *,
    ticker: str,
    now: datetime,
    retention_days: Mapping[str, int],
    digest: DigestPlan | None,
) -> Summary:
    """Take back lost work, start what is due, keep the house.

    Parameters
    ----------
    store : Store
        Refit itself: a tick is in nobody else's name.
    doorbell : Doorbell
    ticker : str
        Name of this process.
    now : datetime
        With a time zone. Schedules go on with the first slot after it.
    retention_days : mapping
        Days by table, as ``Settings.retention_days`` has them.
    digest : DigestPlan or None
        When people are told of the week; None: never.

    Returns
    -------
    dict
        ``lost_work``: for how much work was rung again; ``schedules``: how many started;
        ``updates``: how many checks were asked for by update_frequency; ``digests``: how many were
        written; ``housekeeping``: what the database did.

    Raises
    ------
    RefitError
        The first that a step raised; the steps after it were done nevertheless.
    """
    steps: dict[str, Callable[[], Any]] = {
        "lost_work": lambda: ring_for_lost_work(store, doorbell, sweeper=ticker, kind="scheduler"),
        "schedules": lambda: start_due_schedules(store, doorbell, worker=ticker, now=now),
        "updates": lambda: _request_updates(store, doorbell, ticker),
        "digests": lambda: write_due_digest(store, digest, now=now),
        "housekeeping": lambda: store.run_housekeeping(retention_days),
    }
    summary: Summary = {}
    first: RefitError | None = None
    for name, step in steps.items():
        try:
            summary[name] = step()
        except RefitError as exc:
            if exc.transient:
                raise
            _log.error("tick_step_failed", step=name, error=exc.problem, detail=exc.message)
            first = first or exc
    if first is not None:
        raise first
    return summary


def _request_updates(store: Store, doorbell: Doorbell, ticker: str) -> int:
    rings = store.request_due_updates(ticker)
    for ring in rings:
        doorbell.ring(ring["actor"], ring["id"])
    return len(rings)
