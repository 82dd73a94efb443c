"""One POST to an address that was vetted, within a time and an amount of answer.

``http.client`` over a connection of our own: it resolves nothing, follows nothing, knows no
proxies, logs nothing, and sends path and query as they are.
"""

from __future__ import annotations

import io
import socket
import ssl
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import Any

from core.webhooks.urls import CallbackUrl

MOST_ANSWER_BYTES = 64 << 10


class ExchangeFailed(Exception):
    """There was no answer; the message says why, and nothing of the address.

    ``sent``: everything was sent, so the receiver may have it.
    """

    def __init__(self, message: str, *, sent: bool = False) -> None:
        super().__init__(message)
        self.sent = sent


@dataclass
class _Progress:
    """How far an exchange got."""

    sent: bool = False


@dataclass(frozen=True, kw_only=True)
class Reply:
    """The status that was answered, and when the receiver wants to be asked again."""

    status: int
    retry_after: str | None


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """How to post.

    Parameters
    ----------
    tls : ssl.SSLContext
        Decides whose certificates count.
    """

    tls: ssl.SSLContext

    def post(
        self,
        url: CallbackUrl,
        addresses: Sequence[str],
        *,
        headers: Mapping[str, str],
        body: bytes,
        deadline: float,
    ) -> Reply:
        """Send a body and read the answer; the status counts as soon as its head is there.

        Parameters
        ----------
        url : CallbackUrl
            Its host is what the Host header, SNI and the certificate are about.
        addresses : sequence of str
            Where to connect to; the first that takes the connection. Each has its share of the
            time that is left.
        headers : mapping
            Beside those that every request has.
        body : bytes
        deadline : float
            On the monotonic clock: all of it is over by then.

        Raises
        ------
        ExchangeFailed
        """
        progress = _Progress()
        try:
            return self._post(url, addresses, headers, body, deadline, progress)
        except (OSError, HTTPException) as exc:
            raise ExchangeFailed(_reason(exc), sent=progress.sent) from exc

    def _post(
        self,
        url: CallbackUrl,
        addresses: Sequence[str],
        headers: Mapping[str, str],
        body: bytes,
        deadline: float,
        progress: _Progress,
    ) -> Reply:
        with _connected(addresses, url.port, deadline) as plain:
            stream = plain
            if url.scheme == "https":
                plain.settimeout(_left(deadline))
                stream = self.tls.wrap_socket(plain, server_hostname=url.host)
            with stream:
                connection = HTTPConnection(url.host, url.port)
                connection.sock = bounded = _BoundedStream(stream, deadline)
                connection.putrequest("POST", url.target, skip_host=True, skip_accept_encoding=True)
                for name, value in {"Host": url.netloc, **headers}.items():
                    connection.putheader(name, value)
                connection.putheader("Content-Length", str(len(body)))
                connection.putheader("Connection", "close")
                connection.endheaders(body)
                progress.sent = True
                answer = _final_answer(bounded)
                if bounded.answer.ended:
                    message = "What it answered is no HTTP: it has no end of its head."
                    raise ExchangeFailed(message, sent=True)
                _read_on(answer)
                return Reply(status=answer.status, retry_after=answer.headers.get("Retry-After"))


def _reason(error: OSError | HTTPException) -> str:
    """Why there was no answer."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"Its certificate is refused: {error.verify_message}."
    if isinstance(error, TimeoutError):
        return "It did not answer in time."
    if isinstance(error, ssl.SSLError):
        return "There is no TLS connection to it."
    if isinstance(error, OSError):
        return f"{error.strerror or 'The connection broke off'}."
    return "What it answered is no HTTP."


def _connected(addresses: Sequence[str], port: int, deadline: float) -> socket.socket:
    failure: OSError = OSError("There is no address.")
    for others, address in zip(range(len(addresses) - 1, -1, -1), addresses, strict=True):
        try:
            # One that nothing comes back from leaves time for the others.
            share = _left(deadline) / (others + 1)
            return socket.create_connection((address, port), timeout=share)
        except OSError as exc:
            failure = exc
    raise failure


def _final_answer(stream: Any) -> HTTPResponse:
    """The answer behind those that only say that it will come, such as 103."""
    while True:
        answer = HTTPResponse(stream, method="POST")
        answer.begin()
        if answer.status == HTTPStatus.SWITCHING_PROTOCOLS or answer.status >= HTTPStatus.OK:
            return answer


def _read_on(answer: HTTPResponse) -> None:
    """Let the receiver end what it says, which nobody looks at: its status is known."""
    try:
        # Never without an amount: then as much memory is taken as it says that it will send.
        answer.read(MOST_ANSWER_BYTES)
    except (OSError, HTTPException):
        return


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


class _BoundedStream:
    """As much of a socket as ``http.client`` uses, within the deadline and the most bytes."""

    def __init__(self, stream: socket.socket, deadline: float) -> None:
        self._stream = stream
        self._deadline = deadline
        self.answer = _BoundedAnswer(stream, deadline)
        self._reader = _Reader(self.answer)

    def sendall(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            self._stream.settimeout(_left(self._deadline))
            rest = rest[self._stream.send(rest) :]

    def makefile(self, _mode: str) -> io.BufferedReader:
        return self._reader


class _Reader(io.BufferedReader):
    """One for all answers of a connection: the next may be read already."""

    def close(self) -> None:
        """It outlives each answer, which would close it."""


class _BoundedAnswer(io.RawIOBase):
    """What is read of an answer: head and body together, to their end or the most bytes.

    ``ended`` once that was come to.
    """

    def __init__(self, stream: socket.socket, deadline: float) -> None:
        self._stream = stream
        self._deadline = deadline
        self._bytes_left = MOST_ANSWER_BYTES
        self.ended = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        count = 0
        if self._bytes_left:
            self._stream.settimeout(_left(self._deadline))
            count = self._stream.recv_into(buffer, min(len(buffer), self._bytes_left))
        self._bytes_left -= count
        self.ended = count == 0
        return count
