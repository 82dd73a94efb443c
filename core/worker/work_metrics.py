"""What a worker does, for Prometheus: Dramatiq's figures of its messages, and how work ended."""

from __future__ import annotations

import os
import tempfile

from dramatiq.brokers.redis import RedisBroker

from core.exposition import expose, parse_address


class WorkFigures:
    """The figures of this process.

    Parameters
    ----------
    broker : RedisBroker
        Its worker has not started.
    address : str
        REFIT_METRICS_ADDRESS.

    Raises
    ------
    ConfigurationError
        When it is no address.
    """

    def __init__(self, broker: RedisBroker, address: str) -> None:
        parse_address(address)
        # Dramatiq keeps its figures in files, in a folder that it takes from the environment when
        # the module is imported; prometheus_client asks for it then too.
        self._folder = tempfile.TemporaryDirectory(prefix="refit-metrics-")
        os.environ["dramatiq_prom_db"] = self._folder.name  # noqa: SIM112
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = self._folder.name
        from dramatiq.middleware.prometheus import Prometheus
        from prometheus_client import CollectorRegistry, Counter
        from prometheus_client.multiprocess import MultiProcessCollector

        broker.add_middleware(Prometheus())
        broker.emit_after("process_boot")  # as dramatiq's command does
        self._ended = Counter(
            "refit_work_ended_total",
            "Jobs and operations that ended; queued: to be tried again.",
            ["actor_name", "status"],
            registry=CollectorRegistry(),
        )
        registry = CollectorRegistry()
        MultiProcessCollector(registry, self._folder.name)  # type: ignore[no-untyped-call]
        expose(registry, address)

    def note_end(self, actor: str, status: str) -> None:
        """Count a job or an operation that ended."""
        self._ended.labels(actor, status).inc()

    def close(self) -> None:
        """Remove the files, once the worker has stopped."""
        self._folder.cleanup()
