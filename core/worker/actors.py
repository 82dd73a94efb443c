"""The Dramatiq actors: an id comes in, the row is claimed, children do the work, SQL ends it.

An actor may be rung twice, late, or for work that is done: then the claim finds nothing. Dramatiq
never retries here; trying again is the database's decision.
"""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import dramatiq
import structlog
from dramatiq.brokers.redis import RedisBroker

from core.errors import RefitError
from core.queue import QUEUE
from core.worker.context import WorkerContext
from core.worker.job_work import work_on_job
from core.worker.operation_work import work_on_operation

Work = Callable[[WorkerContext, UUID], None]

ACTORS: dict[str, Work] = {
    "retrain": work_on_job,
    "check_performance": work_on_operation,
    "validate_models": work_on_operation,
    "deploy_model": work_on_operation,
}

_log = structlog.get_logger(__name__)


def declare_actors(broker: RedisBroker, context: WorkerContext) -> None:
    """Register the four actors with the broker of this process."""
    for name, work in ACTORS.items():
        declare = dramatiq.actor(actor_name=name, queue_name=QUEUE, broker=broker)
        declare(_actor(name, work, context))


def _actor(name: str, work: Work, context: WorkerContext) -> Callable[[str], None]:
    def act(work_id: str) -> None:
        if context.leaving.is_set():
            return  # it stays queued: the sweep of another worker rings again
        try:
            work(context, UUID(work_id))
        except RefitError as exc:
            # The row is as it was, or its lease runs out: the sweep brings it back.
            _log.warning("work_interrupted", actor=name, id=work_id, error=exc.problem)

    return act
