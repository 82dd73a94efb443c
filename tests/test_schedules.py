"""When schedules fire, and that they fire once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Barrier, Thread
from typing import Any

import psycopg
import pytest
from psycopg.rows import DictRow, dict_row
from structlog.testing import capture_logs

from core.database import PostgresDatabase
from core.errors import InvalidRequest
from core.queue import Doorbell
from core.schedules import next_run, tick
from core.store import LOCAL_ADMIN, Store

ROOT = Path(__file__).resolve().parents[1]
NOW = datetime.now(UTC)
HOUR = timedelta(hours=1)


# Cron expressions ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cron", "zone", "after", "expected"),
    [
        ("0 */4 * * *", "UTC", "2026-03-01T09:30:00+00:00", "2026-03-01T12:00:00+00:00"),
        ("30 3 * * 0", "UTC", "2026-03-01T03:30:00+00:00", "2026-03-08T03:30:00+00:00"),
        # A local time is earlier or later in UTC, and so may be its day.
        ("0 0 * * *", "Asia/Tokyo", "2026-03-01T14:00:00+00:00", "2026-03-01T15:00:00+00:00"),
        ("0 9 1 * *", "America/New_York", "2026-01-31T23:00:00-05:00", "2026-02-01T14:00:00+00:00"),
        # Summer time begins in Amsterdam: 9 o'clock is an hour earlier by UTC.
        ("0 9 * * *", "Europe/Amsterdam", "2026-03-27T12:00:00+00:00", "2026-03-28T08:00:00+00:00"),
        ("0 9 * * *", "Europe/Amsterdam", "2026-03-28T12:00:00+00:00", "2026-03-29T07:00:00+00:00"),
        # 2:30 does not exist on that day: it fires when the clock jumps.
        (
            "30 2 * * *",
            "Europe/Amsterdam",
            "2026-03-28T12:00:00+00:00",
            "2026-03-29T01:00:00+00:00",
        ),
        # 2:30 exists twice when summer time ends: it fires the first time,
        (
            "30 2 * * *",
            "Europe/Amsterdam",
            "2026-10-24T12:00:00+00:00",
            "2026-10-25T00:30:00+00:00",
        ),
        # and not again.
        (
            "30 2 * * *",
            "Europe/Amsterdam",
            "2026-10-25T00:30:00+00:00",
            "2026-10-26T01:30:00+00:00",
        ),
    ],
)
def test_the_next_run_is_in_local_time(cron: str, zone: str, after: str, expected: str) -> None:
    found = next_run(cron, zone, datetime.fromisoformat(after))

    assert found.astimezone(UTC) == datetime.fromisoformat(expected)


@pytest.mark.parametrize(
    ("cron", "zone", "said"),
    [
        ("61 * * * *", "UTC", "'61 * * * *' means nothing"),
        ("soon", "UTC", "'soon' means nothing"),
        ("0 0 31 2 *", "UTC", "'0 0 31 2 *'"),
        ("0 0 * * *", "Europe/Atlantis", "time zone 'Europe/Atlantis' is not known"),
        ("0 0 * * *", "", "time zone '' is not known"),
    ],
)
def test_what_never_fires_is_refused_by_name(cron: str, zone: str, said: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        next_run(cron, zone, NOW)

    assert said in str(caught.value)


# Ticks ---------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A database with schedules."""

    store: Store
    doorbell: Doorbell
    owner: psycopg.Connection[DictRow]

    def model_type(self, name: str) -> str:
        self.store.create_model_type(
            {
                "name": name,
                "task": "classification",
                "source_relation": "public.rows",
                "key_columns": ["id"],
                "time_column": "happened_at",
                "target_column": "label",
                "feature_columns": ["a"],
                "metric": "accuracy",
            }
        )
        return name

    def make_due(self, model_type: str, kind: str = "performance_check", **columns: Any) -> None:
        """One schedule of a model type is due for an hour, the others are not."""
        columns = {"next_run_at": NOW - HOUR, **columns}
        self.owner.execute("update ml_retraining_schedules set next_run_at = now() + '1 day'")
        assignments = ", ".join(f"{name} = %s" for name in columns)
        self.owner.execute(
            f"update ml_retraining_schedules set {assignments} where model_type = %s and kind = %s",
            [*columns.values(), model_type, kind],
        )

    def schedule(self, model_type: str, kind: str = "performance_check") -> dict[str, Any]:
        row = self.owner.execute(
            "select * from ml_retraining_schedules where model_type = %s and kind = %s",
            [model_type, kind],
        ).fetchone()
        assert row is not None
        return row

    def jobs(self, model_type: str) -> list[dict[str, Any]]:
        return list(
            self.owner.execute(
                "select * from ml_training_jobs where model_type = %s", [model_type]
            ).fetchall()
        )

    def tick(self, now: datetime | None = None) -> int:
        return tick(self.store, self.doorbell, worker="here:1:1", now=now or NOW)


@pytest.fixture
def plan(database_url: str, redis_url: str) -> Iterator[Plan]:
    database, doorbell = PostgresDatabase(database_url), Doorbell(redis_url)
    with psycopg.connect(database_url, autocommit=True, row_factory=dict_row) as owner:
        yield Plan(store=Store(database, actor=LOCAL_ADMIN), doorbell=doorbell, owner=owner)
    database.close()
    doorbell.close()


