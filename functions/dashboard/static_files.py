"""Style, scripts and Plotly's bundle, under addresses that change with what they hold."""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from flask import Request, Response

from core.errors import NotFound
from core.web.headers import headers_for
from functions.dashboard.visit import ROOT

STATIC = Path(__file__).parent / "static"
PLOTLY = "plotly.min.js"
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_FOR_EVER = "public, max-age=31536000, immutable"


@dataclass(frozen=True, kw_only=True)
class StaticFile:
    """A file as it travels."""

    content_type: str
    body: bytes
    compressed: bytes


def static_url(name: str) -> str:
    """The address of a file; scripts import each other by relative ones, in the same folder."""
    return f"/{ROOT}/static/{_digest()}/{name}"


def answer_static(request: Request, digest: str, name: str) -> Response:
    """A file, to be kept for ever: another content has another address.

    Raises
    ------
    NotFound
        Where there is no such file, or not any more.
    """
    if digest != _digest() or name not in _names():
        raise NotFound("There is no such file.")
    file = _load(name)
    compressed = request.accept_encodings.quality("gzip") > 0
    headers = {**headers_for(request), "Cache-Control": _FOR_EVER, "Vary": "Accept-Encoding"}
    if compressed:
        headers["Content-Encoding"] = "gzip"
    body = file.compressed if compressed else file.body
    return Response(body, 200, headers, content_type=file.content_type)


@cache
def _names() -> frozenset[str]:
    return frozenset({PLOTLY, *(f.name for f in STATIC.iterdir() if f.suffix in _TYPES)})


@cache
def _digest() -> str:
    """One for all files: they name each other."""
    digest = hashlib.sha256()
    for name in sorted(_names()):
        path = _path(name)
        # Plotly's five megabytes change with its version alone, and so does their size.
        digest.update(str(path.stat().st_size).encode() if name == PLOTLY else path.read_bytes())
    return digest.hexdigest()[:12]


@cache
def _load(name: str) -> StaticFile:
    body = _path(name).read_bytes()
    return StaticFile(
        content_type=_TYPES[Path(name).suffix],
        body=body,
        compressed=gzip.compress(body, 6, mtime=0),
    )


def _path(name: str) -> Path:
    if name != PLOTLY:
        return STATIC / name
    found = find_spec("plotly")  # only found, never imported: Python draws nothing here
    if found is None or found.origin is None:
        raise NotFound("Plotly is not installed.", hint="Install the project's requirements.")
    return Path(found.origin).parent / "package_data" / PLOTLY
