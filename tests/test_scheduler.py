"""The scheduler process, and its own loop."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import structlog
from pydantic import SecretStr

from core.scheduler import run_scheduler
from core.settings import Settings
from tests.triggers.plan import Plan, open_plan

ROOT = Path(__file__).resolve().parents[1]
NOTHING_TO_DO = {"schedules": 0, "updates": 0, "housekeeping": {"kept": [], "failed": {}}}


@pytest.fixture
def plan(database_url: str, redis_url: str) -> Iterator[Plan]:
    with open_plan(database_url, redis_url) as plan:
        yield plan


@pytest.fixture
def handlers() -> Iterator[None]:
    """The process's signal handlers and its logging, put back afterwards."""
    kept = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in kept.items():
        signal.signal(number, handler)
    structlog.reset_defaults()


@pytest.mark.usefixtures("handlers")
def test_ticks_that_take_long_come_one_after_the_other_and_the_last_one_is_waited_for(
    database_url: str, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    running, most, ended = [0], [0], [0]

    def tick(*args: Any, **changes: Any) -> dict[str, Any]:
        running[0] += 1
        most[0] = max(most[0], running[0])
        time.sleep(0.2)
        running[0] -= 1
        ended[0] += 1
        if ended[0] == 3:
            os.kill(os.getpid(), signal.SIGTERM)
        return NOTHING_TO_DO

    monkeypatch.setattr("core.scheduler.tick", tick)
    monkeypatch.setattr("core.scheduler.TICK_SECONDS", 0.05)
    monkeypatch.setattr("core.scheduler.configure_logging", lambda _: None)

    run_scheduler(Settings(DATABASE_URL=SecretStr(database_url), REDIS_URL=SecretStr(redis_url)))

    assert most == [1]
    assert running == [0]
    assert 3 <= ended[0] <= 4


@pytest.mark.usefixtures("handlers")
def test_a_tick_that_breaks_down_is_logged_and_the_next_one_comes(
    database_url: str,
    redis_url: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    ticks: list[int] = []

    def tick(*args: Any, **changes: Any) -> dict[str, Any]:
        ticks.append(len(ticks))
        if len(ticks) == 1:
            raise ValueError("nobody thought of this")
        os.kill(os.getpid(), signal.SIGTERM)
        return NOTHING_TO_DO

    monkeypatch.setattr("core.scheduler.tick", tick)
    monkeypatch.setattr("core.scheduler.TICK_SECONDS", 0.01)
    monkeypatch.setattr("core.scheduler.configure_logging", lambda _: None)

    run_scheduler(Settings(DATABASE_URL=SecretStr(database_url), REDIS_URL=SecretStr(redis_url)))

    assert ticks[:2] == [0, 1]
    output = capfd.readouterr()
    assert "nobody thought of this" in output.out + output.err


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
    # A tick that did nothing says nothing.
    assert not any("Running job" in log for log in logs)
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


def test_what_housekeeping_could_not_do_is_told(
    plan: Plan, tmp_path: Path, database_url: str, redis_url: str
) -> None:
    with psycopg.connect(database_url) as other:
        other.execute("select pg_current_xact_id()")  # what comes after it is not sealed
        plan.owner.execute("select private.create_partition('workflow_audit_logs', '2020-02-01')")
        plan.owner.execute(
            "insert into workflow_audit_logs (created_at, actor, action) "
            "values ('2020-02-20', '{}', 'old')"
        )
        process = start_scheduler(tmp_path, DATABASE_URL=database_url, REDIS_URL=redis_url)
        assert process.stderr is not None
        lines = iter(process.stderr.readline, "")
        said = json.loads(next(line for line in lines if "housekeeping_incomplete" in line))

    process.terminate()

    process.communicate(timeout=15)
    assert (said["level"], said["failed"]) == ("warning", {})
    assert [(k["table"], k["month"]) for k in said["kept"]] == [("workflow_audit_logs", "2020-02")]
