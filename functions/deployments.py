"""GET deployments: which model served when."""

from __future__ import annotations

from typing import Literal

from core.domain import Role
from core.web import Answer, Call, endpoint
from core.web.fields import EnvironmentListQuery
from core.web.paging import give_page


class DeploymentsQuery(EnvironmentListQuery):
    """Deployments."""

    status: Literal["active", "retired", "rolled_back"] | None = None


@endpoint("GET", Role.VIEWER, DeploymentsQuery)
def deployments(call: Call[DeploymentsQuery]) -> Answer:
    """One page, newest first: ``{items, next_cursor}``."""
    query = call.parameters
    call.check_model_type(query.model_type)
    return Answer(body=give_page("deployments", call.store.list_deployments, query.model_dump()))
