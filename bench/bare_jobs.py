"""The yardstick of ``bench.jobs``: three bare updates a job, each a transaction of its own."""

from __future__ import annotations

import multiprocessing
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from uuid import UUID

import psycopg
from psycopg import sql

_TABLE = """
    drop table if exists public.bare_jobs;
    create table public.bare_jobs (
        id uuid primary key default gen_random_uuid(),
        status text not null default 'queued',
        lease_expires_at timestamptz,
        finished_at timestamptz
    );
    insert into public.bare_jobs (status) select 'queued' from generate_series(1, {jobs});
    analyze public.bare_jobs;
"""
_CLAIM = """
    update public.bare_jobs set status = 'running', lease_expires_at = clock_timestamp()
    where id = %s and status = 'queued' returning *
"""
_HEARTBEAT = """
    update public.bare_jobs set lease_expires_at = clock_timestamp()
    where id = %s and status = 'running' returning *
"""
_FINISH = """
    update public.bare_jobs set status = 'finished', finished_at = clock_timestamp()
    where id = %s and status = 'running' returning *
"""


def bare_jobs_per_second(database_url: str, jobs: int, *, processes: int, threads: int) -> float:
    """Jobs a second, from as many processes and threads as the workers have."""
    with psycopg.connect(database_url, autocommit=True) as owner:
        owner.execute(sql.SQL(_TABLE).format(jobs=sql.Literal(jobs)))
        ids = [row[0] for row in owner.execute("select id from public.bare_jobs").fetchall()]
    context = multiprocessing.get_context("spawn")
    ready = context.Barrier(processes + 1)
    children = [
        context.Process(target=_work, args=(database_url, ids[n::processes], threads, ready))
        for n in range(processes)
    ]
    for child in children:
        child.start()
    ready.wait()
    start = time.perf_counter()
    for child in children:
        child.join()
    return jobs / (time.perf_counter() - start)


def _work(database_url: str, ids: list[UUID], threads: int, ready: Barrier) -> None:
    connections = [psycopg.connect(database_url, autocommit=True) for _ in range(threads)]
    ready.wait()
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(_finish, connections, [ids[n::threads] for n in range(threads)]))


def _finish(connection: psycopg.Connection, ids: list[UUID]) -> None:
    for job_id in ids:
        for step in (_CLAIM, _HEARTBEAT, _FINISH):
            connection.execute(step, (job_id,))
