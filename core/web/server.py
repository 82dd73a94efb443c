"""Answers that functions-framework gives by itself: they get our headers and our form too."""

from __future__ import annotations

from uuid import uuid4

import structlog
from flask import Flask, Response, request

from core.errors import NotFound
from core.web.answer import Answer, Exchange, make_response
from core.web.headers import complete
from core.web.problems import problem, unexpected_problem

_log = structlog.get_logger(__name__)


def protect(app: Flask) -> None:
    """Have every answer of the server's app carry our headers, and every error be a problem.

    functions-framework runs a function's module inside the app that will call it; that is the only
    moment at which the app can be had before it answers.
    """

    @app.after_request
    def add(response: Response) -> Response:
        return complete(request, response)

    @app.errorhandler(404)
    def not_found(_: Exception) -> Response:
        # /robots.txt and /favicon.ico never reach a function.
        return _respond(problem(NotFound("There is nothing at this path.")), uuid4().hex)

    @app.errorhandler(500)
    def failed(error: Exception) -> Response:
        # functions-framework's own handler shows the error's text to the caller.
        request_id = uuid4().hex
        _log.error("request_failed", request_id=request_id, exc_info=error)
        return _respond(unexpected_problem(request_id), request_id)


def _respond(answer: Answer, request_id: str) -> Response:
    return make_response(request, answer, Exchange(request_id=request_id))
