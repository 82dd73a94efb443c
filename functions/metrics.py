"""GET metrics: performance checks."""

from __future__ import annotations

from typing import Literal

from core.domain import Role
from core.web import Answer, Call, endpoint
from core.web.fields import EnvironmentListQuery
from core.web.paging import give_page


class MetricsQuery(EnvironmentListQuery):
    """Performance checks; the status is the verdict."""

    status: Literal["healthy", "degraded", "inconclusive", "insufficient_data"] | None = None


@endpoint("GET", Role.VIEWER, MetricsQuery)
def metrics(call: Call[MetricsQuery]) -> Answer:
    """One page, newest first: ``{items, next_cursor}``."""
    query = call.parameters
    call.check_model_type(query.model_type)
    return Answer(body=give_page("metrics", call.store.list_metrics, query.model_dump()))
