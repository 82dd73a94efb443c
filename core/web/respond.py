"""Answering a request whatever happens, and the line about it in the log."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from contextlib import suppress
from uuid import uuid4

import structlog
from flask import Request, Response

from core.errors import ConfigurationError, RefitError
from core.web.answer import Answer, Exchange, make_response
from core.web.headers import preflight
from core.web.parsing import drop_body
from core.web.problems import problem, unexpected_problem
from core.web.request_metrics import observe_request
from core.web.services import set_up_logging

_REQUEST_ID = re.compile(r"[\w.:/+=@-]{1,128}", re.ASCII)
_log = structlog.get_logger(__name__)


def respond(
    request: Request, action: str | None, answer: Callable[[Request, Exchange], Answer]
) -> Response:
    """Answer a request: with what ``answer`` gives, or with a problem."""
    asked_first = preflight(request)
    if asked_first is not None:
        return asked_first
    started = time.perf_counter()
    exchange = Exchange(request_id=_request_id(request))
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=exchange.request_id, action=action)
    try:
        with suppress(ConfigurationError):  # which the answer tells of
            set_up_logging()
        given = answer(request, exchange)
    except RefitError as exc:
        given = problem(exc)
        structlog.contextvars.bind_contextvars(problem=exc.problem)
    except Exception:  # noqa: BLE001 — a caller gets a problem, never a stack trace
        _log.exception("request_failed")
        given = unexpected_problem(exchange.request_id)
    drop_body(request)
    seconds = time.perf_counter() - started
    with suppress(ConfigurationError):  # which the answer tells of
        observe_request(action, given.status, seconds)
    _log.info(
        "request",
        method=request.method,
        status=given.status,
        milliseconds=round(1000 * seconds, 1),
        client=request.remote_addr,
    )
    return make_response(request, given, exchange)


def refuse(request: Request, error: RefitError) -> Response:
    """Answer a request that belongs to no action."""

    def answer(_: Request, __: Exchange) -> Answer:
        raise error

    return respond(request, None, answer)


def _request_id(request: Request) -> str:
    given = request.headers.get("X-Request-Id", "")
    return given if _REQUEST_ID.fullmatch(given) else uuid4().hex
