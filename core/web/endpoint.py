"""What every function does around its own work: authenticate, check, parse, answer, log."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, cast

import structlog
from flask import Request, Response

from core.domain import Role
from core.errors import MethodNotAllowed, Unauthenticated
from core.web.answer import Answer, Exchange
from core.web.answering import Asked, answer_read, answer_work
from core.web.authentication import Caller, authenticate, has_credentials
from core.web.call import Call, Form, Function
from core.web.parsing import P, require_size
from core.web.refusals import Refusal, record_refusal
from core.web.respond import respond
from core.web.services import Services, get_services


def endpoint(
    method: str, role: Role | None, parameters: type[P]
) -> Callable[[Callable[[Call[P]], Answer]], Function]:
    """Make an HTTP function of one that answers a :class:`Call`; its name is the action.

    Parameters
    ----------
    method : str
        ``POST``: the fields are the JSON body's. ``GET``: they are the query's.
    role : Role, optional
        What the caller needs; None where nobody has to say who they are.
    parameters : type of Parameters
        The fields that the action takes.
    """

    def decorate(answer_call: Callable[[Call[P]], Answer]) -> Function:
        action = answer_call.__name__
        form = Form(
            action=action,
            method=method,
            role=role,
            parameters=parameters,
            summary=answer_call.__doc__ or action,
        )

        def answer(request: Request, exchange: Exchange) -> Answer:
            _check_method(request, method, action)
            require_size(request)
            services = get_services()
            caller = None
            try:
                if role is not None:
                    caller = _identify(request, services)
                asked = Asked(request=request, exchange=exchange, services=services, caller=caller)
                answer_asked = answer_read if method == "GET" else answer_work
                return answer_asked(asked, form, parameters, answer_call)
            except Refusal as exc:
                if method == "POST":
                    record_refusal(request, services, caller, action, exchange.request_id, exc)
                raise

        @wraps(answer_call)
        def function(request: Request) -> Response:
            return respond(request, action, answer)

        described = cast("Any", function)
        described.form = form
        described.answer_call = answer_call
        return cast("Function", described)

    return decorate


def _check_method(request: Request, method: str, action: str) -> None:
    # A server answers HEAD as it answers GET, without the body.
    allowed = ["GET", "HEAD"] if method == "GET" else [method]
    if request.method not in allowed:
        raise MethodNotAllowed(f"{action} is asked by {method}.", allow=", ".join(allowed))


def _identify(request: Request, services: Services) -> Caller:
    try:
        caller = authenticate(request, services)
    except Unauthenticated:
        if has_credentials(request):
            services.failures.count(request.remote_addr or "")
        raise
    structlog.contextvars.bind_contextvars(
        caller=caller.name, caller_kind=caller.kind, role=caller.role
    )
    return caller
