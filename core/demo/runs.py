"""Runs of the demo: history is never erased, so each run has names of its own."""

from __future__ import annotations

import re
from uuid import UUID

from core.cli.session import Session
from core.domain import JobStatus
from core.errors import Conflict

_NAME = re.compile(r"demo_(\d+)_.+")


def begin_run(session: Session) -> int:
    """The number of a new run; the model types of former ones are disabled.

    A run that was killed may have left work behind: that is cancelled, so that no worker of this
    run spends its time on it.
    """
    numbers = [0]
    for model_type in session.store.list_model_types():
        found = _NAME.fullmatch(model_type.name)
        if found is None or not model_type.replay:
            continue
        numbers.append(int(found[1]))
        if model_type.enabled:
            _retire(session, model_type.name)
    return 1 + max(numbers)


def display_name(model_type: str) -> str:
    """A model type's name without the run.

    >>> display_name("demo_3_content_performance")
    'content_performance'
    """
    found = re.fullmatch(r"demo_\d+_(.+)", model_type)
    return found[1] if found else model_type


def _retire(session: Session, name: str) -> None:
    session.store.update_model_type(name, {"enabled": False})
    for status in (JobStatus.QUEUED, JobStatus.RUNNING):
        jobs = session.store.list_training_jobs(model_type=name, status=str(status))
        for job in jobs["items"]:
            _cancel(session, UUID(job["id"]))


def _cancel(session: Session, job_id: UUID) -> None:
    try:
        session.store.cancel_job(job_id)
    except Conflict:
        return  # it ended meanwhile
