"""What every function does around its own work: authenticate, check, parse, answer, log."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Generic, TypeVar
from uuid import uuid4

import structlog
from flask import Request, Response

from core.domain import Environment, Role
from core.errors import InvalidRequest, MethodNotAllowed, RefitError, Unauthenticated
from core.store import Store
from core.web.answer import Answer, make_response
from core.web.authentication import Caller, authenticate, require_role
from core.web.parsing import P, Parameters, name_fields, parse_body, parse_query, read_body
from core.web.problems import problem, unexpected_problem
from core.web.request_metrics import observe_request
from core.web.services import Services, get_services, set_up_logging

Function = Callable[[Request], Response]
P_co = TypeVar("P_co", bound=Parameters, covariant=True)

_REQUEST_ID = re.compile(r"[\w.:/+=@-]{1,128}", re.ASCII)
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Call(Generic[P_co]):
    """A request that may be answered: its caller is known and its fields are checked."""

    parameters: P_co
    services: Services
    caller: Caller | None  # None where no credentials are asked for
    request_id: str

    @property
    def store(self) -> Store:
        """The SQL functions, in the caller's name."""
        if self.caller is None:
            # Without a caller the store would be Refit itself, who may do everything.
            raise Unauthenticated("This needs a caller.")
        return Store(self.services.database, actor=self.caller)

    def environment(self, named: Environment | None) -> Environment:
        """The environment that is meant: the named one, else the configured one."""
        return named or Environment(self.services.settings.environment)

    def check_model_type(self, name: str | None) -> None:
        """Refuse a filter by a model type that does not exist: an empty list would hide it.

        Raises
        ------
        InvalidRequest
            It names the model types that exist.
        """
        if name is not None:
            self.store.get_model_type(name)


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

        def answer(request: Request, request_id: str) -> Answer:
            _check_method(request, method, action)
            body = read_body(request)
            services = get_services()
            caller = None if role is None else _admit(request, services, role)
            fields = _parse(request, body, method, action, parameters)
            call = Call(parameters=fields, services=services, caller=caller, request_id=request_id)
            try:
                return answer_call(call)
            except InvalidRequest as exc:
                raise name_fields(exc, fields) from exc

        @wraps(answer_call)
        def function(request: Request) -> Response:
            return respond(request, action, answer)

        return function

    return decorate


def respond(
    request: Request, action: str | None, answer: Callable[[Request, str], Answer]
) -> Response:
    """Answer a request, whatever happens: with what ``answer`` gives, or with a problem."""
    started = time.perf_counter()
    request_id = _request_id(request)
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=request_id, action=action)
    try:
        set_up_logging()
        given = answer(request, request_id)
    except RefitError as exc:
        given = problem(exc)
        structlog.contextvars.bind_contextvars(problem=exc.problem)
    except Exception:  # noqa: BLE001 — a caller gets a problem, never a stack trace
        _log.exception("request_failed")
        given = unexpected_problem(request_id)
    seconds = time.perf_counter() - started
    observe_request(action, given.status, seconds)
    _log.info(
        "request",
        method=request.method,
        status=given.status,
        milliseconds=round(1000 * seconds, 1),
    )
    return make_response(given, request_id)


def refuse(request: Request, error: RefitError) -> Response:
    """Answer a request that belongs to no action."""

    def answer(request: Request, _: str) -> Answer:
        read_body(request)
        raise error

    return respond(request, None, answer)


def _check_method(request: Request, method: str, action: str) -> None:
    # A server answers HEAD as it answers GET, without the body.
    allowed = ["GET", "HEAD"] if method == "GET" else [method]
    if request.method not in allowed:
        raise MethodNotAllowed(f"{action} is asked by {method}.", allow=", ".join(allowed))


def _admit(request: Request, services: Services, role: Role) -> Caller:
    caller = authenticate(request, services)
    structlog.contextvars.bind_contextvars(caller=caller.name)
    require_role(caller, role)
    return caller


def _parse(request: Request, body: bytes, method: str, action: str, parameters: type[P]) -> P:
    if method == "GET":
        return parse_query(parameters, request, action)
    parse_query(Parameters, request, action)
    return parse_body(parameters, body)


def _request_id(request: Request) -> str:
    given = request.headers.get("X-Request-Id", "")
    return given if _REQUEST_ID.fullmatch(given) else uuid4().hex
