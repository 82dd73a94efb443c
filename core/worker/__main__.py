"""One worker process: ``python -m core.worker``.

Run as a module so that multiprocessing does not import the main module again in each child.
"""

from __future__ import annotations

import signal
import sys
from types import FrameType

import structlog
from dramatiq import Worker

from core.errors import RefitError
from core.log import configure_logging
from core.queue import make_broker
from core.settings import get_settings
from core.worker.actors import declare_actors
from core.worker.context import WorkerContext
from core.worker.isolation import start_forkserver
from core.worker.sweeper import Sweeper

_STOP_TIMEOUT_MS = 15_000

_log = structlog.get_logger(__name__)


def main() -> int:
    """Work until SIGTERM or SIGINT; leases are then handed back at once."""
    settings = get_settings()
    configure_logging(settings.log_level)
    try:
        context = WorkerContext.from_settings(settings)
    except RefitError as exc:
        sys.stderr.write(f"error: {exc}\n")
        return 2

    def leave(_number: int, _frame: FrameType | None) -> None:
        context.leaving.set()

    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGINT, leave)
    # From the main thread: the forkserver ends when the thread that started it does.
    start_forkserver()
    broker = make_broker(settings.require_redis_url())
    declare_actors(broker, context)
    worker = Worker(
        broker,
        worker_threads=settings.worker_threads,
        worker_timeout=settings.worker_poll_ms,
    )
    sweeper = Sweeper(
        context.store, context.doorbell, worker=context.name, stopping=context.leaving
    )
    worker.start()
    sweeper.start()
    _log.info("worker_started", worker=context.name, threads=settings.worker_threads)
    while not context.leaving.wait(timeout=1.0):
        pass
    worker.stop(timeout=_STOP_TIMEOUT_MS)
    sweeper.join()
    context.doorbell.close()
    _log.info("worker_stopped", worker=context.name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
