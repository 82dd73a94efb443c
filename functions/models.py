"""GET models: trained versions, with the environments that each serves."""

from __future__ import annotations

from typing import Literal

from core.domain import Role
from core.web import Answer, Call, endpoint
from core.web.fields import EnvironmentListQuery
from core.web.paging import give_page


class ModelsQuery(EnvironmentListQuery):
    """Trained versions; of one environment those that serve it."""

    status: Literal["candidate", "approved", "rejected"] | None = None


@endpoint("GET", Role.VIEWER, ModelsQuery)
def models(call: Call[ModelsQuery]) -> Answer:
    """One page, newest first: ``{items, next_cursor}``."""
    query = call.parameters
    call.check_model_type(query.model_type)
    return Answer(body=give_page("models", call.store.list_models, query.model_dump()))
