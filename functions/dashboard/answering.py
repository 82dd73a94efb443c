"""From a request to a page: its address, and errors in plain words."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

import structlog
from flask import Request, Response

from core.domain import Environment
from core.errors import (
    ConfigurationError,
    MethodNotAllowed,
    NotFound,
    RefitError,
    Unauthenticated,
)
from core.web.answer import Answer, Exchange
from core.web.problems import problem
from core.web.respond import respond
from functions.dashboard.cross_site import local_page
from functions.dashboard.entering import enter
from functions.dashboard.language import LOCALES, choose_locale, load_language
from functions.dashboard.notices import take_notice
from functions.dashboard.routes import find_target
from functions.dashboard.sending import finish, make_answer
from functions.dashboard.static_files import answer_static
from functions.dashboard.visit import ROOT, Page, Redirect, Result, Visit

_log = structlog.get_logger(__name__)
_RETRY_AFTER_S = "5"
_READS = ("GET", "HEAD")

Work = Callable[[Visit, Exchange], Result]


def answer(request: Request) -> Response:
    """Answer ``/`` and any request below ``/ml-training`` or ``/{locale}/ml-training``."""
    parts = request.path.strip("/").split("/")
    if parts[0] not in {ROOT, ""}:
        return _answer_by(request, _visit_page)
    if request.method not in _READS:
        error = MethodNotAllowed("This page is asked otherwise.", allow=", ".join(_READS))
        return _answer_by(request, _raising(error))
    if len(parts) == 4 and parts[1] == "static":
        try:
            return answer_static(request, parts[2], parts[3])
        except NotFound as exc:
            return _answer_by(request, _raising(exc))
    return _answer_by(request, _lead_on)


def _answer_by(request: Request, work: Work) -> Response:
    """Answer whatever happens; what has cookies is only known with the response at hand."""
    finished: list[Callable[[Response], None]] = []

    def show(request: Request, exchange: Exchange) -> Answer:
        return _show(request, exchange, work, finished)

    response = respond(request, "dashboard", show)
    for each in finished:
        each(response)
    return response


def _show(
    request: Request, exchange: Exchange, work: Work, finished: list[Callable[[Response], None]]
) -> Answer:
    visit = Visit(
        request=request,
        language=load_language(_locale(request)),
        request_id=exchange.request_id,
        environment=Environment.PRODUCTION,  # until the settings are read
        session=None,
    )
    notice = take_notice(request)
    result: Result
    try:
        result = work(visit, exchange)
        given = make_answer(visit, result, notice)
    except Unauthenticated:
        result = _ask_to_sign_in(visit)
        given = make_answer(visit, result, notice)
    except RefitError as exc:
        result = _explain(visit, exc, exchange)
        given = make_answer(visit, result, notice)
    except Exception:  # noqa: BLE001 — a person gets a page, never a stack trace
        _log.exception("request_failed")
        error = RefitError("Refit met an error of its own.")
        result = Page(template="error.html", values={"error": error}, status=500)
        given = make_answer(visit, result, notice)
    finished.append(lambda response: finish(visit, result, notice, response))
    return given


def _locale(request: Request) -> str:
    named = request.path.strip("/").partition("/")[0]
    return named if named in LOCALES else choose_locale(request)


def _visit_page(visit: Visit, exchange: Exchange) -> Result:
    method = "GET" if visit.request.method == "HEAD" else visit.request.method
    target, visit.values = find_target(visit.request.path, method)
    return enter(visit, target, exchange)


def _lead_on(visit: Visit, _exchange: Exchange) -> Redirect:
    """To the same page in the browser's own language."""
    below = visit.request.path.partition(f"/{ROOT}")[2].rstrip("/")
    query = visit.request.query_string.decode("ascii", "replace")
    return Redirect(location=f"/{visit.locale}/{ROOT}{quote(below)}" + (query and f"?{query}"))


def _raising(error: RefitError) -> Work:
    def refuse(_visit: Visit, _exchange: Exchange) -> Result:
        raise error

    return refuse


def _ask_to_sign_in(visit: Visit) -> Redirect:
    _ = visit.gettext
    visit.session = None
    if visit.request.method in _READS:
        back = visit.request.full_path.rstrip("?")
        return Redirect(location=visit.url("sign-in", next=back))
    return Redirect(
        location=visit.url("sign-in", next=_page_before(visit)),
        notice=_("You are signed out, so nothing was done. Sign in, and try once more."),
        failed=True,
    )


def _explain(visit: Visit, error: RefitError, exchange: Exchange) -> Result:
    structlog.contextvars.bind_contextvars(problem=error.problem)
    # Only of somebody who is signed in the form was read, and could be.
    if visit.request.method == "POST" and visit.session is not None:
        back = _page_before(visit)
        if back:
            # The page on which it was asked says why it was not done.
            return Redirect(location=back, notice=str(error), failed=True)
    # Whoever looks can only come again: what is not set up yet is away for them.
    status = 503 if isinstance(error, ConfigurationError) else error.status
    exchange.headers.update(problem(error).headers)
    if status == 503:
        exchange.headers.setdefault("Retry-After", _RETRY_AFTER_S)
    return Page(template="error.html", values={"error": error}, status=status)


def _page_before(visit: Visit) -> str | None:
    """Where a form says that it stands: a page of ours, and nothing else."""
    return local_page(visit.request.form.get("back"))
