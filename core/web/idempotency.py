"""Requests that may be sent again: the header Idempotency-Key has them carried out once."""

from __future__ import annotations

import hashlib
import json
import re

from flask import Request

from core.errors import InvalidRequest
from core.store import Once
from core.web.fields import is_left_out
from core.web.parsing import Parameters

HEADER = "Idempotency-Key"
REPLAYED_HEADER = "Idempotency-Replayed"
# As a header arrives: without blanks around it.
KEY_PATTERN = r"[!-~]([ -~]{0,253}[!-~])?"
_KEY = re.compile(KEY_PATTERN)


def read_once(request: Request, action: str, parameters: Parameters) -> Once | None:
    """What makes this request the same as another one; None where its sender gave no key.

    Two bodies are the same when they say the same, however they are written.

    Raises
    ------
    InvalidRequest
        When the key has not 1 to 255 printable ASCII characters.
    """
    key = request.headers.get(HEADER)
    if key is None:
        return None
    if not _KEY.fullmatch(key):
        detail = "It must have 1 to 255 printable ASCII characters."
        raise InvalidRequest(f"{HEADER}: {detail}", errors=[{"field": HEADER, "detail": detail}])
    return Once(action=action, key=key, body_hash=hashlib.sha256(_said(parameters)).hexdigest())


def _said(parameters: Parameters) -> bytes:
    """What a body says, in the one form that all bodies which say the same have."""
    fields = parameters.model_dump(mode="json")
    # A null that changes something is not what is left out, and changes nothing.
    said = {name: value for name, value in fields.items() if not is_left_out(parameters, name)}
    return json.dumps(said, sort_keys=True).encode()
