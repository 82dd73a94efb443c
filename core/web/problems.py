"""Errors as callers see them: ``application/problem+json`` (RFC 9457)."""

from __future__ import annotations

from typing import Any

from core.errors import (
    DatabaseUnavailable,
    InvalidToken,
    JobCancelled,
    MethodNotAllowed,
    QueueUnavailable,
    RefitError,
    SigningKeysUnavailable,
    TooManyRequests,
    Unauthenticated,
)
from core.web.answer import Answer, Json

_CONTENT_TYPE = "application/problem+json"
_RETRY_AFTER_S = "5"


def problem(error: RefitError) -> Answer:
    """The answer to an error that a person can understand and mend."""
    body = _body(error.problem, error.title, error.status, str(error))
    if error.errors:
        body["errors"] = error.errors
    headers = {}
    if isinstance(error, MethodNotAllowed):
        headers["Allow"] = error.allow
    elif isinstance(error, Unauthenticated):
        # As RFC 6750 has it; what is wrong with a token is said in the body.
        why = ', error="invalid_token"' if isinstance(error, InvalidToken) else ""
        headers["WWW-Authenticate"] = f'Bearer realm="refit"{why}'
    elif isinstance(error, (DatabaseUnavailable, QueueUnavailable, SigningKeysUnavailable)):
        headers["Retry-After"] = _RETRY_AFTER_S
    elif isinstance(error, TooManyRequests):
        headers["Retry-After"] = str(error.retry_after_s)
    return Answer(body=body, status=error.status, headers=headers, content_type=_CONTENT_TYPE)


def unexpected_problem(request_id: str) -> Answer:
    """The answer when we do not know what went wrong: the log does, the caller need not."""
    detail = f"Refit met an error of its own. Its log tells more, under request_id {request_id}."
    body = _body(RefitError.problem, RefitError.title, RefitError.status, detail)
    return Answer(body=body, status=RefitError.status, content_type=_CONTENT_TYPE)


def operation_problem(operation: Json) -> Answer:
    """The answer to a request whose operation failed or was cancelled.

    Parameters
    ----------
    operation : dict
        As the database gives it; ``error`` is what its worker wrote: ``{type, status, detail}``.
    """
    error: dict[str, Any] = operation.get("error") or {}
    if operation["status"] == "cancelled":
        error = {"type": JobCancelled.problem, "status": 409, "detail": "It was cancelled."} | error
    name = error.get("type") or RefitError.problem
    status = error.get("status")
    if not isinstance(status, int) or not 400 <= status <= 599:
        status = RefitError.status
    detail = error.get("detail") or f"The {operation['kind']} failed."
    body = _body(name, _title(name), status, detail)
    body["operation_id"] = operation["id"]
    return Answer(body=body, status=status, content_type=_CONTENT_TYPE)


def _body(name: str, title: str, status: int, detail: str) -> Json:
    return {
        "type": f"urn:refit:problem:{name}",
        "title": title,
        "status": status,
        "detail": detail,
    }


def _title(name: str) -> str:
    """The title of the error class that has this name, wherever it stands in the family."""
    classes = [RefitError]
    while classes:
        cls = classes.pop()
        if cls.problem == name:
            return cls.title
        classes += cls.__subclasses__()
    return RefitError.title
