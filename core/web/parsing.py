"""Reading what a request says: a bounded body, and fields that are checked before use."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from io import BytesIO
from typing import Any, TypeVar

from flask import Request
from pydantic import BaseModel, ConfigDict, ValidationError

from core.errors import InvalidRequest, PayloadTooLarge
from core.web.patterns import SENTENCES

MAX_BODY_BYTES = 1 << 20
_DRAINED_BYTES = 8 << 20
_CHUNK_BYTES = 1 << 16
_SHOWN_ERRORS = 20

# "There is no model type churn.", "The job 0f… has no model.": what a message is about.
_SUBJECT = re.compile(r"\b(?:model type|model|job) (?!type\b)([\w-]+)")
_NAMING_FIELDS = ("model_types", "model_type", "name", "model_ids", "job_ids")
_HEADERS = {"Idempotency-Key"}


class Parameters(BaseModel):
    """Base of every body and query: what it does not name is refused."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        allow_inf_nan=False,
        protected_namespaces=(),
        # A process of functions serves some actions in its life, not all.
        defer_build=True,
    )


class NoParameters(Parameters):
    """For an action that takes none."""


P = TypeVar("P", bound=Parameters)


def require_size(request: Request) -> None:
    """Refuse a body that is announced as too large, before anything of it is read.

    Raises
    ------
    PayloadTooLarge
    """
    if (request.content_length or 0) > MAX_BODY_BYTES:
        raise _too_large()


def read_body(request: Request) -> bytes:
    """The body, of which never more than the limit is held in memory.

    Raises
    ------
    PayloadTooLarge
        When it has over one mebibyte, by its header or by counting.
    InvalidRequest
        When it ends early or its chunks are malformed.
    """
    require_size(request)
    body = bytearray()
    try:
        while len(body) <= MAX_BODY_BYTES and (chunk := request.stream.read(_CHUNK_BYTES)):
            body += chunk
    except Exception as exc:  # each server has errors of its own for chunks that are malformed
        raise InvalidRequest("The body cannot be read.") from exc
    if len(body) > MAX_BODY_BYTES:
        raise _too_large()
    if len(body) < (request.content_length or 0):
        raise InvalidRequest("The body ended before its Content-Length.")
    return bytes(body)


def drop_body(request: Request) -> None:
    """Read on and drop what is left of the body: a client that is still sending hears no answer.

    functions-framework would read all that is left into memory, so nothing is left for it. A body
    that is announced as very large is not read at all.
    """
    if not request.content_length and "Transfer-Encoding" not in request.headers:
        return
    stream = request.stream
    request.stream = BytesIO()
    if (request.content_length or 0) > _DRAINED_BYTES:
        return
    left = _DRAINED_BYTES
    # Whatever is wrong with the rest of a body: the answer stands already.
    with suppress(Exception):
        while left > 0 and (chunk := stream.read(_CHUNK_BYTES)):
            left -= len(chunk)


def _too_large() -> PayloadTooLarge:
    return PayloadTooLarge("The body has over 1 MiB.", hint="Name fewer things at a time.")


def parse_body(model: type[P], body: bytes) -> P:
    """The fields of a JSON body; an empty body means ``{}``. The content type may say anything.

    Raises
    ------
    InvalidRequest
        With one entry in ``errors`` for each field that is unknown, missing or wrong.
    """
    try:
        return model.model_validate_json(body if body.strip() else b"{}", strict=True)
    except ValidationError as exc:
        raise _invalid(exc, model, "body") from exc


def parse_query(model: type[P], request: Request, action: str) -> P:
    """The query parameters, but for ``action`` and only if it names this action.

    Raises
    ------
    InvalidRequest
        As :func:`parse_body`, and for a parameter that is given twice.
    """
    fields: dict[str, str] = {}
    for name, values in request.args.lists():
        if len(values) > 1:
            raise _field_error(name, "Give it once.")
        if name != "action":
            fields[name] = values[0]
        elif values[0] != action:
            raise _field_error(name, f"This address serves {action}.")
    try:
        return model.model_validate_strings(fields)
    except ValidationError as exc:
        raise _invalid(exc, model, "query") from exc


def name_fields(error: InvalidRequest, parameters: Parameters) -> InvalidRequest:
    """Say which fields an error of the database is about, where the database could not.

    Its message begins with the field ("time_window must be …") or names the value.
    """
    if error.errors:
        return error
    first_word = error.message.split(" ")[0]
    if first_word in _HEADERS or first_word in type(parameters).model_fields:
        fields = [first_word]
    else:
        subjects = set(_SUBJECT.findall(error.message))
        fields = [name for name, value in _named_values(parameters) if value in subjects]
    located = [{"field": name, "detail": error.message} for name in fields]
    # Of the same class: the problem type is what a program goes by.
    return type(error)(error.message, hint=error.hint, errors=located)


def _named_values(parameters: Parameters) -> Iterator[tuple[str, str]]:
    for name in _NAMING_FIELDS:
        value: Any = getattr(parameters, name, None)
        if isinstance(value, list):
            yield from ((f"{name}.{index}", str(item)) for index, item in enumerate(value))
        elif value is not None:
            yield name, str(value)


def _field_error(field: str, detail: str) -> InvalidRequest:
    field = field[:100]
    return InvalidRequest(f"{field}: {detail}", errors=[{"field": field, "detail": detail}])


def _invalid(exc: ValidationError, model: type[Parameters], whole: str) -> InvalidRequest:
    known = ", ".join(model.model_fields) or "none"
    errors = []
    details = exc.errors(include_url=False, include_input=False)
    for detail in details[:_SHOWN_ERRORS]:
        field = ".".join(str(part) for part in detail["loc"])[:100] or whole
        errors.append({"field": field, "detail": _sentence(detail, known)})
    first = errors[0]
    more = f" ({len(details) - 1} more)" if len(details) > 1 else ""
    return InvalidRequest(f"{first['field']}: {first['detail']}{more}", errors=errors)


def _sentence(detail: Mapping[str, Any], known: str) -> str:
    if detail["type"] == "extra_forbidden":
        return f"There is no such field. Known: {known}."
    if detail["type"] in {"model_type", "model_attributes_type"}:
        return "It must be a JSON object."
    if detail["type"] == "string_pattern_mismatch":
        return SENTENCES[detail["ctx"]["pattern"]]
    return f"{detail['msg'].removeprefix('Value error, ')}."
