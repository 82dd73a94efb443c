"""One worker process: ``python -m core.worker``.

Run as a module so that multiprocessing does not import the main module again in each child.
"""

from __future__ import annotations

import sys

import redis
import structlog
from dramatiq import Worker

from core.database import PostgresDatabase
from core.errors import RefitError
from core.log import configure_logging
from core.notifications.channels import channels_from
from core.queue import make_broker
from core.settings import Settings, get_settings
from core.stop_signals import StopSignals
from core.webhooks.sending import Courier
from core.worker.actors import declare_actors
from core.worker.callbacks import CallbackSender
from core.worker.context import WorkerContext
from core.worker.isolation import start_forkserver
from core.worker.notifier import Notifier
from core.worker.sweeper import Sweeper
from core.worker.work_metrics import WorkFigures

# For what works to be handed back, and for what polls to see that it should end.
_STOP_TIMEOUT_MS = 15_000

_log = structlog.get_logger(__name__)


def main() -> int:
    """Work until SIGTERM or SIGINT; leases are then handed back at once."""
    try:
        settings = get_settings()
        configure_logging(settings.log_level)
        _work(settings)
    except RefitError as exc:
        sys.stderr.write(f"error: {exc}\n")
        return 2
    return 0


def _work(settings: Settings) -> None:
    database = PostgresDatabase(settings.require_database_url())
    broker = make_broker(settings.require_redis_url())
    figures = WorkFigures(broker, settings.metrics_address) if settings.metrics_address else None
    context = WorkerContext.from_settings(settings, database, figures)
    callbacks = CallbackSender(context, Courier.from_settings(settings))
    notifier = Notifier(context, channels_from(settings), settings.dashboard_url)
    declare_actors(broker, context)
    signals = StopSignals()
    # From the main thread: the forkserver ends when the thread that started it does.
    start_forkserver()
    worker = Worker(
        broker, worker_threads=settings.worker_threads, worker_timeout=settings.worker_poll_ms
    )
    # Nothing is fetched that would wait here for a thread while another worker is idle.
    worker.queue_prefetch = settings.worker_threads
    sweeper = Sweeper(context)
    worker.start()
    sweeper.start()
    callbacks.start()
    notifier.start()
    _log.info("worker_started", worker=context.name, threads=settings.worker_threads)
    signals.wait()
    _log.info("worker_leaving", worker=context.name)
    context.leaving.set()
    _stop(worker)
    callbacks.stop()
    notifier.stop()
    sweeper.join()
    context.doorbell.close()
    broker.client.close()
    database.close()
    if figures:
        figures.close()
    _log.info("worker_stopped", worker=context.name)


def _stop(worker: Worker) -> None:
    try:
        worker.stop(timeout=_STOP_TIMEOUT_MS)
    except redis.RedisError as exc:
        # Fetched messages could not be put back. Their rows are queued: the sweep rings again.
        _log.warning("queue_away", error=type(exc).__name__)


if __name__ == "__main__":
    sys.exit(main())
