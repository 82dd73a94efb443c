"""What a function gives back, and the response that it becomes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from flask import Request, Response

from core.web.headers import headers_for

Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A status and a JSON body, as fields or written already."""

    body: Json | bytes
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/json"


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """One request and its answer: the id of both, and headers that the answer has in any case."""

    request_id: str
    headers: dict[str, str] = field(default_factory=dict)


def write_json(body: Json) -> bytes:
    """The body as it travels."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def make_response(request: Request, answer: Answer, exchange: Exchange) -> Response:
    """The HTTP response; unless the answer says otherwise no cache may keep anything of it."""
    body = answer.body if isinstance(answer.body, bytes) else write_json(answer.body)
    headers = {
        **headers_for(request),
        "Cache-Control": "no-store",
        "X-Request-Id": exchange.request_id,
        **exchange.headers,
    }
    for name, value in answer.headers.items():
        # Whose page may read it, and for whom it was made: both decide.
        both = name == "Vary" and name in headers
        headers[name] = f"{headers[name]}, {value}" if both else value
    return Response(body, answer.status, headers, content_type=answer.content_type)
