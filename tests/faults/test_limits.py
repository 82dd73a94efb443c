"""Trainings that never end, eat all memory or are no longer wanted: the worker outlives them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.conftest import temporary_database, with_database
from tests.faults.engines import EATS_MEMORY, NEVER_ENDS, write_engines
from tests.faults.processes import descendants, wait_until_gone
from tests.faults.stages import assert_happened_once, model_type_for, wait_for_stage
from tests.worker.lab import Lab, Row, RunningWorker, empty_queue, open_lab

TIME_LIMIT_S = 8
MEMORY_LIMIT_MB = 256
CANCELLED_WITHIN_S = 5
CHILDREN_GONE_WITHIN_S = 1


@pytest.fixture(scope="module")
def lab(
    postgres_url: str,
    postgres_admin: psycopg.Connection,
    template_database: str,
    valkey_url: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Lab]:
    with (
        temporary_database(postgres_admin, template=template_database) as name,
        open_lab(
            with_database(postgres_url, name),
            empty_queue(valkey_url),
            tmp_path_factory.mktemp("artifacts"),
        ) as lab,
    ):
        yield lab


@pytest.fixture(scope="module")
def worker(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningWorker]:
    folder: Path = tmp_path_factory.mktemp("worker")
    with lab.worker(
        folder,
        REFIT_WORKER_THREADS="1",
        REFIT_TRAINING_TIME_LIMIT_S=str(TIME_LIMIT_S),
        REFIT_TRAINING_MEMORY_LIMIT_MB=str(MEMORY_LIMIT_MB),
        **write_engines(folder),
    ) as worker:
        yield worker


@pytest.fixture
def idle(lab: Lab, worker: RunningWorker) -> Iterator[set[int]]:
    """What runs below an idle worker; so it must be again, and the worker takes the next job."""
    idle = descendants(worker.process.pid)
    yield idle
    wait_until_gone(descendants(worker.process.pid) - idle, within=CHILDREN_GONE_WITHIN_S)
    assert descendants(worker.process.pid) == idle
    name = model_type_for(lab, "load")
    assert_happened_once(lab, name, lab.retrain(name))
    assert worker.process.poll() is None


def failed_training(lab: Lab, engine: str) -> Row:
    name = lab.model_type(engine=engine, feature_columns=["size"])
    job = lab.retrain(name)
    assert (job["status"], job["attempt"]) == ("failed", 1)
    assert job["error"]["type"] == "training_failed"
    assert lab.alerts(name) == {"training_failure": job["error"]["detail"]}
    assert lab.store.list_models(model_type=name)["items"] == []
    return job


@pytest.mark.usefixtures("idle")
def test_a_training_that_never_ends_is_stopped_at_its_time_limit(lab: Lab) -> None:
    job = failed_training(lab, NEVER_ENDS)

    assert f"took longer than {TIME_LIMIT_S} s and was stopped" in job["error"]["detail"]


@pytest.mark.usefixtures("idle")
def test_a_training_that_eats_memory_is_stopped_at_its_memory_limit(lab: Lab) -> None:
    job = failed_training(lab, EATS_MEMORY)

    assert f"ran out of memory; its limit is {MEMORY_LIMIT_MB} MiB" in job["error"]["detail"]


def test_a_running_training_is_cancelled_within_seconds(
    lab: Lab, worker: RunningWorker, idle: set[int]
) -> None:
    name = lab.model_type(engine=NEVER_ENDS, feature_columns=["size"])
    job_id = lab.ask_for_training(name)
    wait_for_stage(lab, job_id, "train")
    assert len(descendants(worker.process.pid) - idle) == 1

    lab.store.cancel_job(job_id)
    job = lab.ended_job(job_id, within=CANCELLED_WITHIN_S)

    assert (job["status"], job["result"], job["error"]) == ("cancelled", None, None)
    assert lab.alerts(name) == {}
    assert lab.store.list_models(model_type=name)["items"] == []
    # The name is free again at once.
    (again,) = lab.store.trigger_retraining(model_types=[name])["jobs"]
    assert again["coalesced"] is False
    lab.store.cancel_job(again["id"])  # or the sweep would ring for it
