"""Workers that are killed, paused or asked to leave in the middle of their work."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from core.queue import Doorbell
from core.store import LEASE_SECONDS
from tests.faults.obstacles import rows_locked, swaps_locked
from tests.faults.processes import descendants, wait_until_gone
from tests.faults.stages import (
    STAGES,
    assert_happened_once,
    ended_by,
    model_type_for,
    wait_for_stage,
)
from tests.worker.lab import Lab, RunningWorker, empty_queue, eventually

KILLS = 5  # of a worker, each time with one job in each of the stages
RESCUERS = 2
# The lease runs out, and then two workers do the jobs of five, each with a training or two.
RESCUED_WITHIN = timedelta(seconds=LEASE_SECONDS + 30)
HANDED_ON_WITHIN_S = 5
CHILDREN_GONE_WITHIN_S = 5


@dataclass(frozen=True, kw_only=True)
class Victim:
    """A worker that is to be killed, and its own queue: only it hears what the lab rings for."""

    lab: Lab
    worker: RunningWorker


# Killed --------------------------------------------------------------------------------------


@contextmanager
def victim(lab: Lab, valkey_url: str, folder: Path, variables: dict[str, str]) -> Iterator[Victim]:
    """A victim that is about to start."""
    redis_url = empty_queue(valkey_url)
    doorbell = Doorbell(redis_url)
    own = replace(lab, redis_url=redis_url, doorbell=doorbell)
    worker = RunningWorker(
        folder, own.variables(REFIT_WORKER_THREADS=str(len(STAGES)), **variables)
    )
    try:
        yield Victim(lab=own, worker=worker)
    finally:
        worker.kill()
        doorbell.close()


def kill_in_each_stage(victim: Victim, types: dict[str, str]) -> tuple[dict[str, UUID], datetime]:
    """Kill a worker that has one job in each stage; gives the jobs, and the database's time."""
    lab, pid = victim.lab, victim.worker.process.pid
    with rows_locked(lab, types["load"]), swaps_locked(lab):
        jobs = {stage: lab.ask_for_training(name) for stage, name in types.items()}
        for stage, job_id in jobs.items():
            wait_for_stage(lab, job_id, stage)
        below = descendants(pid)
        assert len(below) >= len(STAGES)  # the forkserver, and all children but that of "deploy"
        killed_at: datetime = lab.row("select clock_timestamp() as now")["now"]
        victim.worker.kill()
        wait_until_gone(below, within=CHILDREN_GONE_WITHIN_S)
        end_last_words(lab)
    return jobs, killed_at


def end_last_words(lab: Lab) -> None:
    """Cut off what the killed worker had sent already, as when its machine is lost with it.

    Else the database would end the job of the stage "deploy" in its name, once, and rightly.
    """
    ended = lab.rows(
        "select pg_terminate_backend(pid, 5000) as ended from pg_stat_activity"
        " where datname = current_database() and query ~ 'finish_training_job'"
        " and wait_event_type = 'Lock'"
    )
    assert all(row["ended"] for row in ended)


@pytest.mark.timeout(240)
def test_what_a_worker_held_that_was_killed_in_any_stage_is_done_once_by_another(
    lab: Lab, valkey_url: str, engines: dict[str, str], gate: Path, tmp_path: Path
) -> None:
    hanging = {"GATE": str(gate), **engines}
    with ExitStack() as stack:
        victims = [
            stack.enter_context(victim(lab, valkey_url, tmp_path, hanging)) for _ in range(KILLS)
        ]
        types = [{stage: model_type_for(lab, stage) for stage in STAGES} for _ in victims]
        rescuers = [stack.enter_context(lab.worker(tmp_path, **engines)) for _ in range(RESCUERS)]
        for each in victims:
            each.worker.wait_until_logged("worker_started")

        killed = [kill_in_each_stage(*pair) for pair in zip(victims, types, strict=True)]

        for names, (jobs, killed_at) in zip(types, killed, strict=True):
            for stage, job_id in jobs.items():
                job = lab.ended_job(job_id)
                assert_happened_once(lab, names[stage], job)
                assert job["attempt"] == 2
                assert any(ended_by(rescuer, job) for rescuer in rescuers)
                took = datetime.fromisoformat(job["finished_at"]) - killed_at
                assert took <= RESCUED_WITHIN, stage


# Paused, or asked to leave -------------------------------------------------------------------


def job_in_training(lab: Lab, model_type: str) -> UUID:
    job_id = lab.ask_for_training(model_type)
    wait_for_stage(lab, job_id, "train")
    return job_id


def test_a_worker_that_is_woken_after_its_lease_is_refused_and_works_on(
    lab: Lab, engines: dict[str, str], gate: Path, tmp_path: Path
) -> None:
    name = model_type_for(lab, "train")
    with lab.worker(tmp_path, GATE=str(gate), **engines) as sleeper:
        before = descendants(sleeper.process.pid)
        job_id = job_in_training(lab, name)
        child = descendants(sleeper.process.pid) - before
        sleeper.process.send_signal(signal.SIGSTOP)
        try:
            with lab.worker(tmp_path, **engines) as other:
                job = lab.ended_job(job_id)
                assert ended_by(other, job)
            gate.unlink()  # the child did not sleep: it ends its training and leaves the result
            wait_until_gone(child, within=30)
        finally:
            sleeper.process.send_signal(signal.SIGCONT)

        refused = sleeper.wait_until_logged("lease_lost")
        next_job = lab.retrain(model_type_for(lab, "load"))
        sleeper.wait_until_logged("job_finished")  # a moment after the database knows

        assert refused["job_id"] == str(job_id)
        assert [e["job_id"] for e in sleeper.events("job_finished")] == [next_job["id"]]
        assert lab.job(job_id) == job
        assert job["attempt"] == 2
        assert_happened_once(lab, name, job)


def test_a_worker_that_is_asked_to_leave_hands_all_it_held_to_another_at_once(
    lab: Lab, engines: dict[str, str], gate: Path, tmp_path: Path
) -> None:
    trained, checked = model_type_for(lab, "train"), lab.model_type()
    with lab.worker(tmp_path, GATE=str(gate), **engines) as leaver:
        lab.champion(checked)
        with rows_locked(lab, checked):
            job_id = job_in_training(lab, trained)
            check_id = lab.store.request_check(model_types=[checked])
            lab.doorbell.ring("check_performance", check_id)
            eventually(lambda: lab.store.get_operation(check_id)["status"] == "running")
            below = descendants(leaver.process.pid)
            with lab.worker(tmp_path, **engines) as other:

                def has_both() -> bool:
                    rows = (lab.job(job_id), lab.store.get_operation(check_id))
                    return all(r["lease_owner"] and ended_by(other, r) for r in rows)

                leaver.process.terminate()
                eventually(has_both, within=HANDED_ON_WITHIN_S)

                assert leaver.process.wait(timeout=30) == 0
                assert len(leaver.events("work_released")) == 2
                wait_until_gone(below, within=CHILDREN_GONE_WITHIN_S)
                job = lab.ended_job(job_id)
                assert_happened_once(lab, trained, job, handed_back=1)
                assert job["attempt"] == 1
    check = lab.store.get_operation(check_id)
    assert (check["status"], check["attempt"]) == ("queued", 0)  # handed back once more
