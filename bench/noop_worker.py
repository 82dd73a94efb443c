"""A worker process whose jobs do nothing: claimed, one heartbeat, finished.

All but the work itself is what a real worker runs: the store over PostgreSQL, the broker,
Dramatiq's threads, the sweeper. ``bench.jobs`` starts it.
"""

from __future__ import annotations

from uuid import UUID

import dramatiq
from dramatiq import Worker

from core.database import PostgresDatabase
from core.log import configure_logging
from core.queue import QUEUE, make_broker
from core.settings import get_settings
from core.stop_signals import StopSignals
from core.worker.context import WorkerContext
from core.worker.sweeper import Sweeper

OUTCOME = {"status": "skipped", "skip_reason": "There is nothing to do."}


def main() -> None:
    """Work until SIGTERM."""
    settings = get_settings()
    configure_logging("WARNING")
    database = PostgresDatabase(settings.require_database_url())
    context = WorkerContext.from_settings(settings, database)
    broker = make_broker(settings.require_redis_url())

    def work(work_id: str) -> None:
        job = context.store.claim_training_job(UUID(work_id), context.name)
        if job is not None:
            context.store.heartbeat_training_job(job)
            context.store.finish_training_job(job, OUTCOME)

    dramatiq.actor(actor_name="retrain", queue_name=QUEUE, broker=broker)(work)
    signals = StopSignals()
    worker = Worker(broker, worker_threads=settings.worker_threads)
    worker.queue_prefetch = settings.worker_threads
    sweeper = Sweeper(context)
    worker.start()
    sweeper.start()
    signals.wait()
    context.leaving.set()
    worker.stop(timeout=15_000)
    sweeper.join()
    database.close()


if __name__ == "__main__":
    main()
