"""GET history: training jobs."""

from __future__ import annotations

from core.domain import JobStatus, Role
from core.web import Answer, Call, endpoint
from core.web.fields import EnvironmentListQuery
from core.web.paging import give_page


class HistoryQuery(EnvironmentListQuery):
    """Training jobs."""

    status: JobStatus | None = None


@endpoint("GET", Role.VIEWER, HistoryQuery)
def history(call: Call[HistoryQuery]) -> Answer:
    """One page, newest first: ``{items, next_cursor}``."""
    query = call.parameters
    call.check_model_type(query.model_type)
    return Answer(body=give_page("history", call.store.list_training_jobs, query.model_dump()))
