"""A database, a queue and a folder of models, with tables to learn from, and workers."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import numpy as np
import psycopg
import redis
from psycopg import sql
from psycopg.rows import DictRow, dict_row

from core.artifacts import ArtifactStore
from core.database import PostgresDatabase
from core.domain import JobStatus
from core.queue import Doorbell
from core.store import LOCAL_ADMIN, Store
from tests.conftest import VALKEY_DATABASES

Row = dict[str, Any]
T = TypeVar("T")

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 60.0
DAY = timedelta(days=1)
_numbers = itertools.count()


def eventually(ask: Callable[[], T | None], *, within: float = PATIENCE_S) -> T:
    """Ask until there is an answer."""
    deadline = time.monotonic() + within
    while True:
        if answer := ask():
            return answer
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


@dataclass(frozen=True, kw_only=True)
class Lab:
    """Everything that a worker needs but the worker, and the ways to give it work."""

    database_url: str
    redis_url: str
    artifacts_url: str
    database: PostgresDatabase
    owner: psycopg.Connection[DictRow]
    doorbell: Doorbell

    @property
    def store(self) -> Store:
        return Store(self.database, actor=LOCAL_ADMIN)

    @property
    def artifacts(self) -> ArtifactStore:
        return ArtifactStore.open(self.artifacts_url)

    def artifact_file(self, digest: str, ending: str = "skops") -> Path:
        (found,) = Path(self.artifacts_url.removeprefix("file://")).rglob(f"{digest}.{ending}")
        return found

    # Data --------------------------------------------------------------------------------

    def table(self, rows: int = 800, *, newest: timedelta = 3 * DAY, **changes: Any) -> str:
        """A table of labelled rows that end some time ago; returns its name."""
        name = f"rows_{next(_numbers)}"
        self.owner.execute(
            sql.SQL(
                "create table {} (id bigint generated always as identity primary key,"
                " happened_at timestamptz not null, size double precision, colour text,"
                " label text)"
            ).format(sql.Identifier(name))
        )
        self.owner.execute(
            sql.SQL("grant select on {} to refit_reader").format(sql.Identifier(name))
        )
        self.add_rows(name, rows, until=datetime.now(UTC) - newest, **changes)
        return name

    def add_rows(
        self,
        table: str,
        rows: int,
        *,
        until: datetime | None = None,
        over: timedelta = 30 * DAY,
        flipped: bool = False,
        noise: float = 0.4,
        seed: int | None = None,
    ) -> None:
        """Add rows, evenly over a time.

        ``flipped``: the world has turned round. Without ``noise`` every model that knows the world
        is better than on its holdout.
        """
        # Other rows each time: equal ones would make the very same model, in the same file.
        random = np.random.default_rng(next(_numbers) if seed is None else seed)
        until = until or datetime.now(UTC) - timedelta(minutes=1)
        size = random.normal(size=rows)
        colour = random.choice(["blue", "green", "red"], size=rows)
        score = size + (colour == "red") + random.normal(scale=noise, size=rows)
        good = (score > 0.3) != flipped
        times = [until - over * (1 - (n + 1) / rows) for n in range(rows)]
        with (
            self.owner.cursor() as cursor,
            cursor.copy(
                sql.SQL("copy {} (happened_at, size, colour, label) from stdin").format(
                    sql.Identifier(table)
                )
            ) as copy,
        ):
            for row in zip(times, size.tolist(), colour.tolist(), good.tolist(), strict=True):
                copy.write_row((row[0], row[1], row[2], "good" if row[3] else "bad"))

    def model_type(self, table: str | None = None, **changes: Any) -> str:
        """A model type of a table, which is made when none is given; returns its name."""
        name = f"type_{next(_numbers)}"
        self.store.create_model_type(
            {
                "name": name,
                "task": "classification",
                "source_relation": f"public.{table or self.table()}",
                "key_columns": ["id"],
                "time_column": "happened_at",
                "target_column": "label",
                "feature_columns": ["size", "colour"],
                "metric": "accuracy",
                "engine": "linear",
                # One training after the other: what holds them up has tests of its own.
                "cool_down": "0 seconds",
                **changes,
            }
        )
        return name

    def table_of(self, model_type: str) -> str:
        return self.store.get_model_type(model_type).source_relation.removeprefix("public.")

    # Work --------------------------------------------------------------------------------

    def ask_for_training(self, model_type: str, *, ring: bool = True, **changes: Any) -> UUID:
        answer = self.store.trigger_retraining(model_types=[model_type], **changes)
        job_id = UUID(answer["jobs"][0]["id"])
        if ring:
            self.doorbell.ring("retrain", job_id)
        return job_id

    def retrain(self, model_type: str, **changes: Any) -> Row:
        """A training job, ended."""
        return self.ended_job(self.ask_for_training(model_type, **changes))

    def ended_job(self, job_id: UUID | str, *, within: float = PATIENCE_S) -> Row:
        return eventually(lambda: self._ended(self.job(job_id)), within=within)

    def job(self, job_id: UUID | str) -> Row:
        return self.store.get_training_job(UUID(str(job_id)))

    def champion(self, model_type: str) -> Row:
        """The deployment that serves, as its row, trained when there is none."""
        if self.store.get_champion(model_type) is None:
            job = self.retrain(model_type)
            assert job["result"]["deployed"], job
        return self.row(
            "select * from ml_model_deployments where model_type = %s and status = 'active'",
            model_type,
        )

    def check(self, *model_types: str, **changes: Any) -> Row:
        """A check, ended."""
        operation_id = self.store.request_check(model_types=model_types, **changes)
        return self._operation("check_performance", operation_id)

    def validate(self, **which: Any) -> Row:
        """A validation, ended."""
        return self._operation("validate_models", self.store.request_validation(**which))

    def deploy(self, **which: Any) -> Row:
        """A deployment, ended."""
        return self._operation("deploy_model", self.store.request_deployment(**which))

    def _operation(self, actor: str, operation_id: UUID) -> Row:
        self.doorbell.ring(actor, operation_id)
        return self.ended_operation(operation_id)

    def ended_operation(self, operation_id: UUID) -> Row:
        return eventually(lambda: self._ended(self.store.get_operation(operation_id)))

    @staticmethod
    def _ended(row: Row) -> Row | None:
        return row if JobStatus(row["status"]).is_final else None

    # What the owner sees -----------------------------------------------------------------

    def rows(self, statement: str, *values: Any) -> list[Row]:
        return list(self.owner.execute(statement, values).fetchall())

    def row(self, statement: str, *values: Any) -> Row:
        (found,) = self.rows(statement, *values)
        return found

    def model(self, model_id: UUID | str) -> Row:
        return self.row("select * from ml_models where id = %s", str(model_id))

    def alerts(self, model_type: str) -> dict[str, str]:
        """Kinds of alerts that stand, with what they say."""
        rows = self.rows(
            "select kind, message from ml_alerts where model_type = %s and status = 'open'",
            model_type,
        )
        return {row["kind"]: row["message"] for row in rows}

    # Workers -----------------------------------------------------------------------------

    def variables(self, **changes: str) -> dict[str, str]:
        return {
            "DATABASE_URL": self.database_url,
            "REDIS_URL": self.redis_url,
            "REFIT_ARTIFACTS_URL": self.artifacts_url,
            "REFIT_WORKER_POLL_MS": "100",
            **changes,
        }

    @contextmanager
    def worker(self, folder: Path, **changes: str) -> Iterator[RunningWorker]:
        """A worker that has started; ended afterwards, if it runs still."""
        worker = RunningWorker(folder, self.variables(**changes))
        try:
            worker.wait_until_logged("worker_started")
            yield worker
        finally:
            worker.end()


def empty_queue(valkey_url: str) -> str:
    """The address of an empty database of Valkey."""
    url = f"{valkey_url.rpartition('/')[0]}/{next(_numbers) % VALKEY_DATABASES}"
    with redis.Redis.from_url(url) as client:
        client.flushdb()
    return url


@contextmanager
def open_lab(database_url: str, redis_url: str, artifacts: Path) -> Iterator[Lab]:
    """A lab on a migrated database; its connections last as long as the block."""
    database, doorbell = PostgresDatabase(database_url), Doorbell(redis_url)
    with psycopg.connect(database_url, autocommit=True, row_factory=dict_row) as owner:
        yield Lab(
            database_url=database_url,
            redis_url=redis_url,
            artifacts_url=artifacts.as_uri(),
            database=database,
            owner=owner,
            doorbell=doorbell,
        )
    database.close()
    doorbell.close()


class RunningWorker:
    """A worker process with these variables and no others of Refit's."""

    def __init__(self, folder: Path, variables: dict[str, str]) -> None:
        self._log = folder / f"worker-{next(_numbers)}.log"
        path = os.pathsep.join([str(ROOT), variables.pop("PYTHONPATH", "")])
        with self._log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "core.worker"],
                cwd=folder,  # no .env of a developer's is read
                env={
                    "PATH": os.environ["PATH"],
                    "HOME": str(folder),
                    "PYTHONPATH": path.strip(os.pathsep),
                    **variables,
                },
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    @property
    def log(self) -> str:
        return self._log.read_text()

    def events(self, name: str) -> list[Row]:
        """What was logged under a name."""
        lines = (json.loads(line) for line in self.log.splitlines() if line.startswith("{"))
        return [line for line in lines if line["event"] == name]

    def wait_until_logged(self, name: str) -> Row:
        def ask() -> Row | None:
            events = self.events(name)
            assert events or self.process.poll() is None, self.log
            return events[-1] if events else None

        return eventually(ask)

    def wait_until_said(self, text: str) -> None:
        eventually(lambda: text in self.log)

    def kill(self) -> None:
        """As the kernel does when memory is short."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(timeout=10)

    def end(self) -> int:
        """As a service manager does; returns the exit code."""
        self.process.terminate()
        return self.process.wait(timeout=30)
