"""Requests counted and timed for Prometheus."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from core.settings import get_settings

if TYPE_CHECKING:
    from prometheus_client import Counter, Histogram

# From a cached answer to the longest wait, in seconds.
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25)


def observe_request(action: str | None, status: int, seconds: float) -> None:
    """Count a request, where figures are asked for.

    Parameters
    ----------
    action : str, optional
        None for what belongs to no action: a caller's own words must not become labels.
    status : int
    seconds : float
        From its arrival to its answer.
    """
    figures = _figures(get_settings().metrics_address)
    if figures is not None:
        requests, durations = figures
        requests.labels(action or "none", str(status)).inc()
        durations.labels(action or "none").observe(seconds)


@cache
def _figures(address: str | None) -> tuple[Counter, Histogram] | None:
    if address is None:
        return None
    from prometheus_client import CollectorRegistry, Counter, Histogram

    from core.exposition import expose

    registry = CollectorRegistry()
    figures = (
        Counter(
            "refit_http_requests_total",
            "Requests answered.",
            ["action", "status"],
            registry=registry,
        ),
        Histogram(
            "refit_http_request_duration_seconds",
            "From a request's arrival to its answer.",
            ["action"],
            buckets=_BUCKETS,
            registry=registry,
        ),
    )
    expose(registry, address)
    return figures
