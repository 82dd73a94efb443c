"""GET job: a training job with its validation, its log lines, and why it ended as it did."""

from __future__ import annotations

from core.domain import Role
from core.web import Answer, Call, endpoint
from core.web.fields import Identified
from core.web.reasons import job_with_reasons


@endpoint("GET", Role.VIEWER, Identified)
def job(call: Call[Identified]) -> Answer:
    """One training job, by its id."""
    found = call.store.get_training_job(call.parameters.id)
    call.note_end(found)
    return Answer(body=job_with_reasons(found))
