"""Waiting for what a worker does: operations with a spinner, trainings with a bar."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from core.cli.output import make_console, note
from core.cli.session import Session
from core.cli.workers import is_seen, somebody_working
from core.domain import JobStatus
from core.errors import RefitError

Json = dict[str, Any]
Show = Callable[[Json], None]  # shows how far a job is

POLL_S = 0.3
PATIENCE_S = 10.0  # how long work may lie in the queue before we ask whether anybody works
START_PATIENCE_S = 60.0  # the same, for a worker that has just been started on a busy machine


class NobodyWorks(RefitError):
    """Work is queued, and there is no worker."""

    problem = "no_worker"


class Patience:
    """Notices that work stays in the queue although nobody is there to take it.

    Parameters
    ----------
    session
        Where workers are seen.
    starting
        Whether one was started a moment ago.
    """

    def __init__(self, session: Session, *, starting: bool) -> None:
        self._session = session
        self._deadline = time.monotonic() + (START_PATIENCE_S if starting else PATIENCE_S)

    def check(self, statuses: Sequence[str]) -> None:
        """Go on as long as something moves or somebody works.

        Raises
        ------
        NobodyWorks
            When everything has been queued for long and no worker is seen.
        """
        if any(status != JobStatus.QUEUED for status in statuses):
            self._deadline = max(self._deadline, time.monotonic() + PATIENCE_S)
        elif time.monotonic() > self._deadline:
            if not is_seen(self._session.store.get_status()):
                raise NobodyWorks(
                    "No worker is running; the work stays queued.",
                    hint="Start `refit up` or `refit worker`.",
                )
            self._deadline = time.monotonic() + PATIENCE_S


def wait_for_operation(session: Session, operation_id: UUID, what: str) -> Json:
    """The operation once it has ended.

    Raises
    ------
    NobodyWorks
        When there is no worker.
    RefitError
        When it failed or was cancelled; the message is its worker's.
    """
    with (
        somebody_working(session) as starting,
        make_console(stderr=True).status(f"{what} …"),
    ):
        patience = Patience(session, starting=starting)
        while True:
            operation = session.store.get_operation(operation_id)
            if JobStatus(operation["status"]).is_final:
                break
            patience.check([operation["status"]])
            time.sleep(POLL_S)
    if operation["status"] != JobStatus.SUCCEEDED:
        raise RefitError(_failure(operation))
    return dict(operation)


def _failure(operation: Json) -> str:
    error: Json = operation["error"] or {}
    return str(error.get("detail") or f"The {operation['kind']} was {operation['status']}.")


def wait_for_jobs(session: Session, jobs: Sequence[Json]) -> list[Json]:
    """The training jobs once all have ended, in the order given.

    A request that joined a running job may be served by its follow-up: then that is waited for.

    Raises
    ------
    NobodyWorks
        When there is no worker.
    """
    awaited = [UUID(job["id"]) for job in jobs]
    ended: dict[UUID, Json] = {}
    with somebody_working(session) as starting, _showing() as show:
        patience = Patience(session, starting=starting)
        while True:
            statuses = []
            for place, asked in enumerate(jobs):
                if awaited[place] in ended:
                    continue
                job = session.store.get_training_job(awaited[place])
                show(job)
                statuses.append(job["status"])
                if not JobStatus(job["status"]).is_final:
                    continue
                if asked["coalesced"] and job["follow_up"]:
                    awaited[place] = UUID(job["follow_up"]["id"])
                else:
                    ended[awaited[place]] = job
            if all(job_id in ended for job_id in awaited):
                return [ended[job_id] for job_id in awaited]
            patience.check(statuses)
            time.sleep(POLL_S)


@contextmanager
def _showing() -> Iterator[Show]:
    """Bars on a terminal; a line at each new stage elsewhere."""
    console = make_console(stderr=True)
    if not console.is_terminal:
        yield _show_lines()
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[stage]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as progress:
        tasks: dict[str, Any] = {}

        def show(job: Json) -> None:
            if job["id"] not in tasks:
                tasks[job["id"]] = progress.add_task(job["model_type"], total=1.0, stage="")
            done = 1.0 if JobStatus(job["status"]).is_final else job["progress"]
            progress.update(tasks[job["id"]], completed=done, stage=_stage(job))

        yield show


def _show_lines() -> Show:
    shown: dict[str, str] = {}

    def show(job: Json) -> None:
        if shown.get(job["id"]) != _stage(job):
            shown[job["id"]] = _stage(job)
            note(f"{job['model_type']}: {_stage(job)}")

    return show


def _stage(job: Json) -> str:
    """The stage in words; what has ended shows how."""
    name = job["status"] if JobStatus(job["status"]).is_final else job["stage"]
    return str(name).replace("_", " ")
