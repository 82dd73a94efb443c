"""Asking a server as fast as it answers, over a few connections that stay open.

Run as ``python -m bench.http_load PORT CONNECTIONS SECONDS < requests``: requests are JSON lines,
each the bytes of one request as text, sent in turn, over and over unless ``once`` follows. One
thread with raw sockets, so that the server gets the cores. Prints one JSON object.
"""

from __future__ import annotations

import itertools
import json
import selectors
import socket
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any


@dataclass
class _Connection:
    socket: socket.socket
    sent_at: float = 0.0
    received: bytes = b""


@dataclass
class _Tally:
    latencies: list[float] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)


def load(port: int, requests: Iterator[bytes], *, connections: int, seconds: float) -> Any:
    """Requests a second, and how long they took, in milliseconds."""
    selector = selectors.DefaultSelector()
    tally = _Tally()
    started = time.perf_counter()
    until = started + seconds
    open_connections = 0
    for _ in range(connections):
        connection = _Connection(socket.create_connection(("127.0.0.1", port)))
        connection.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        selector.register(connection.socket, selectors.EVENT_READ, connection)
        open_connections += _send(connection, requests, until)
    while open_connections:
        for key, _ in selector.select(timeout=30):
            connection = key.data
            connection.received += connection.socket.recv(1 << 18)
            if _is_whole(connection.received):
                tally.latencies.append(time.perf_counter() - connection.sent_at)
                tally.statuses[connection.received[9:12].decode()] += 1
                connection.received = b""
                if not _send(connection, requests, until):
                    selector.unregister(connection.socket)
                    connection.socket.close()
                    open_connections -= 1
    took = time.perf_counter() - started
    return _summary(tally, took)


def _send(connection: _Connection, requests: Iterator[bytes], until: float) -> bool:
    request = next(requests, None)
    if request is None or time.perf_counter() > until:
        return False
    connection.sent_at = time.perf_counter()
    connection.socket.sendall(request)
    return True


def _is_whole(received: bytes) -> bool:
    assert received, "the server closed a connection"
    head, blank, body = received.partition(b"\r\n\r\n")
    length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
    return bool(blank) and len(body) >= int(length or 0)


def _summary(tally: _Tally, took: float) -> dict[str, Any]:
    latencies = sorted(tally.latencies)
    return {
        "requests": len(latencies),
        "per_second": round(len(latencies) / took, 1),
        "p50_ms": round(1000 * latencies[len(latencies) // 2], 2),
        "p99_ms": round(1000 * latencies[int(len(latencies) * 0.99)], 2),
        "statuses": dict(tally.statuses),
    }


def main(arguments: list[str]) -> None:
    """Read the requests, send them, print what came of it."""
    port, connections, seconds, *once = arguments
    requests = [json.loads(line).encode() for line in sys.stdin]
    found = load(
        int(port),
        iter(requests) if once else itertools.cycle(requests),
        connections=int(connections),
        seconds=float(seconds),
    )
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1:])
