"""Jobs that do nothing, through claim, heartbeat and finish: how many a second.

Run it with ``python -m bench jobs``. The jobs are real rows of ``ml_training_jobs``, each of a
model type of its own, since a model type has one active job. They are rung for through Valkey and
worked on by two worker processes. Both servers are configured as ``refit up`` does it: every
commit is on the disk before it is answered. The yardstick does three bare updates a job, from as
many processes and threads.

Then the same after 1,000 and after 1,000,000 jobs have ended, a third of them with a model.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import redis
from psycopg import sql

from bench.bare_jobs import bare_jobs_per_second
from bench.history import add_ended_jobs, add_model_types
from core.database.migrations import migrate
from core.embedded.postgres import EmbeddedPostgres
from core.embedded.valkey import EmbeddedValkey
from core.queue import Doorbell

JOBS = 10_000
PROCESSES = 2
THREADS = 8
WANTED_JOBS_PER_SECOND = 300.0
HISTORIES = (1_000, 1_000_000)
HISTORY_JOBS = 2_000
HISTORY_ROUNDS = 5
WANTED_GROWTH = 0.2
ROOT = Path(__file__).resolve().parents[1]

_QUEUED = """
    insert into public.ml_training_jobs (model_type, environment, requested_by)
    select 'type_' || i, 'production', '{{"kind": "system", "id": "bench", "name": "bench"}}'
    from generate_series(1, {jobs}) as i
    returning id
"""
_ANY_LEFT = """
    select exists (select from public.ml_training_jobs where status in ('queued', 'running'))
"""
_SPENT = """
    select count(*) filter (where status = 'skipped' and attempt = 1),
        extract(epoch from max(finished_at) - min(started_at))
    from public.ml_training_jobs where id = any(%s)
"""


def prepare(database_url: str, *, types: int, finished: int = 0) -> None:
    """Migrations, model types, and jobs that have ended, as tables look after a while."""
    migrate(database_url)
    with psycopg.connect(database_url, autocommit=True) as owner:
        add_model_types(owner, types)
        add_ended_jobs(owner, types=types, jobs=finished, over=timedelta(days=730))
        owner.execute("vacuum (analyze)")
        owner.execute("checkpoint")


def jobs_per_second(database_url: str, redis_url: str, folder: Path, jobs: int) -> float:
    """Of as many queued jobs, from the first claim to the last end."""
    with psycopg.connect(database_url, autocommit=True) as owner:
        ids = [row[0] for row in owner.execute(sql.SQL(_QUEUED).format(jobs=sql.Literal(jobs)))]
        _ring(redis_url, ids)
        with _workers(database_url, redis_url, folder) as workers:
            while owner.execute(_ANY_LEFT).fetchone() == (True,):
                if any(worker.poll() is not None for worker in workers):
                    raise SystemExit("a worker has ended before its work")
                time.sleep(0.2)
        ((ended, seconds),) = owner.execute(_SPENT, (ids,)).fetchall()
    assert ended == jobs, f"{ended} of {jobs} jobs ended as they should"
    return jobs / float(seconds)


def _ring(redis_url: str, ids: list[UUID]) -> None:
    with redis.Redis.from_url(redis_url) as client:
        client.flushdb()
    doorbell = Doorbell(redis_url)
    for job_id in ids:
        if not doorbell.ring("retrain", job_id):
            raise SystemExit("the queue is away")
    doorbell.close()


@contextmanager
def _workers(
    database_url: str, redis_url: str, folder: Path
) -> Iterator[list[subprocess.Popen[bytes]]]:
    variables = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "PYTHONPATH": str(ROOT),
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "REFIT_ARTIFACTS_URL": folder.as_uri(),
        "REFIT_WORKER_THREADS": str(THREADS),
    }
    command = [sys.executable, "-m", "bench.noop_worker"]
    workers = [subprocess.Popen(command, cwd=folder, env=variables) for _ in range(PROCESSES)]
    try:
        yield workers
    finally:
        for worker in workers:
            worker.terminate()
        for worker in workers:
            worker.wait(timeout=60)


def run(database_url: str, redis_url: str, folder: Path, *, jobs: int) -> dict[str, Any]:
    """Jobs a second, and how that compares to bare updates."""
    prepare(database_url, types=jobs)
    found = jobs_per_second(database_url, redis_url, folder, jobs)
    bare = bare_jobs_per_second(database_url, jobs, processes=PROCESSES, threads=THREADS)
    return {
        "jobs": jobs,
        "jobs_per_second": round(found, 1),
        "bare_updates_jobs_per_second": round(bare, 1),
        "ratio": round(found / bare, 3),
    }


def run_with_histories(
    urls: dict[int, str], redis_url: str, folder: Path, *, jobs: int, rounds: int
) -> dict[str, Any]:
    """Milliseconds per job by how many jobs have ended before, the median of rounds in turn."""
    cost: dict[int, list[float]] = {finished: [] for finished in urls}
    for finished, url in urls.items():
        prepare(url, types=jobs, finished=finished)
    for _ in range(rounds):
        for finished, url in urls.items():
            cost[finished].append(1000 / jobs_per_second(url, redis_url, folder, jobs))
    median = {finished: statistics.median(found) for finished, found in cost.items()}
    return {
        "milliseconds_per_job": {str(f): round(m, 3) for f, m in median.items()},
        "growth": round(median[max(urls)] / median[min(urls)] - 1, 3),
    }


def main() -> int:
    """Print what was measured; 1 when a goal is missed."""
    with tempfile.TemporaryDirectory(prefix="refit-bench-") as name:
        folder = Path(name)
        folder.chmod(0o711)  # as root the server runs under another account
        postgres, valkey = EmbeddedPostgres(folder / "postgres"), EmbeddedValkey(folder / "valkey")
        try:
            url, redis_url = postgres.start(), valkey.start()
            found = run(url, redis_url, folder, jobs=JOBS)
            urls = {finished: _database(url, f"after_{finished}") for finished in HISTORIES}
            found |= run_with_histories(
                urls, redis_url, folder, jobs=HISTORY_JOBS, rounds=HISTORY_ROUNDS
            )
        finally:
            valkey.stop()
            postgres.stop()
    print(json.dumps(found, indent=2))
    reached = (
        found["jobs_per_second"] >= WANTED_JOBS_PER_SECOND and abs(found["growth"]) <= WANTED_GROWTH
    )
    return int(not reached)


def _database(url: str, name: str) -> str:
    with psycopg.connect(url, autocommit=True) as owner:
        owner.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
    return f"{url.rpartition('/')[0]}/{name}"


if __name__ == "__main__":
    raise SystemExit(main())
