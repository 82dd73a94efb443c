"""The rows by day say the same as the checks that they count."""

from __future__ import annotations

import random
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from core.database.migrations import MIGRATIONS
from core.errors import Forbidden
from tests.database.factories import Row, Scene, user

ENVIRONMENTS = ("production", "staging")
TYPES = ("churn", "demand", "visits")
# The summary's figures as they follow from every check.
PLAIN = """
    select m.model_type, count(*) as checks,
        count(*) filter (where m.verdict = 'degraded') as degraded_checks,
        avg(m.value) as average_value, min(m.value) as lowest_value,
        max(m.value) as highest_value, sum(m.samples) as samples,
        max(m.recorded_at) as last_checked_at
    from ml_performance_metrics as m
    where m.recorded_at > now() - %s * interval '1 day' and m.environment = %s
        and (%s::text is null or m.model_type = %s)
    group by m.model_type
    order by m.model_type
"""
INSERT = """
    insert into ml_performance_metrics (
        recorded_at, model_type, environment, model_id, deployment_id, window_start, window_end,
        metric, value, samples, threshold, verdict, needs_retraining, reason
    )
    values (
        %(recorded_at)s, %(model_type)s, %(environment)s, gen_random_uuid(), gen_random_uuid(),
        now(), now(), 'accuracy', %(value)s, %(samples)s, 0.03, %(verdict)s, false, 'Measured.'
    )
"""


@pytest.fixture
def months(scene: Scene) -> Scene:
    """There are partitions for the checks of the last weeks, too."""
    for back in range(1, 4):
        scene.rows(
            "select private.create_partition('ml_performance_metrics', "
            "(now() - %s * interval '1 month')::date)",
            back,
        )
    return scene


def checks(seed: int, count: int) -> list[Row]:
    """Checks of some weeks, not in the order of their times."""
    generator = random.Random(seed)
    now = datetime.now(UTC)
    return [
        {
            "recorded_at": now - timedelta(days=50) * generator.random() ** 2,
            "model_type": generator.choice(TYPES),
            "environment": generator.choice(ENVIRONMENTS),
            "value": generator.choice([None, generator.random(), generator.random()]),
            "samples": generator.randrange(1000),
            "verdict": generator.choice(["healthy", "degraded", "inconclusive"]),
        }
        for _ in range(count)
    ]


def add(scene: Scene, rows: list[Row]) -> None:
    with scene.owner.cursor() as cursor:
        cursor.executemany(INSERT, rows)


def require_equal(scene: Scene, days: int, environment: str, model_type: str | None) -> None:
    summary = scene.database.call(
        "get_model_performance_summary",
        {"p_days": days, "p_environment": environment, "p_model_type": model_type},
    )
    plain = scene.rows(PLAIN, days, environment, model_type, model_type)
    assert [s["model_type"] for s in summary] == [p["model_type"] for p in plain]
    for told, counted in zip(summary, plain, strict=True):
        latest = told.pop("latest")
        last = datetime.fromisoformat(told.pop("last_checked_at"))
        assert last == counted.pop("last_checked_at")
        assert datetime.fromisoformat(latest["recorded_at"]) == last
        # A mean of the same numbers in another order.
        assert told.pop("average_value") == pytest.approx(counted.pop("average_value"), rel=1e-12)
        assert told == counted


@pytest.mark.parametrize("seed", range(3))
def test_a_summary_is_what_a_look_at_every_check_would_give(months: Scene, seed: int) -> None:
    add(months, checks(seed, 300))

    for days in (0, 1, 2, 7, 30, 60):
        for environment in ENVIRONMENTS:
            for model_type in (None, "churn"):
                require_equal(months, days, environment, model_type)


def test_many_checks_in_one_statement_count_like_one_by_one(months: Scene) -> None:
    add(months, checks(4, 100))

    months.owner.execute(
        "insert into ml_performance_metrics select (jsonb_populate_record(m, jsonb_build_object("
        "'id', gen_random_uuid()))).* from ml_performance_metrics as m"
    )

    require_equal(months, 30, "production", None)


def test_a_check_that_is_undone_is_not_counted(months: Scene) -> None:
    (check,) = checks(5, 1)

    with months.owner.transaction(force_rollback=True):
        months.owner.execute(INSERT, check)
        assert months.rows("select * from private.daily_performance")

    assert months.rows("select * from private.daily_performance") == []


def test_checks_that_come_at_once_are_all_counted(months: Scene, database_url: str) -> None:
    now = datetime.now(UTC)
    alike = [{**check, "recorded_at": now} for check in checks(6, 160)]

    def insert(rows: list[Row]) -> None:
        with psycopg.connect(database_url, autocommit=True) as connection:
            for row in rows:
                connection.execute(INSERT, row)

    threads = [threading.Thread(target=insert, args=(alike[n::4],)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    total: Any = months.row("select sum(checks) as checks from private.daily_performance")
    assert total["checks"] == len(alike)
    require_equal(months, 30, "staging", None)


def test_the_days_outlive_the_month_that_they_were_counted_from(months: Scene) -> None:
    add(months, checks(7, 200))
    before = months.database.call("get_model_performance_summary", {"p_days": 90})
    month = datetime.now(UTC) - timedelta(days=45)

    months.owner.execute(f"drop table private.ml_performance_metrics_{month:%Y_%m}".encode())

    after = months.database.call("get_model_performance_summary", {"p_days": 90})
    assert after == before


def test_the_checks_that_were_there_before_are_counted_by_the_migration(months: Scene) -> None:
    (migration,) = MIGRATIONS.glob("20261124010510_*.sql")
    add(months, checks(8, 200))
    counted = "select * from private.daily_performance order by environment, day, model_type"
    before = months.rows(counted)

    months.owner.execute("drop trigger count_daily_performance on ml_performance_metrics")
    months.owner.execute("drop function private.count_daily_performance()")
    months.owner.execute("drop table private.daily_performance")
    months.owner.execute("delete from private.migration_history where version = '20261124010510'")
    months.owner.execute(migration.read_bytes())

    for again, first in zip(months.rows(counted), before, strict=True):
        assert again.pop("value_sum") == pytest.approx(first.pop("value_sum"), rel=1e-12)
        assert again == first


def test_a_user_without_a_role_sees_no_days(months: Scene) -> None:
    add(months, checks(9, 50))

    seen = months.database.call("get_model_performance_summary", {}, user=user("viewer"))
    everything = months.database.call("get_model_performance_summary", {})
    # Row level security may change the order in which a sum is made, and so its last digit.
    averages = [[row.pop("average_value") for row in rows] for rows in (seen, everything)]
    assert averages[0] == pytest.approx(averages[1])
    assert seen == everything
    with pytest.raises(Forbidden):
        months.database.call("get_model_performance_summary", {}, user=user())
    months.owner.execute("set role authenticated")
    assert months.rows("select * from private.daily_performance") == []
