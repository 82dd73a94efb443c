"""A program that takes callbacks on 127.0.0.1, and answers as it is told."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from standardwebhooks import Webhook

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK"
Answer = Callable[[socket.socket], None]


def says(status: int, *headers: str) -> bytes:
    """An answer without a body."""
    lines = [f"HTTP/1.1 {status} As told", "Content-Length: 0", *headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


@dataclass(frozen=True, kw_only=True)
class Received:
    """One request as its bytes were."""

    line: str
    headers: dict[str, str]
    body: str

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    def verified(self, secret: str) -> dict[str, object]:
        """The body, when the standard's own library finds its signature right."""
        body: dict[str, object] = Webhook(secret).verify(self.body, self.headers)
        return body


@dataclass
class Receiver:
    """What was received; ``answers`` are given in turn, the last one for ever."""

    port: int
    answers: list[bytes | Answer] = field(default_factory=lambda: [OK])
    received: list[Received] = field(default_factory=list)
    connections: int = 0

    def url(self, target: str = "/webhook", *, host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}{target}"

    def wait_for(self, count: int, *, within: float = 30.0) -> list[Received]:
        deadline = time.monotonic() + within
        while len(self.received) < count:
            assert time.monotonic() < deadline, self.received
            time.sleep(0.02)
        return self.received

    def serve(self, connection: socket.socket, tls: ssl.SSLContext | None) -> None:
        try:
            if tls is not None:
                connection = tls.wrap_socket(connection, server_side=True)
            with connection:
                self.received.append(_read(connection))
                turn = min(len(self.received), len(self.answers)) - 1
                answer = self.answers[turn]
                if callable(answer):
                    answer(connection)
                else:
                    connection.sendall(answer)
        except OSError:
            return  # whoever called has left


def _read(connection: socket.socket) -> Received:
    data = b""
    while b"\r\n\r\n" not in data:
        data += _some(connection)
    head, _, body = data.partition(b"\r\n\r\n")
    line, *rest = head.decode().split("\r\n")
    headers = {name.lower(): value for name, value in (item.split(": ", 1) for item in rest)}
    while len(body) < int(headers["content-length"]):
        body += _some(connection)
    return Received(line=line, headers=headers, body=body.decode())


def _some(connection: socket.socket) -> bytes:
    part = connection.recv(65536)
    if not part:
        raise ConnectionError
    return part


@contextmanager
def receiving(
    *answers: bytes | Answer, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1"
) -> Iterator[Receiver]:
    """A receiver for the time of the block."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, 0), family=family) as listener:
        receiver = Receiver(port=listener.getsockname()[1])
        if answers:
            receiver.answers = list(answers)

        def accept() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                receiver.connections += 1
                threading.Thread(target=receiver.serve, args=(connection, tls), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield receiver
        # Closing alone does not wake the thread that accepts.
        listener.shutdown(socket.SHUT_RDWR)


class Names:
    """A resolver that gives other answers each time, and counts how often it is asked."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self._answers = list(answers)
        self.asked: list[tuple[str, int]] = []

    def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append((host, port))
        return self._answers[min(len(self.asked), len(self._answers)) - 1]
