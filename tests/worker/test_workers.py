"""Worker processes: lost ones, leaving ones, and those that cannot start."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
import pytest
import redis
from psycopg import sql

from core.lost_work import ring_for_lost_work
from core.queue import NAMESPACE, QUEUE
from core.worker.leases import HEARTBEAT_SECONDS
from tests.worker.lab import (
    DAY,
    ROOT,
    Lab,
    Row,
    RunningWorker,
    empty_queue,
    eventually,
    open_lab,
)

# Trains like any other once its gate is gone.
ENGINES = """
import os
import time
from pathlib import Path

from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline


def make_gated():
    while Path(os.environ["GATE"]).exists():
        time.sleep(0.05)
    columns = make_column_transformer(("passthrough", ["size"]))
    return make_pipeline(columns, LogisticRegression())
"""


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    """While this file is there, trainings of the gated engine wait."""
    gate = tmp_path / "gate"
    gate.touch()
    (tmp_path / "gated_engines.py").write_text(ENGINES)
    return gate


@pytest.fixture
def empty_lab(database_url: str, valkey_url: str, tmp_path: Path) -> Iterator[Lab]:
    """A database, a queue and a folder of models beside those of the module."""
    folder = tmp_path / "other_artifacts"
    folder.mkdir()
    with open_lab(database_url, empty_queue(valkey_url), folder) as lab:
        yield lab


@contextmanager
def gated_worker(lab: Lab, gate: Path) -> Iterator[RunningWorker]:
    with lab.worker(
        gate.parent,
        PYTHONPATH=str(gate.parent),
        REFIT_ENGINES="gated_engines:make_gated",
        GATE=str(gate),
    ) as worker:
        yield worker


def gated_type(lab: Lab) -> str:
    return lab.model_type(engine="gated_engines:make_gated", feature_columns=["size"])


def training_job(lab: Lab, model_type: str) -> UUID:
    """A job whose training has begun."""
    job_id = lab.ask_for_training(model_type)
    eventually(lambda: lab.job(job_id)["stage"] == "train")
    return job_id


def expire_lease(lab: Lab, job_id: UUID) -> None:
    lab.owner.execute(
        "update ml_training_jobs set lease_expires_at = clock_timestamp() where id = %s", [job_id]
    )


def assert_happened_once(lab: Lab, model_type: str, job: Row) -> None:
    assert (job["status"], job["result"]["deployed"]) == ("succeeded", True), job
    assert len(lab.store.list_models(model_type=model_type)["items"]) == 1
    assert len(lab.store.list_deployments(model_type=model_type)["items"]) == 1


def test_a_worker_that_lost_its_lease_stops_and_writes_nothing(lab: Lab, gate: Path) -> None:
    name = gated_type(lab)
    with gated_worker(lab, gate) as worker:
        job_id = training_job(lab, name)
        # As after a sweep: another worker has taken the job and finished it.
        lab.owner.execute(
            "update ml_training_jobs set lease_token = gen_random_uuid() where id = %s", [job_id]
        )

        worker.wait_until_logged("lease_lost")

        assert lab.job(job_id)["status"] == "running"
        assert lab.store.list_models(model_type=name)["items"] == []
        lab.store.cancel_job(job_id)
        expire_lease(lab, job_id)


def test_a_training_outlives_a_database_that_is_away_for_a_moment(
    lab: Lab, gate: Path, postgres_admin: psycopg.Connection
) -> None:
    name = gated_type(lab)
    database = lab.database_url.rpartition("/")[2]
    change = sql.SQL("alter database {} allow_connections {}")
    with gated_worker(lab, gate):
        job_id = training_job(lab, name)
        postgres_admin.execute(change.format(sql.Identifier(database), sql.SQL("false")))
        postgres_admin.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where datname = %s and pid <> %s",
            [database, lab.owner.info.backend_pid],
        )
        time.sleep(HEARTBEAT_SECONDS * 1.5)
        postgres_admin.execute(change.format(sql.Identifier(database), sql.SQL("true")))
        gate.unlink()
        job = lab.ended_job(job_id)

    assert job["attempt"] == 1
    assert_happened_once(lab, name, job)


def test_a_champion_in_a_store_that_is_away_is_asked_for_three_times(
    empty_lab: Lab, tmp_path: Path
) -> None:
    lab = empty_lab
    name = lab.model_type()
    with lab.worker(tmp_path):
        champion = lab.champion(name)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        with lab.worker(
            tmp_path,
            REFIT_ARTIFACTS_URL="s3://models/refit",
            REFIT_S3_ENDPOINT_URL=f"http://127.0.0.1:{taken.getsockname()[1]}",
            AWS_ACCESS_KEY_ID="a",
            AWS_SECRET_ACCESS_KEY="b",
        ):
            job = lab.retrain(name, force=True)

    assert (job["status"], job["attempt"]) == ("failed", 3)
    assert job["error"]["type"] == "artifact_store_unavailable"
    # Nothing is wrong with the champion.
    assert set(lab.alerts(name)) == {"training_failure"}
    assert len(lab.store.list_models(model_type=name)["items"]) == 1
    assert lab.champion(name)["id"] == champion["id"]


def test_one_worker_takes_what_is_rung_wrongly_often_or_not_at_all(
    lab: Lab, tmp_path: Path
) -> None:
    often, lost, never = (lab.model_type() for _ in range(3))
    with lab.worker(tmp_path) as worker:
        # Unknown, no id at all, and unknown to the database as this kind of work.
        for actor in ("retrain", "check_performance", "validate_models", "deploy_model"):
            lab.doorbell.ring(actor, uuid4())
        lab.doorbell.ring("retrain", "nonsense")
        often_id = lab.ask_for_training(often)
        for _ in range(4):
            lab.doorbell.ring("retrain", often_id)
        job = lab.ended_job(often_id)
        lab.doorbell.ring("retrain", often_id)
        # Never rung, as when the queue was away; or rung, and the queue lost everything.
        never_id = lab.ask_for_training(never, ring=False)
        lost_id = lab.ask_for_training(lost)
        with redis.Redis.from_url(lab.redis_url) as client:
            client.flushdb()
        lab.owner.execute(
            "update ml_training_jobs set queued_at = queued_at - interval '5 s'"
            " where status = 'queued'"
        )

        for model_type, job_id in ((lost, lost_id), (never, never_id)):
            assert_happened_once(lab, model_type, lab.ended_job(job_id, within=20))

        assert job["attempt"] == 1
        assert_happened_once(lab, often, lab.job(often_id))
        assert worker.process.poll() is None


def test_the_same_rows_make_the_same_model_in_another_database_by_another_worker(
    lab: Lab, tmp_path: Path, empty_lab: Lab
) -> None:
    until = datetime.now(UTC) - DAY
    hashes = []
    for each in (lab, empty_lab):
        table = each.table(0)
        each.add_rows(table, 600, until=until, seed=12)
        name = each.model_type(table, engine="gradient_boosting", random_seed=3)
        with each.worker(tmp_path):
            model = each.model(each.retrain(name)["result"]["model_id"])
        hashes.append((model["artifact_hash"], model["final_artifact_hash"]))

    assert hashes[0] == hashes[1]
    assert hashes[0][0] != hashes[0][1]


@pytest.mark.parametrize("variable", ["DATABASE_URL", "REDIS_URL", "REFIT_ARTIFACTS_URL"])
def test_a_worker_without_an_address_ends_naming_it(
    lab: Lab, tmp_path: Path, variable: str
) -> None:
    variables = lab.variables() | {"PYTHONPATH": str(ROOT), "HOME": str(tmp_path)}
    del variables[variable]

    ended = subprocess.run(
        [sys.executable, "-m", "core.worker"],
        cwd=tmp_path,
        env=variables,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert ended.returncode == 2
    assert ended.stderr.startswith(f"error: {variable} is not set.")
    assert len(ended.stderr.splitlines()) == 1


def test_a_lost_message_is_rung_again_however_many_others_wait(lab: Lab) -> None:
    lost = lab.ask_for_training(lab.model_type("no_table"), ring=False)
    with redis.Redis.from_url(lab.redis_url) as client:
        client.flushdb()
        lab.doorbell.ring("retrain", uuid4())
        lab.owner.execute("update ml_training_jobs set queued_at = now() - interval '1 h'")

        ring_for_lost_work(lab.store, lab.doorbell, sweeper="here:1:1", kind="scheduler")

        assert str(lost) in (lab.doorbell.waiting_ids(10) or set())
        client.flushdb()
    lab.store.cancel_job(lost)


def test_a_long_queue_is_not_made_longer(lab: Lab) -> None:
    jobs = [lab.ask_for_training(lab.model_type("no_table"), ring=False) for _ in range(3)]
    with redis.Redis.from_url(lab.redis_url) as client:
        client.flushdb()
        lengths = []
        for _ in range(4):
            lab.owner.execute("update ml_training_jobs set queued_at = now() - interval '1 h'")
            ring_for_lost_work(lab.store, lab.doorbell, sweeper="here:1:1", kind="scheduler")
            lengths.append(client.llen(f"{NAMESPACE}:{QUEUE}"))
        client.flushdb()
    for job_id in jobs:
        lab.store.cancel_job(job_id)

    assert lengths == [3, 3, 3, 3]
