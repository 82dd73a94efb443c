"""A page on another site, which leads to ours."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@contextmanager
def serving_links() -> Iterator[str]:
    """The address of a page with one link; where that leads to is written behind the address.

    To a browser ``localhost`` is another site than ``127.0.0.1``, where the functions are.
    """

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            target = self.path.partition("?to=")[2]
            content = f'<!doctype html><a href="{target}">Go</a>'.encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://localhost:{server.server_port}/page?to="
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
