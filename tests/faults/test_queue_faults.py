"""A queue that forgets, dies or is away: jobs are in the database, and all of them end."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
import redis

from core.domain import Role
from core.embedded.guardian import Guardian
from core.embedded.valkey import EmbeddedValkey
from core.keys import hash_key, make_key
from tests.conftest import running, temporary_database, with_database
from tests.faults.engines import write_engines
from tests.faults.stages import assert_happened_once, model_type_for, wait_for_stage
from tests.functions.served import serving
from tests.worker.lab import Lab, RunningWorker, eventually, open_lab

QUEUES = 5  # that suffer each fault, at the same time
RUNNING = 2  # jobs, one in each thread of a queue's worker
WAITING = 3
ANSWERED_WITHIN_S = 10  # with no queue to ring


@dataclass(frozen=True, kw_only=True)
class Stack:
    """A lab whose queue is a server of its own, and a worker with two threads."""

    lab: Lab
    valkey: EmbeddedValkey
    worker: RunningWorker
    gate: Path


@contextmanager
def stack(
    admin: psycopg.Connection, postgres_url: str, template: str, guardian: Guardian, folder: Path
) -> Iterator[Stack]:
    folder.mkdir()
    artifacts, gate = folder / "artifacts", folder / "gate"
    artifacts.mkdir()
    valkey = EmbeddedValkey(folder / "valkey")
    with (
        temporary_database(admin, template=template) as name,
        running(valkey, guardian) as redis_url,
        open_lab(with_database(postgres_url, name), redis_url, artifacts) as lab,
        lab.worker(
            folder, GATE=str(gate), REFIT_WORKER_THREADS=str(RUNNING), **write_engines(folder)
        ) as worker,
    ):
        yield Stack(lab=lab, valkey=valkey, worker=worker, gate=gate)


@pytest.fixture(scope="module")
def stacks(
    postgres_admin: psycopg.Connection,
    postgres_url: str,
    template_database: str,
    guardian: Guardian,
    memory_folder: Path,
) -> Iterator[list[Stack]]:
    with ExitStack() as opened:
        yield [
            opened.enter_context(
                stack(
                    postgres_admin,
                    postgres_url,
                    template_database,
                    guardian,
                    memory_folder / f"stack-{number}",
                )
            )
            for number in range(QUEUES)
        ]


def flush(valkey: EmbeddedValkey) -> None:
    with redis.Redis.from_url(valkey.url) as client:
        client.flushall()


def kill(valkey: EmbeddedValkey) -> None:
    pid = valkey.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: not valkey.folder.is_held())


def kill_and_restart(valkey: EmbeddedValkey) -> None:
    kill(valkey)
    valkey.start()


def restart_empty(valkey: EmbeddedValkey) -> None:
    kill(valkey)
    shutil.rmtree(valkey.home / "data")
    valkey.start()


def queued_jobs(stack: Stack) -> dict[str, UUID]:
    """Jobs that run until the gate is gone, and such as wait behind them."""
    lab = stack.lab
    stack.gate.touch()
    names = [model_type_for(lab, "train") for _ in range(RUNNING + WAITING)]
    jobs = {name: lab.ask_for_training(name) for name in names[:RUNNING]}
    for job_id in jobs.values():
        wait_for_stage(lab, job_id, "train")
    return jobs | {name: lab.ask_for_training(name) for name in names[RUNNING:]}


@pytest.mark.parametrize("harm", [flush, kill_and_restart, restart_empty])
def test_all_jobs_end_once_when_the_queue_forgets_or_dies(
    stacks: list[Stack], harm: Callable[[EmbeddedValkey], None]
) -> None:
    queued = [queued_jobs(stack) for stack in stacks]

    for stack in stacks:
        harm(stack.valkey)
    for stack in stacks:
        stack.gate.unlink()

    for stack, jobs in zip(stacks, queued, strict=True):
        for name, job_id in jobs.items():
            job = stack.lab.ended_job(job_id)
            assert job["attempt"] == 1
            assert_happened_once(stack.lab, name, job)
        assert stack.worker.process.poll() is None


def thaw(valkey: EmbeddedValkey) -> None:
    pid = int((valkey.home / "data" / "server.pid").read_text())
    os.kill(pid, signal.SIGCONT)


def freeze(valkey: EmbeddedValkey) -> None:
    """As behind a network that swallows everything."""
    pid = valkey.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)


@pytest.mark.parametrize(("leave", "come_back"), [(kill, EmbeddedValkey.start), (freeze, thaw)])
def test_a_training_is_taken_while_the_queue_is_away_and_runs_when_it_is_back(
    stacks: list[Stack],
    tmp_path: Path,
    leave: Callable[[EmbeddedValkey], None],
    come_back: Callable[[EmbeddedValkey], object],
) -> None:
    stack = stacks[0]
    lab, name = stack.lab, model_type_for(stack.lab, "train")
    key = make_key()
    lab.store.create_api_key(name=key[:12], role=Role.OPERATOR, key_hash=hash_key(key))
    with serving(
        tmp_path, "main", DATABASE_URL=lab.database_url, REDIS_URL=lab.redis_url
    ) as server:
        leave(stack.valkey)
        asked_at = time.monotonic()
        answer = server.post("trigger_retraining", {"model_types": [name]}, key=key)
        took = time.monotonic() - asked_at
        health = server.get("health")
        (asked,) = answer.body["jobs"]
        stayed = lab.job(asked["id"])
        come_back(stack.valkey)
        job = lab.ended_job(asked["id"])

    assert (answer.status, asked["coalesced"]) == (202, False)
    assert took < ANSWERED_WITHIN_S
    assert (health.status, health.body["queue"]) == (503, "down")
    assert (stayed["status"], stayed["attempt"]) == ("queued", 0)
    assert job["attempt"] == 1
    assert_happened_once(lab, name, job)


def test_a_worker_can_leave_in_good_order_while_the_queue_is_away(stacks: list[Stack]) -> None:
    stack = stacks[-1]
    lab = stack.lab
    stack.gate.touch()
    running = [lab.ask_for_training(model_type_for(lab, "train"))]
    wait_for_stage(lab, running[0], "train")
    kill(stack.valkey)
    eventually(lambda: "Restarting consumer" in stack.worker.log)
    stack.valkey.start()
    # Connected anew, it has forgotten that a thread is busy, and fetches one more than it can do.
    running.append(lab.ask_for_training(model_type_for(lab, "train")))
    waiting = [lab.ask_for_training(model_type_for(lab, "train")) for _ in range(2)]
    eventually(lambda: lab.doorbell.waiting() == 1)
    wait_for_stage(lab, running[1], "train")
    kill(stack.valkey)

    code = stack.worker.end()

    assert code == 0, stack.worker.log
    assert len(stack.worker.events("work_released")) == len(running)
    assert {lab.job(job_id)["status"] for job_id in running + waiting} == {"queued"}
    assert "Traceback" not in stack.worker.log
    stack.valkey.start()
