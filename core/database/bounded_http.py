"""HTTP whose answers come in time as a whole: httpx bounds each packet alone."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import cast

import httpx

_ANSWER_BY = "refit.answer_by"


def bounded_client(*, connect_s: float, answer_s: float) -> httpx.Client:
    """A client that gives up an answer which keeps coming after its time.

    Parameters
    ----------
    connect_s : float
        Seconds until there is a connection.
    answer_s : float
        Seconds from a request until its answer has come whole; where the server then falls
        silent too, as long again.
    """

    def note(request: httpx.Request) -> None:
        request.extensions[_ANSWER_BY] = time.monotonic() + answer_s

    def bound(response: httpx.Response) -> None:
        # Before anything of the body is read; hooks leave the proxies of the environment alone.
        stream = cast("httpx.SyncByteStream", response.stream)
        response.stream = _BoundedStream(stream, response.request.extensions[_ANSWER_BY])

    return httpx.Client(
        # Not HTTP/2: a connection that went stale fails the request that finds it so.
        http2=False,
        timeout=httpx.Timeout(answer_s, connect=connect_s),
        event_hooks={"request": [note], "response": [bound]},
    )


class _BoundedStream(httpx.SyncByteStream):
    def __init__(self, stream: httpx.SyncByteStream, answer_by: float) -> None:
        self._stream = stream
        self._answer_by = answer_by

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._stream:
            if time.monotonic() > self._answer_by:
                raise httpx.ReadTimeout("The answer did not come whole in time.")
            yield chunk

    def close(self) -> None:
        self._stream.close()