def test_a_new_schedule_only_gets_its_time(plan: Plan) -> None:
    name = plan.model_type("churn")

    assert plan.tick() == 0

    assert plan.schedule(name)["next_run_at"] > NOW
    assert plan.jobs(name) == []


@pytest.mark.parametrize("kind", ["performance_check", "forced_retraining"])
def test_a_due_schedule_starts_its_work_and_moves_on(plan: Plan, kind: str) -> None:
    name = plan.model_type("churn")
    plan.make_due(name, kind)

    assert plan.tick() == 1
    assert plan.tick() == 0

    (job,) = plan.jobs(name)
    assert (job["trigger"], job["force"]) == ("schedule", kind == "forced_retraining")
    assert plan.schedule(name, kind)["next_run_at"] > NOW
    assert plan.doorbell.waiting() == 1


def test_runs_that_were_missed_are_made_up_for_once(plan: Plan) -> None:
    name = plan.model_type("churn")
    plan.make_due(name, next_run_at=NOW - 72 * HOUR)

    assert plan.tick() == 1
    assert plan.tick() == 0

    assert plan.schedule(name)["next_run_at"] > NOW


def test_a_host_whose_clock_lags_starts_a_run_once(plan: Plan) -> None:
    name = plan.model_type("churn")
    slot = datetime.now(UTC).replace(second=0, microsecond=0)
    plan.make_due(name, cron="* * * * *", next_run_at=slot)
    host = slot - timedelta(seconds=20)

    started = [plan.tick(host + timedelta(seconds=5 * turn)) for turn in range(3)]

    assert started == [1, 0, 0]
    assert plan.schedule(name)["next_run_at"] == slot + timedelta(minutes=1)


@pytest.mark.parametrize(
    "broken", [{"cron": "99 99 * * *"}, {"cron": "0 0 31 2 *"}, {"time_zone": "Mars/Olympus"}]
)
def test_a_schedule_that_means_nothing_is_logged_and_the_others_go_on(
    plan: Plan, broken: dict[str, str]
) -> None:
    bad, good = plan.model_type("bad"), plan.model_type("good")
    plan.make_due(bad, **broken)
    plan.owner.execute(
        "update ml_retraining_schedules set next_run_at = %s where model_type = %s"
        " and kind = 'performance_check'",
        [NOW - HOUR, good],
    )

    with capture_logs() as logs:
        assert plan.tick() == 1

    assert plan.jobs(bad) == []
    assert len(plan.jobs(good)) == 1
    (failed,) = [line for line in logs if line["event"] == "schedule_failed"]
    assert (failed["model_type"], failed["log_level"]) == (bad, "error")
    assert next(iter(broken.values())) in failed["detail"]


def test_many_tickers_at_once_start_a_schedule_once(plan: Plan) -> None:
    name = plan.model_type("churn")
    plan.make_due(name)
    barrier, started = Barrier(4), []

    def run() -> None:
        barrier.wait()
        started.append(plan.tick())

    threads = [Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(started) == [0, 0, 0, 1]
    assert len(plan.jobs(name)) == 1


# The process ---------------------------------------------------------------------------------

RUN = "from core.scheduler import run_scheduler; from core.settings import Settings; "


def start_scheduler(folder: Path, **variables: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", f"{RUN} run_scheduler(Settings())"],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **variables},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_two_schedulers_start_what_is_due_once_and_end_when_asked(
    plan: Plan, tmp_path: Path, database_url: str, redis_url: str
) -> None:
    name = plan.model_type("churn")
    plan.make_due(name)
    variables = {"DATABASE_URL": database_url, "REDIS_URL": redis_url}
    processes = [start_scheduler(tmp_path, **variables) for _ in range(2)]
    deadline = time.monotonic() + 30
    while not plan.jobs(name):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    seen = "select count(*) as n from private.workers where kind = 'scheduler'"
    while (row := plan.owner.execute(seen).fetchone()) and row["n"] < 2:
        assert time.monotonic() < deadline
        time.sleep(0.05)

    started = time.monotonic()
    for process, number in zip(processes, (signal.SIGTERM, signal.SIGINT), strict=True):
        process.send_signal(number)
    logs = [process.communicate(timeout=15)[1] for process in processes]

    assert [process.returncode for process in processes] == [0, 0]
    assert time.monotonic() - started < 5
    assert all("scheduler_stopped" in log for log in logs)
    assert len(plan.jobs(name)) == 1


def test_a_scheduler_keeps_ticking_while_the_database_is_away(
    tmp_path: Path, redis_url: str
) -> None:
    process = start_scheduler(
        tmp_path, DATABASE_URL="postgresql://127.0.0.1:1/nothing", REDIS_URL=redis_url
    )
    assert process.stderr is not None
    lines = iter(process.stderr.readline, "")
    said = next(line for line in lines if "tick_failed" in line)

    process.terminate()

    assert "database_unavailable" in said
    process.communicate(timeout=15)
    assert process.returncode == 0
