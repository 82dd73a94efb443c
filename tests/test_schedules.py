"""Schedules that are due start once, whoever ticks."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from structlog.testing import capture_logs

from core.errors import RefitError
from core.schedules import next_run
from tests.triggers.plan import HOUR, NOW, Plan, open_plan
from tests.triggers.tickers import Ticker, running_tickers


@pytest.fixture
def plan(database_url: str, redis_url: str) -> Iterator[Plan]:
    with open_plan(database_url, redis_url) as plan:
        yield plan


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
    plan.make_due(name, next_run_at=NOW - 21 * 24 * HOUR)

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


@pytest.fixture
def tickers(database_url: str, redis_url: str) -> Iterator[list[Ticker]]:
    with running_tickers(database_url, redis_url, 8) as tickers:
        yield tickers


def test_eight_processes_that_tick_at_once_start_each_due_slot_once(
    plan: Plan, tickers: list[Ticker]
) -> None:
    names = [plan.model_type(f"type_{n}") for n in range(4)]
    for turn in range(1, 4):
        plan.owner.execute(
            "update ml_training_jobs set status = 'cancelled', finished_at = now()"
            " where status = 'queued'"
        )
        plan.owner.execute(
            "update ml_retraining_schedules set next_run_at = case kind"
            " when 'performance_check' then now() - interval '1 hour' else now() + '1 day' end"
        )
        for ticker in tickers:
            ticker.tick()
        started = [int(ticker.answer()) for ticker in tickers]

        assert sum(started) == len(names), started
        assert [len(plan.jobs(name)) for name in names] == [turn] * len(names)


def test_a_schedule_that_is_in_other_hands_is_left_alone_and_starts_later(
    plan: Plan, database_url: str
) -> None:
    held, free = plan.model_type("held"), plan.model_type("free")
    plan.make_due(held)
    plan.owner.execute(
        "update ml_retraining_schedules set next_run_at = %s where model_type = %s"
        " and kind = 'performance_check'",
        [NOW - HOUR, free],
    )
    with psycopg.connect(database_url) as other:
        other.execute(
            "select from ml_retraining_schedules where model_type = %s for no key update", [held]
        )
        assert plan.tick() == 1
        assert (len(plan.jobs(held)), len(plan.jobs(free))) == (0, 1)

    assert plan.tick() == 1
    assert len(plan.jobs(held)) == 1


def test_what_was_missed_while_a_schedule_was_off_does_not_run_later(plan: Plan) -> None:
    name = plan.model_type("churn")
    plan.make_due(name)
    schedule = plan.schedule(name)["id"]
    plan.store.update_schedule(schedule, {"enabled": False})
    assert plan.tick() == 0

    plan.store.update_schedule(schedule, {"enabled": True})
    assert plan.tick() == 0

    assert plan.schedule(name)["next_run_at"] > NOW
    assert plan.jobs(name) == []


def test_what_was_missed_while_its_model_type_was_off_does_not_run_later(plan: Plan) -> None:
    name = plan.model_type("churn")
    plan.make_due(name)
    plan.store.update_model_type(name, {"enabled": False})
    assert plan.tick() == 0

    plan.store.update_model_type(name, {"enabled": True})
    assert plan.tick() == 0

    assert plan.schedule(name)["next_run_at"] > NOW


@pytest.mark.parametrize(
    "changes", [{"cron": "0 0 1 1 *"}, {"time_zone": "Asia/Tokyo", "cron": "0 0 1 1 *"}]
)
def test_another_time_is_computed_anew(plan: Plan, changes: dict[str, str]) -> None:
    name = plan.model_type("churn")
    plan.make_due(name)
    plan.store.update_schedule(plan.schedule(name)["id"], changes)

    assert plan.tick() == 0

    found = plan.schedule(name)["next_run_at"]
    assert found == next_run("0 0 1 1 *", changes.get("time_zone", "UTC"), NOW)


def test_a_change_that_changes_nothing_costs_no_slot(plan: Plan) -> None:
    name = plan.model_type("churn")
    plan.make_due(name)

    plan.store.update_schedule(plan.schedule(name)["id"], {"enabled": True, "time_zone": "UTC"})

    assert plan.tick() == 1


def test_a_step_that_fails_does_not_keep_the_others_from_being_done(plan: Plan) -> None:
    name = plan.model_type("churn")
    plan.make_due(name)
    plan.owner.execute("drop function private.sweep_lost_work(text, text) cascade")
    plan.owner.execute(
        "create or replace function public.sweep_lost_work(p_worker text, p_kind text)"
        " returns jsonb language plpgsql as $$ begin raise exception 'broken'; end $$"
    )

    with pytest.raises(RefitError, match="broken"):
        plan.tick()

    assert len(plan.jobs(name)) == 1
