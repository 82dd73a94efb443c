"""What a worker does, for Prometheus: Dramatiq's own figures of its messages."""

from __future__ import annotations

import os
import tempfile

from dramatiq.brokers.redis import RedisBroker

from core.exposition import expose, parse_address


def count_messages(broker: RedisBroker, address: str) -> tempfile.TemporaryDirectory[str]:
    """Let Dramatiq count and time the messages of this process, and expose the figures.

    Parameters
    ----------
    broker : RedisBroker
        Whose actors are declared; its worker has not started.
    address : str
        REFIT_METRICS_ADDRESS.

    Returns
    -------
    TemporaryDirectory
        Where the figures are; for the caller to clean up once the worker has stopped.

    Raises
    ------
    ConfigurationError
        When it is no address.
    """
    parse_address(address)
    # Dramatiq keeps its figures in files, in a folder that it takes from the environment when the
    # module is imported.
    folder = tempfile.TemporaryDirectory(prefix="refit-metrics-")
    os.environ["dramatiq_prom_db"] = folder.name  # noqa: SIM112
    from dramatiq.middleware.prometheus import Prometheus

    broker.add_middleware(Prometheus())
    broker.emit_after("process_boot")  # as dramatiq's command does
    from prometheus_client import CollectorRegistry
    from prometheus_client.multiprocess import MultiProcessCollector

    registry = CollectorRegistry()
    MultiProcessCollector(registry, folder.name)  # type: ignore[no-untyped-call]
    expose(registry, address)
    return folder
