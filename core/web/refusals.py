"""Requests that were refused are on record, as far as a flood of them leaves room."""

from __future__ import annotations

import time
from functools import cache
from threading import Lock

import structlog
from flask import Request

from core.errors import Conflict, Forbidden, RefitError, Unauthenticated
from core.store import Store
from core.web.authentication import Caller, has_credentials
from core.web.services import Services

# What permission or the state of things forbids; whoever mistypes a field attempts nothing.
Refusal = (Unauthenticated, Forbidden, Conflict)

_WINDOW_S = 60.0
_UNKNOWN_PER_WINDOW = 30
_KNOWN_PER_WINDOW = 300
_log = structlog.get_logger(__name__)


class _Bound:
    """At most so many in a minute, for each process."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = Lock()
        self._since = 0.0
        self._taken = 0

    def take(self) -> bool:
        now = time.monotonic()
        with self._lock:
            if now - self._since >= _WINDOW_S:
                self._since, self._taken = now, 0
            self._taken += 1
            return self._taken <= self._most


@cache
def _bound(*, known: bool) -> _Bound:
    return _Bound(_KNOWN_PER_WINDOW if known else _UNKNOWN_PER_WINDOW)


def record_refusal(
    request: Request,
    services: Services,
    caller: Caller | None,
    action: str,
    request_id: str,
    error: RefitError,
) -> None:
    """Write an audit row about a refused request; where that fails, the log says so.

    Parameters
    ----------
    request : Request
        One without any credentials is not on record: it attempted nothing.
    services : Services
    caller : Actor or User, optional
        None when the credentials are nobody's.
    action : str
    request_id : str
    error : RefitError
        What the sender is told. Its message names things, never credentials or addresses.
    """
    if caller is None and not has_credentials(request):
        return
    write_refusal(services, caller, action, request_id, error)


def write_refusal(
    services: Services, caller: Caller | None, action: str, request_id: str, error: RefitError
) -> None:
    """Do so for something that was surely attempted, such as signing in."""
    if not _bound(known=caller is not None).take():
        return
    try:
        Store(services.database).record_refusal(
            caller,
            action=action,
            status=error.status,
            problem=error.problem,
            detail=error.message,
            request_id=request_id,
        )
    except RefitError as exc:
        _log.warning("refusal_not_recorded", error=exc.problem, detail=exc.message)
