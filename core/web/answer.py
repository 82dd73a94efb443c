"""What a function gives back, and the response that it becomes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from flask import Response

Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A status and a JSON body."""

    body: Json
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/json"


def make_response(answer: Answer, request_id: str) -> Response:
    """The HTTP response; nothing of it may be kept by a cache."""
    text = json.dumps(answer.body, ensure_ascii=False, separators=(",", ":"))
    return Response(
        text,
        answer.status,
        {**answer.headers, "Cache-Control": "no-store", "X-Request-Id": request_id},
        content_type=answer.content_type,
    )
