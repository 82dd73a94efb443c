"""The summaries of the last 30 days, where two years of checks and jobs are kept.

Run it with ``python -m bench summaries``. The tables hold 10,000,000 checks and 1,000,000 ended
jobs of 200 model types, spread evenly. Called as a worker or a function does it: over
``PostgresDatabase``, the trip to the server included.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import psycopg

from bench.history import add_ended_jobs, add_model_types
from core.database import PostgresDatabase
from core.database.migrations import migrate
from core.embedded.postgres import EmbeddedPostgres

CHECKS = 10_000_000
ENDED_JOBS = 1_000_000
TYPES = 200
DAYS = 730
CALLS = 200
WANTED_MS = 50.0

# One check in ten finds a champion degraded, one in twenty too few rows to measure.
_CHECKS = """
    insert into public.ml_performance_metrics (
        recorded_at, model_type, environment, model_id, deployment_id, window_start, window_end,
        metric, baseline, value, degradation, ci_low, ci_high, p_value, samples, threshold,
        verdict, needs_retraining, reason
    )
    select
        t, 'type_' || 1 + i % {types}, 'production', md5((i % {types})::text)::uuid,
        md5((i % {types})::text)::uuid, t - interval '7 days', t, 'accuracy', 0.8, v, 0.8 - v,
        0.75 - v, 0.85 - v, 0.2, case when v is null then 0 else 500 end, 0.03,
        case when v is null then 'insufficient_data' when i % 10 = 0 then 'degraded'
            else 'healthy' end::public.ml_check_verdict,
        i % 10 = 0, 'Accuracy is as it was.'
    from generate_series({first}, {last}) as i
    cross join lateral (
        select now() - i::float8 / {checks} * interval '{days} days' as t,
            case when i % 20 <> 1 then 0.7 + 0.2 * random() end as v
    ) as made
"""


def prepare(database_url: str, *, checks: int, jobs: int) -> None:
    """Tables as they look after two years."""
    migrate(database_url)
    with psycopg.connect(database_url, autocommit=True) as owner:
        add_model_types(owner, TYPES)
        month = datetime.now(UTC) - timedelta(days=DAYS)
        while month < datetime.now(UTC) + timedelta(days=31):
            owner.execute(
                "select private.create_partition('ml_performance_metrics', %s)", (month.date(),)
            )
            month += timedelta(days=28)
        step = max(checks // 24, 1)
        for first in range(1, checks + 1, step):
            last = min(first + step - 1, checks)
            statement = _CHECKS.format(
                types=TYPES, first=first, last=last, days=DAYS, checks=checks
            )
            owner.execute(statement.encode())
        add_ended_jobs(owner, types=TYPES, jobs=jobs, over=timedelta(days=DAYS))
        owner.execute("vacuum (analyze)")
        owner.execute("checkpoint")


def run(database_url: str, *, checks: int, jobs: int, calls: int) -> dict[str, Any]:
    """Milliseconds of each summary: the median, and what 19 of 20 calls stay below."""
    start = time.perf_counter()
    prepare(database_url, checks=checks, jobs=jobs)
    found: dict[str, Any] = {
        "checks": checks,
        "ended_jobs": jobs,
        "minutes_to_build": round((time.perf_counter() - start) / 60, 1),
    }
    database = PostgresDatabase(database_url)
    try:
        for function in ("get_model_performance_summary", "get_training_job_stats"):
            for name, arguments in (("all_types", {}), ("one_type", {"p_model_type": "type_7"})):
                call = partial(database.call, function, arguments)
                found[f"{function}_{name}"] = _milliseconds(call, calls)
    finally:
        database.close()
    return found


def _milliseconds(call: Callable[[], Any], calls: int) -> dict[str, float]:
    call()  # the connection is there, the function is parsed
    spent = []
    for _ in range(calls):
        start = time.perf_counter()
        call()
        spent.append(1000 * (time.perf_counter() - start))
    return {
        "p50": round(statistics.median(spent), 1),
        "p95": round(statistics.quantiles(spent, n=20)[-1], 1),
    }


def main() -> int:
    """Print what was measured; 1 when a goal is missed."""
    with tempfile.TemporaryDirectory(prefix="refit-bench-") as name:
        folder = Path(name)
        folder.chmod(0o711)  # as root the server runs under another account
        # The rows are gone afterwards; the calls that are timed only read.
        server = EmbeddedPostgres(folder / "postgres", options={"fsync": "off"})
        try:
            found = run(server.start(), checks=CHECKS, jobs=ENDED_JOBS, calls=CALLS)
        finally:
            server.stop()
    print(json.dumps(found, indent=2))
    figures = [value["p95"] for value in found.values() if isinstance(value, dict)]
    return int(max(figures) >= WANTED_MS)


if __name__ == "__main__":
    raise SystemExit(main())
