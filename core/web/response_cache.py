"""Answers to reads that serve again: from Valkey for some seconds, or by their entity tag."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace

from flask import Request

from core import __version__
from core.domain import Actor, User
from core.settings import Settings
from core.web.answer import Answer, write_json
from core.web.parsing import Parameters
from core.web.shared_state import Entry

# Somebody waits for an end, or reads what was just refused: these are read anew each time.
_NEVER_KEPT = {"job", "operation", "audit"}
_LARGEST_BYTES = 1 << 20
_TAG = re.compile(r'(?:W/)?"([^"]*)"')


def entry_name(
    caller: Actor | User, settings: Settings, action: str, parameters: Parameters
) -> str | None:
    """What an answer is kept under; None where it is not kept.

    What a caller may read goes by role; kind is in it because row level security decides for users.
    """
    if not settings.cache_seconds or action in _NEVER_KEPT:
        return None
    parts = (
        *(__version__, settings.environment, caller.kind, str(caller.role), action),
        parameters.model_dump_json(),
    )
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def make_entry(answer: Answer) -> Entry:
    """An answer's body with its tag."""
    body = answer.body if isinstance(answer.body, bytes) else write_json(answer.body)
    return Entry(etag=hashlib.blake2b(body, digest_size=16).hexdigest(), body=body)


def may_be_kept(entry: Entry) -> bool:
    """Whether it is worth its place."""
    return len(entry.body) <= _LARGEST_BYTES


def answer_entry(request: Request, answer: Answer, entry: Entry) -> Answer:
    """The answer with this body; without it, as 304, where the sender has it."""
    headers = {
        **answer.headers,
        "ETag": f'"{entry.etag}"',
        "Cache-Control": "private, no-cache",
        "Vary": "Authorization, X-API-Key, Cookie",
    }
    if is_known(request.headers.get("If-None-Match"), entry.etag):
        return replace(answer, body=b"", status=304, headers=headers)
    return replace(answer, body=entry.body, headers=headers)


def is_known(if_none_match: str | None, etag: str) -> bool:
    """Whether the sender has the body of this tag, by If-None-Match (RFC 9110, 13.1.2).

    The comparison is the weak one: a proxy that compresses makes tags weak.

    >>> is_known('"a", W/"b"', "b"), is_known("*", "b"), is_known('"a"', "b")
    (True, True, False)
    """
    if if_none_match is None:
        return False
    return if_none_match.strip() == "*" or etag in _TAG.findall(if_none_match)
