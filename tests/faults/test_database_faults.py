"""A PostgreSQL that is killed: nothing is half done, and everybody connects again by himself."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg
import pytest

from core.database.migrations import migrate
from core.domain import Role
from core.embedded.guardian import Guardian
from core.embedded.postgres import EmbeddedPostgres
from core.keys import hash_key, make_key
from tests.conftest import running
from tests.faults.obstacles import requests_locked, rows_locked, swaps_locked
from tests.faults.stages import STAGES, assert_happened_once, model_type_for, wait_for_stage
from tests.functions.served import Answer, Server, serving
from tests.worker.lab import Lab, empty_queue, eventually, open_lab

KILLS = 5  # each time with one job in each of the stages, and amid a request
# What is committed must survive a kill, but no failure of power.
OPTIONS = {"fsync": "off", "dynamic_shared_memory_type": "mmap"}
MOST_ATTEMPTS = 2  # whoever read rows has to begin anew


@pytest.fixture(scope="module")
def postgres(memory_folder: Path, guardian: Guardian) -> Iterator[EmbeddedPostgres]:
    """A server that these tests may kill."""
    server = EmbeddedPostgres(memory_folder / "killed-postgres", options=OPTIONS)
    with running(server, guardian) as url:
        migrate(url)
        yield server


@contextmanager
def connected(url: str, redis_url: str, folder: Path) -> Iterator[Lab]:
    """A lab whose connections are those of the time between two kills."""
    folder.mkdir(exist_ok=True)
    with open_lab(url, redis_url, folder) as lab:
        yield lab


def kill_backend(postgres: EmbeddedPostgres, pid: int) -> None:
    """As when PostgreSQL crashes in a query: it ends all sessions and recovers."""
    os.kill(pid, signal.SIGKILL)


def kill_postmaster(postgres: EmbeddedPostgres, pid: int) -> None:
    """As when its machine or container is lost, and comes back a moment later."""
    postmaster = postgres.pid
    assert postmaster is not None
    os.kill(postmaster, signal.SIGKILL)
    eventually(lambda: not postgres.folder.is_held())
    postgres.start()


def is_cut_off(lab: Lab) -> bool:
    """Whether the server has ended the sessions that there were."""
    try:
        lab.owner.execute("select")
    except psycopg.OperationalError:
        return True
    return False


def wait_until_back(url: str) -> None:
    def answers() -> bool:
        try:
            with psycopg.connect(url) as connection:
                return connection.execute("select not pg_is_in_recovery()").fetchone() == (True,)
        except psycopg.OperationalError:
            return False

    eventually(answers)


def request_that_waits(lab: Lab) -> int | None:
    """The server's process that is amid a trigger, waiting for a lock."""
    rows = lab.rows(
        "select pid from pg_stat_activity where datname = current_database()"
        " and wait_event_type = 'Lock' and query ~ 'trigger_retraining'"
    )
    return rows[0]["pid"] if rows else None


@pytest.mark.timeout(240)
@pytest.mark.parametrize("kill", [kill_backend, kill_postmaster])
def test_nothing_is_half_done_when_the_database_is_killed(
    postgres: EmbeddedPostgres,
    kill: Callable[[EmbeddedPostgres, int], None],
    valkey_url: str,
    engines: dict[str, str],
    gate: Path,
    tmp_path: Path,
) -> None:
    url, redis_url = postgres.url, empty_queue(valkey_url)
    artifacts, key = tmp_path / "artifacts", make_key()
    with ExitStack() as stack:
        with connected(url, redis_url, artifacts) as lab:
            lab.store.create_api_key(name=key[:12], role=Role.OPERATOR, key_hash=hash_key(key))
            worker = stack.enter_context(
                lab.worker(
                    tmp_path, GATE=str(gate), REFIT_WORKER_THREADS=str(len(STAGES)), **engines
                )
            )
            server = stack.enter_context(
                serving(tmp_path, "main", DATABASE_URL=lab.database_url, REDIS_URL=lab.redis_url)
            )
        pool = stack.enter_context(ThreadPoolExecutor())
        for _ in range(KILLS):
            gate.touch()
            with connected(url, redis_url, artifacts) as lab:
                types = {stage: model_type_for(lab, stage) for stage in STAGES}
                asked = [model_type_for(lab, "load") for _ in range(2)]
                with (
                    rows_locked(lab, types["load"]),
                    swaps_locked(lab),
                    requests_locked(lab, asked[1]),
                ):
                    jobs = {stage: lab.ask_for_training(name) for stage, name in types.items()}
                    for stage, job_id in jobs.items():
                        wait_for_stage(lab, job_id, stage)
                    answer = pool.submit(
                        server.post, "trigger_retraining", {"model_types": asked}, key=key
                    )
                    pid = eventually(lambda: request_that_waits(lab))
                    kill(postgres, pid)
                    eventually(lambda: is_cut_off(lab))
            wait_until_back(url)
            gate.unlink()

            with connected(url, redis_url, artifacts) as lab:
                assert_refused_whole(lab, server, answer.result(), asked)
                for stage, job_id in jobs.items():
                    job = lab.ended_job(job_id)
                    assert job["attempt"] <= MOST_ATTEMPTS
                    assert_happened_once(lab, types[stage], job)
                again = server.post("trigger_retraining", {"model_types": asked}, key=key)
                assert again.status == 202, again.text
                for job, name in zip(again.body["jobs"], asked, strict=True):
                    assert job["coalesced"] is False
                    assert_happened_once(lab, name, lab.ended_job(job["id"]))
            assert worker.process.poll() is None


def assert_refused_whole(lab: Lab, server: Server, answer: Answer, asked: list[str]) -> None:
    """The first model type had its row already: it is gone with the second one's."""
    assert answer.status == 503, server.log.read_text()
    assert answer.is_problem
    assert int(answer.headers["Retry-After"]) > 0
    for name in asked:
        assert lab.store.list_training_jobs(model_type=name)["items"] == []
        assert (
            lab.rows(
                "select from workflow_audit_logs where model_type = %s and entity = 'training_job'",
                name,
            )
            == []
        )
