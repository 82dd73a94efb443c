"""The OpenAPI 3.1 document: what can be asked, as the functions themselves check it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic.json_schema import models_json_schema

from core import __version__
from core.web.call import Form
from core.web.openapi_parts import (
    HEADERS,
    PROBLEM_MEANINGS,
    SECURITY_SCHEMES,
    header_parameters,
    query_parameters,
    success_headers,
)
from core.web.shapes.answers import PROBLEMS, SUCCESSES, Shapes
from core.web.shapes.base import Page, Problem

Json = dict[str, Any]

_REFERENCE = "#/components/schemas/{model}"
_DESCRIPTION = """\
Refit keeps scikit-learn models fresh. Each action is a path of its own; all of them are also
answered at `/api/workflows/ml/auto-retraining?action=…`.

Errors are problems after RFC 9457. Their `type` is for programs, their `detail` for people. A list
is read page by page: `next_cursor` gives the next one, and stays right while rows are added."""


def build_document(forms: Iterable[Form], *, api_base_url: str | None) -> Json:
    """Describe every action.

    Parameters
    ----------
    forms : iterable of Form
        How each action is asked, in the order in which they are shown.
    api_base_url : str, optional
        Where callers reach the functions, such as ``http://localhost:3000/api``; without it they
        are where the document is.

    Returns
    -------
    dict
        The document, ready for JSON.
    """
    forms = list(forms)
    names, schemas = _schemas(forms)
    base = api_base_url.rstrip("/") if api_base_url else "/api"
    return {
        "openapi": "3.1.0",
        "info": {"title": "Refit", "version": __version__, "description": _DESCRIPTION},
        "servers": [{"url": f"{base}/workflows/ml/auto-retraining"}],
        "paths": {f"/{form.action}": {form.method.lower(): _action(form, names)} for form in forms},
        "components": {
            "schemas": schemas,
            "headers": HEADERS,
            "securitySchemes": SECURITY_SCHEMES,
        },
    }


def _schemas(forms: Iterable[Form]) -> tuple[Mapping[type[BaseModel], Json], Json]:
    """A reference to each model's schema, and the schemas."""
    bodies = [form.parameters for form in forms if form.method == "POST"]
    answers = [
        shape for form in forms for shapes in SUCCESSES[form.action].values() for shape in shapes
    ]
    models: dict[type[BaseModel], None] = dict.fromkeys([Problem, *bodies, *answers])
    found, definitions = models_json_schema(
        [(model, "validation") for model in models], ref_template=_REFERENCE
    )
    names = {model: found[model, "validation"] for model in models}
    return names, definitions["$defs"]


def _action(form: Form, names: Mapping[type[BaseModel], Json]) -> Json:
    summary, _, more = form.summary.partition("\n")
    needs = f"Needs the role {form.role}." if form.role else "Needs no credentials."
    described: Json = {
        "operationId": form.action,
        "summary": _markdown(summary),
        "description": "\n\n".join(filter(None, [_markdown(more), needs])),
        "security": [{name: []} for name in SECURITY_SCHEMES] if form.role else [],
        "parameters": header_parameters(form),
        "responses": _responses(form, names),
    }
    if form.method == "GET":
        described["parameters"] += query_parameters(form.parameters)
    else:
        described["requestBody"] = {
            "required": not _takes_nothing(form),
            "content": {"application/json": {"schema": names[form.parameters]}},
        }
    return described


def _takes_nothing(form: Form) -> bool:
    """Whether an empty body, which means {}, is enough."""
    try:
        form.parameters()
    except ValidationError:
        return False
    return True


def _responses(form: Form, names: Mapping[type[BaseModel], Json]) -> Json:
    responses: Json = {}
    for status, shapes in SUCCESSES[form.action].items():
        responses[str(status)] = {
            "description": shapes[0].__doc__ or Page.__doc__,
            "headers": success_headers(form),
            "content": {"application/json": {"schema": _one_of(shapes, names)}},
        }
    if form.method == "GET":
        responses["304"] = {
            "description": "What you have is what it is.",
            "headers": success_headers(form),
        }
    for status in sorted(_problems(form)):
        responses.setdefault(
            str(status),
            {
                "description": PROBLEM_MEANINGS[status].description,
                "headers": PROBLEM_MEANINGS[status].headers(form),
                "content": {"application/problem+json": {"schema": names[Problem]}},
            },
        )
    return dict(sorted(responses.items()))


def _problems(form: Form) -> set[int]:
    statuses = {422, 500, 503, *PROBLEMS.get(form.action, ())}
    if form.role:
        statuses |= {401, 403, 429}
    if form.method == "POST":
        statuses.add(413)
    return statuses


def _one_of(shapes: Shapes, names: Mapping[type[BaseModel], Json]) -> Json:
    if len(shapes) == 1:
        return names[shapes[0]]
    return {"oneOf": [names[shape] for shape in shapes]}


def _markdown(text: str) -> str:
    """A docstring's text, whose code is quoted the other way."""
    return " ".join(text.split()).replace("``", "`")
