"""Errors that nobody foresaw end the work, and say what they were."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import SecretStr

from core.database import PostgresDatabase
from core.settings import Settings
from core.worker.context import WorkerContext
from core.worker.job_work import work_on_job
from core.worker.operation_work import work_on_operation
from tests.worker.lab import Lab


def break_down(*args: Any, **changes: Any) -> Any:
    raise ValueError("nobody thought of this")


@pytest.fixture
def context(lab: Lab) -> Iterator[WorkerContext]:
    """What a worker process works with; here the test rings for no other one."""
    database = PostgresDatabase(lab.database_url)
    settings = Settings(
        DATABASE_URL=SecretStr(lab.database_url),
        REDIS_URL=SecretStr(lab.redis_url),
        REFIT_ARTIFACTS_URL=lab.artifacts_url,
    )
    context = WorkerContext.from_settings(settings, database)
    yield context
    context.doorbell.close()
    database.close()


def test_a_job_ends_as_failed_and_names_what_was_raised(
    lab: Lab, context: WorkerContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = lab.model_type()
    job_id = lab.ask_for_training(name, ring=False)
    monkeypatch.setattr("core.worker.job_work.run_in_child", break_down)

    work_on_job(context, job_id)

    job = lab.job(job_id)
    assert (job["status"], job["attempt"], job["error"]["type"]) == ("failed", 1, "internal")
    assert "ValueError: nobody thought of this" in job["error"]["detail"]
    assert "ValueError" in lab.alerts(name)["training_failure"]


def test_an_operation_ends_as_failed_and_names_what_was_raised(
    lab: Lab, context: WorkerContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    operation_id = lab.store.request_check(model_types=[lab.model_type(), lab.model_type()])
    monkeypatch.setattr("core.worker.operation_work.run_in_child", break_down)

    work_on_operation(context, operation_id)

    operation = lab.store.get_operation(operation_id)
    assert operation["status"] == "failed"
    assert "ValueError: nobody thought of this" in operation["error"]["detail"]
    assert len(operation["result"]["errors"]) == 2


def test_an_outcome_that_cannot_be_written_ends_the_job_as_failed(
    lab: Lab, context: WorkerContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id = lab.ask_for_training(lab.model_type(), ring=False)
    monkeypatch.setattr(
        "core.worker.job_work.run_in_child", lambda *_, **__: {"status": "succeeded", "x": {1, 2}}
    )

    work_on_job(context, job_id)

    job = lab.job(job_id)
    assert (job["status"], job["attempt"]) == ("failed", 1)
    assert "set is not JSON serializable" in job["error"]["detail"]
