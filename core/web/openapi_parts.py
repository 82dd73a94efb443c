"""The parts of the OpenAPI document that every action shares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from core.web.call import Form
from core.web.idempotency import HEADER, KEY_PATTERN
from core.web.parsing import Parameters

Json = dict[str, Any]

SECURITY_SCHEMES: Json = {
    "machineKey": {
        "type": "apiKey",
        "in": "header",
        "name": "X-API-Key",
        "description": "A key that `refit keys create` made.",
    },
    "userToken": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "A signed-in Supabase user's token; app_metadata.ml_role is their role.",
    },
}

_NUMBER: Json = {"type": "integer", "minimum": 0}
HEADERS: Json = {
    "X-Request-Id": {
        "description": "The request's id, as it was given or made: it is in the log, the audit "
        "rows, the job and its callback.",
        "required": True,
        "schema": {"type": "string"},
    },
    "ETag": {"description": "Names this answer.", "schema": {"type": "string"}},
    "Retry-After": {"description": "Seconds to wait.", "schema": _NUMBER},
    "RateLimit-Limit": {"description": "Requests in a window.", "schema": _NUMBER},
    "RateLimit-Remaining": {"description": "Requests left in this window.", "schema": _NUMBER},
    "RateLimit-Reset": {"description": "Seconds until the next window.", "schema": _NUMBER},
    "WWW-Authenticate": {"required": True, "schema": {"type": "string"}},
    "Idempotency-Replayed": {
        "description": "There when the request was carried out before.",
        "schema": {"const": "true"},
    },
}
_RATE = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")


@dataclass(frozen=True, kw_only=True)
class Meaning:
    """What an error's status means here, and what comes with it."""

    description: str
    own_headers: tuple[str, ...] = ()

    def headers(self, form: Form) -> Json:
        """References to the headers of such an answer."""
        rate = _RATE if form.role else ()
        return _references("X-Request-Id", *rate, *self.own_headers)


PROBLEM_MEANINGS = {
    401: Meaning(
        description="There are no credentials, or wrong ones.", own_headers=("WWW-Authenticate",)
    ),
    403: Meaning(description="The caller's role does not allow it."),
    404: Meaning(description="There is no such thing."),
    409: Meaning(description="The state of things does not allow it now."),
    413: Meaning(description="The body has over 1 MiB."),
    422: Meaning(description="A field is unknown, missing or wrong; `errors` names it."),
    429: Meaning(description="Too many requests.", own_headers=("Retry-After",)),
    500: Meaning(description="Refit met an error of its own; its log tells more."),
    503: Meaning(
        description="The database is away, and nothing was changed.", own_headers=("Retry-After",)
    ),
}


def success_headers(form: Form) -> Json:
    """References to the headers of an answer that went well."""
    own = "ETag" if form.method == "GET" else "Idempotency-Replayed"
    return _references("X-Request-Id", *(_RATE if form.role else ()), own)


def header_parameters(form: Form) -> list[Json]:
    """The headers that a request may have beside its credentials."""
    headers = [
        _parameter(
            "header", "X-Request-Id", {"type": "string"}, "A name for this request; one is made."
        )
    ]
    if form.method == "POST":
        schema = {"type": "string", "pattern": f"^{KEY_PATTERN}$"}
        meaning = "Sent again under the same key within 24 hours, it is carried out once."
        headers.append(_parameter("header", HEADER, schema, meaning))
    else:
        meaning = "The ETag of the answer that you have."
        headers.append(_parameter("header", "If-None-Match", {"type": "string"}, meaning))
    return headers


def query_parameters(model: type[Parameters]) -> list[Json]:
    """The fields of a GET as parameters: what is null is left out there."""
    schema = model.model_json_schema()
    kinds = schema.get("$defs", {})
    return [
        _parameter("query", name, _without_null(field, kinds), required=name in needed)
        for needed in [schema.get("required", ())]
        for name, field in schema.get("properties", {}).items()
    ]


def _without_null(field: Json, kinds: Json) -> Json:
    field = {k: v for k, v in field.items() if k != "title" and (k, v) != ("default", None)}
    choices = [kind for kind in field.pop("anyOf", []) if kind != {"type": "null"}]
    for choice in choices:
        field |= choice
    reference = field.pop("$ref", None)
    if reference is not None:
        field |= kinds[reference.rpartition("/")[2]]
    return field


def _parameter(
    place: str, name: str, schema: Json, description: str | None = None, *, required: bool = False
) -> Json:
    parameter: Json = {"in": place, "name": name, "required": required, "schema": schema}
    return parameter if description is None else parameter | {"description": description}


def _references(*names: str) -> Json:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}
