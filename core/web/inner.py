"""An action that a page carries out: the same fields, rules and work as over HTTP."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, cast

from core.errors import InvalidRequest
from core.web.answer import Json
from core.web.authentication import Caller, require_role
from core.web.call import Call, Function
from core.web.parsing import name_fields, parse_body
from core.web.services import Services


def carry_out(
    function: Function,
    fields: Mapping[str, Any],
    *,
    services: Services,
    caller: Caller,
    request_id: str,
) -> Json:
    """Carry out an action for a caller who is known, and give its answer's body.

    Parameters
    ----------
    function : Function
        One that is asked by POST.
    fields : mapping
        The body's fields.
    services : Services
    caller : Actor or User
        Who has been admitted already: rate limits count requests, and this is part of one.
    request_id : str
        The page's.

    Returns
    -------
    dict
        As over HTTP: of an operation that failed within its wait the problem, with its ``detail``.

    Raises
    ------
    RefitError
        What the action would answer with a problem.
    """
    form = function.form
    if form.role is not None:
        require_role(caller, form.role)
    parameters = parse_body(form.parameters, json.dumps(dict(fields), default=str).encode())
    call = Call(parameters=parameters, services=services, caller=caller, request_id=request_id)
    try:
        return cast("Json", function.answer_call(call).body)
    except InvalidRequest as exc:
        raise name_fields(exc, parameters) from exc
    finally:
        # No earlier answer of the API serves after this; also where it failed.
        services.shared.begin_generation()
