"""Figures for Prometheus, on a port of their own: only where REFIT_METRICS_ADDRESS names one.

prometheus_client is loaded then alone: a function must start fast.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from core.errors import ConfigurationError

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

_log = structlog.get_logger(__name__)


def parse_address(address: str) -> tuple[str, int]:
    """Host and port.

    >>> parse_address("127.0.0.1:9191"), parse_address("[::1]:9191")
    (('127.0.0.1', 9191), ('::1', 9191))

    Raises
    ------
    ConfigurationError
        When it is no such address.
    """
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 1 << 16:
        raise ConfigurationError(
            "REFIT_METRICS_ADDRESS is no address.", hint="It looks like 127.0.0.1:9191."
        )
    return host.removeprefix("[").removesuffix("]"), int(port)


def expose(registry: CollectorRegistry, address: str) -> None:
    """Serve a registry's figures from a thread, to whoever asks at this address.

    Another process that has the port already is no reason to stop working: it is logged.

    Raises
    ------
    ConfigurationError
        When it is no address.
    """
    from prometheus_client import start_http_server

    host, port = parse_address(address)
    try:
        start_http_server(port, host, registry)
    except OSError as exc:
        _log.warning("metrics_not_exposed", address=address, error=exc.strerror)
    else:
        _log.info("metrics_exposed", address=address)
