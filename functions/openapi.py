"""GET openapi: what can be asked here, and how it is answered. Needs no credentials."""

from __future__ import annotations

from functools import cache

from core.web import Answer, Call, NoParameters, endpoint
from core.web.answer import Json


@endpoint("GET", None, NoParameters)
def openapi(call: Call[NoParameters]) -> Answer:
    """The OpenAPI 3.1 document of all actions."""
    return Answer(body=_document(call.services.settings.api_base_url))


@cache
def _document(api_base_url: str | None) -> Json:
    # Imported here: nothing else needs the shapes, and the list of actions holds this one.
    from core.web.openapi import build_document
    from functions.actions import ACTIONS

    forms = [function.form for function in ACTIONS.values()]
    return build_document(forms, api_base_url=api_base_url)
