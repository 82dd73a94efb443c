"""Programs on this machine that the workflow talks to: a Slack webhook, and a door to Refit."""

from __future__ import annotations

import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass
class SlackChannel:
    """What a Slack webhook was sent."""

    port: int = 0
    messages: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/services/of-a-test"


@dataclass
class Door:
    """What passes between n8n and Refit; ``before`` and ``after`` may hold an action up.

    ``before`` gets the action and answers a status to give instead, None to let it pass, or 0 to
    let it pass and give 503 as if its answer were lost.
    """

    target: str
    port: int = 0
    passed: list[tuple[str, int]] = field(default_factory=list)
    instead: bytes = b'{"detail": "The door is closed."}'
    before: Callable[[str], int | None] = lambda _action: None
    after: Callable[[str], None] = lambda _action: None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def actions(self) -> list[str]:
        return [action for action, _ in self.passed]


class _Quiet(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        """Nothing."""

    def body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def answer(self, status: int, body: bytes, content_type: str = "application/json") -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def slack() -> Iterator[SlackChannel]:
    """A receiver of Slack messages."""
    channel = SlackChannel()

    class Handler(_Quiet):
        def do_POST(self) -> None:
            channel.messages.append(json.loads(self.body())["text"])
            self.answer(200, b"ok", "text/plain")

    with _served(Handler) as channel.port:
        yield channel


@contextmanager
def door(target: str) -> Iterator[Door]:
    """A proxy before Refit."""
    opened = Door(target=target)

    class Handler(_Quiet):
        def do_GET(self) -> None:
            self._pass()

        def do_POST(self) -> None:
            self._pass()

        def _pass(self) -> None:
            data = self.body() if self.command == "POST" else None
            action = parse_qs(urlsplit(self.path).query).get("action", [""])[0]
            refused = opened.before(action)
            if refused:
                opened.passed.append((action, refused))
                self.answer(refused, opened.instead)
                return
            request = urllib.request.Request(
                opened.target + self.path, data=data, method=self.command
            )
            for name in ("X-API-Key", "Content-Type", "Idempotency-Key", "X-Request-Id"):
                if name in self.headers:
                    request.add_header(name, self.headers[name])
            try:
                with urllib.request.urlopen(request, timeout=60) as answer:
                    status, body = answer.status, answer.read()
            except urllib.error.HTTPError as error:
                with error:
                    status, body = error.code, error.read()
            if refused == 0:
                status, body = 503, b'{"detail": "The answer was lost."}'
            opened.passed.append((action, status))
            opened.after(action)
            self.answer(status, body)

    with _served(Handler) as opened.port:
        yield opened


@contextmanager
def _served(handler: type[BaseHTTPRequestHandler]) -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def until(ask: Callable[[], Any], *, within: float, what: str) -> Any:
    """Ask until there is an answer."""
    deadline = time.monotonic() + within
    while not (found := ask()):
        assert time.monotonic() < deadline, what
        time.sleep(0.3)
    return found
