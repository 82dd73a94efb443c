"""What goes over the wire between a client and the stand-in for a Supabase project."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Request:
    """One request; header names are in lower case."""

    method: str
    path: str
    headers: dict[str, str] = field(repr=False)
    body: bytes = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Reply:
    """One answer."""

    status: int = 200
    body: Any = None
    text: str | None = None  # instead of JSON

    @property
    def content(self) -> bytes:
        return (json.dumps(self.body) if self.text is None else self.text).encode()

    @property
    def content_type(self) -> str:
        return "application/json" if self.text is None else "text/html"


@dataclass(frozen=True, kw_only=True)
class Speaker:
    """In whose name a request is answered: a database role, and the claims of a token."""

    role: str
    claims: dict[str, Any]


class WireError(Exception):
    """An answer that is an error; its body has what is named."""

    def __init__(self, status: int, **body: Any) -> None:
        super().__init__(status, body)
        self.status = status
        self.body = body
