"""Schedules of a database, and ticks by hand."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from psycopg.rows import DictRow, dict_row

from core.database import PostgresDatabase
from core.queue import Doorbell
from core.retention import DEFAULT_DAYS
from core.store import LOCAL_ADMIN, Store
from core.tick import tick

NOW = datetime.now(UTC)
HOUR = timedelta(hours=1)


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
        """How many schedules one tick starts."""
        done = tick(
            self.store,
            self.doorbell,
            ticker="here:1:1",
            now=now or datetime.now(UTC),
            retention_days=DEFAULT_DAYS,
            digest=None,
        )
        started: int = done["schedules"]
        return started


@contextmanager
def open_plan(database_url: str, redis_url: str) -> Iterator[Plan]:
    """A plan on a migrated database; its connections last as long as the block."""
    database, doorbell = PostgresDatabase(database_url), Doorbell(redis_url)
    with psycopg.connect(database_url, autocommit=True, row_factory=dict_row) as owner:
        yield Plan(store=Store(database, actor=LOCAL_ADMIN), doorbell=doorbell, owner=owner)
    database.close()
    doorbell.close()
