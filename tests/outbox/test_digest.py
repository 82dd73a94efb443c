"""The week in figures, written once however many tick."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from core.database import PostgresDatabase
from core.digests import DigestPlan, write_due_digest
from core.domain import Environment, Role
from core.errors import ConfigurationError, InvalidRequest
from core.settings import Settings
from core.store import Store
from tests.database.factories import JOB_ENDS, Row, Scene, judgement
from tests.outbox.outbox import Outbox, channel

PLAN = DigestPlan(cron="0 8 * * 1", time_zone="UTC", environment=Environment.PRODUCTION)
WEEK = timedelta(days=7)


def digest(scene: Scene) -> Row:
    now = datetime.now(UTC)
    return scene.as_role(Role.VIEWER).get_digest(
        since=now - WEEK, until=now + WEEK, environment=Environment.PRODUCTION
    )


def test_the_digest_counts_what_happened_to_each_model_type(
    scene: Scene, outbox: Outbox, champion: Row
) -> None:
    scene.model_type("replayed", replay=True)
    scene.champion("replayed", "of the past")
    outbox.check(champion, "healthy", current=0.82)
    outbox.check(champion, "degraded", current=0.7)
    outbox.check(champion, "insufficient_data", current=None)
    scene.champion(text="second")
    scene.trained(
        text="worse",
        validation=judgement("rejected", champion_deployment_id=scene.champion_id()),
    )
    scene.store.finish_training_job(scene.running_job(), JOB_ENDS["failed"])
    scene.store.rollback_model("churn", reason="Complaints.")
    assert digest(scene)["items"][0]["mean_improvement"] is None
    scene.champion(text="third")

    answer = digest(scene)

    (item,) = answer["items"]
    assert item == {
        "model_type": "churn", "title": "Who leaves us", "metric": "accuracy", "checked": 3,
        "degraded": 1, "before": 0.82, "after": 0.7, "retrained": 4, "failed": 1, "deployed": 3,
        "rejected": 1, "rolled_back": 1, "mean_improvement": 0.05, "open_alerts": 0,
    }  # fmt: skip
    assert answer["totals"] == {
        "model_types": 1, "checked": 3, "degraded": 1, "retrained": 4, "deployed": 3,
        "rejected": 1, "failed": 1, "rolled_back": 1, "open_alerts": 0, "gained": 1,
    }  # fmt: skip


def test_a_time_of_another_week_is_not_counted(scene: Scene, champion: Row) -> None:
    now = datetime.now(UTC)

    answer = scene.store.get_digest(
        since=now - 2 * WEEK, until=now - WEEK, environment=Environment.PRODUCTION
    )

    assert answer["items"][0]["deployed"] == 0
    with pytest.raises(InvalidRequest, match="since must be before until"):
        scene.store.get_digest(since=now, until=now, environment=Environment.PRODUCTION)


def test_one_digest_a_week_is_written_however_many_tick(
    scene: Scene, outbox: Outbox, champion: Row, database_url: str
) -> None:
    # The week that Refit was set up in is told with the next one.
    monday = datetime(2026, 11, 23, 8, tzinfo=UTC)
    assert write_due_digest(scene.store, PLAN, now=monday + timedelta(days=1)) == 0
    assert write_due_digest(scene.store, PLAN, now=monday + WEEK - timedelta(seconds=1)) == 0

    def tick(_: int) -> int:
        database = PostgresDatabase(database_url, max_connections=1)
        written = write_due_digest(Store(database), PLAN, now=monday + WEEK)
        database.close()
        return written

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(tick, range(8))) == 1
    (notice,) = outbox.told(channel(events=["digest"], least_severity="critical"))
    assert (notice.event, notice.model_type) == ("digest", None)
    assert notice.environment is Environment.PRODUCTION
    assert notice.data["since"] == monday.isoformat()
    assert notice.data["until"] == (monday + WEEK).isoformat()


def test_weeks_in_which_nobody_ticked_are_one_digest(
    scene: Scene, outbox: Outbox, champion: Row
) -> None:
    monday = datetime(2026, 11, 23, 8, tzinfo=UTC)
    write_due_digest(scene.store, PLAN, now=monday)

    assert write_due_digest(scene.store, PLAN, now=monday + 3 * WEEK + timedelta(days=2)) == 1

    (row,) = outbox.notifications("digest")
    assert row["data"]["since"] == monday.isoformat()
    assert row["data"]["until"] == (monday + 3 * WEEK).isoformat()


def test_where_there_is_no_model_type_there_is_nothing_to_tell(
    scene: Scene, outbox: Outbox
) -> None:
    now = datetime.now(UTC)
    write_due_digest(scene.store, PLAN, now=now)

    assert write_due_digest(scene.store, PLAN, now=now + WEEK) == 0
    assert outbox.notifications() == []


def test_nobody_is_told_of_the_week_where_the_setting_is_empty(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REFIT_DIGEST", "")
    plan = DigestPlan.from_settings(Settings())

    assert plan is None
    assert write_due_digest(scene.store, plan, now=datetime.now(UTC)) == 0


@pytest.mark.parametrize(("cron", "zone"), [("weekly", "UTC"), ("0 8 * * 1", "Mars/Olympus")])
def test_a_setting_that_makes_no_sense_is_named(
    monkeypatch: pytest.MonkeyPatch, cron: str, zone: str
) -> None:
    monkeypatch.setenv("REFIT_DIGEST", cron)
    monkeypatch.setenv("REFIT_DIGEST_TIME_ZONE", zone)

    with pytest.raises(ConfigurationError, match="REFIT_DIGEST"):
        DigestPlan.from_settings(Settings())
