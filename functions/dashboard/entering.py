"""Who may come to a page: form, environment, session, limits, role."""

from __future__ import annotations

from io import BytesIO

import structlog
from flask import Request
from werkzeug.exceptions import RequestEntityTooLarge

from core.domain import Environment
from core.errors import NotFound, PayloadTooLarge, Unauthenticated
from core.web.answer import Exchange
from core.web.authentication import require_role
from core.web.parsing import MAX_BODY_BYTES, read_body
from core.web.rate_limits import Kind
from core.web.refusals import Refusal, record_refusal
from functions.dashboard.cross_site import is_arriving
from functions.dashboard.csrf import require_csrf
from functions.dashboard.routes import Target
from functions.dashboard.sessions import read_session
from functions.dashboard.visit import Page, Result, Visit


def enter(visit: Visit, target: Target, exchange: Exchange) -> Result:
    """Do what stands at an address, for whoever may have it done.

    Raises
    ------
    Unauthenticated
        Nobody is signed in.
    RefitError
        What was asked is refused, or failed.
    """
    request = visit.request
    _read_form(request)
    visit.environment = _environment(visit)
    visit.session = read_session(request, visit.services)
    visit.looked = True
    if target.role is None:
        return target.load()(visit)
    if visit.session is None:
        if is_arriving(request):
            return Page(template="arriving.html")
        raise Unauthenticated("Nobody is signed in.")
    caller = visit.viewer.caller
    structlog.contextvars.bind_contextvars(
        caller=caller.name, caller_kind=caller.kind, role=caller.role
    )
    posted = request.method == "POST"
    admission = visit.services.limits.admit(caller, Kind.WORK if posted else Kind.READS)
    exchange.headers.update(admission.standing.headers())
    admission.standing.require()
    try:
        if posted:
            require_csrf(request, visit.session)
        elif not visit.viewer.may("viewer"):
            return Page(template="no_role.html", status=403)
        require_role(caller, target.role)
        return target.load()(visit)
    except Refusal as exc:
        if posted:
            name = target.name.partition(":")[2]
            record_refusal(request, visit.services, caller, name, exchange.request_id, exc)
        raise


def _read_form(request: Request) -> None:
    """Read the form as the API reads a body; Werkzeug alone takes chunks without end.

    Raises
    ------
    PayloadTooLarge, InvalidRequest
        As :func:`core.web.parsing.read_body`, and for a form of very many parts.
    """
    request.stream = BytesIO(read_body(request))
    request.max_form_memory_size = MAX_BODY_BYTES
    try:
        _ = request.form  # which parses it
    except RequestEntityTooLarge as exc:
        raise PayloadTooLarge("The form has too many parts.") from exc


def _environment(visit: Visit) -> Environment:
    usual = visit.services.settings.environment
    given = visit.request.args.get("environment", usual)
    try:
        return Environment(given)
    except ValueError:
        raise NotFound(f"There is no environment {given[:50]}.") from None
