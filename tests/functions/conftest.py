"""One database with keys and one server for each module of tests; nobody works on the queue."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
import redis
from psycopg import sql

from core.database import PostgresDatabase
from core.domain import Role
from core.keys import hash_key, make_key
from core.store import LOCAL_ADMIN, Store
from tests.functions.served import Server, serving

WORKER = "worker-of-the-test"
_numbers = itertools.count()


@pytest.fixture(scope="module")
def module_database_url(
    postgres_url: str, postgres_admin: psycopg.Connection, template_database: str
) -> Iterator[str]:
    """A database that the tests of one module share."""
    name = f"functions_{next(_numbers)}"
    postgres_admin.execute(
        sql.SQL("create database {} template {} strategy file_copy").format(
            sql.Identifier(name), sql.Identifier(template_database)
        )
    )
    yield f"{postgres_url.rpartition('/')[0]}/{name}"
    postgres_admin.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


@pytest.fixture(scope="module")
def module_redis_url(valkey_url: str) -> str:
    """A database of Valkey beyond those that single tests take."""
    url = f"{valkey_url.rpartition('/')[0]}/0"
    with redis.Redis.from_url(url) as client:
        client.flushdb()
    return url


@pytest.fixture(scope="module")
def database(module_database_url: str) -> Iterator[PostgresDatabase]:
    database = PostgresDatabase(module_database_url)
    yield database
    database.close()


@pytest.fixture(scope="module")
def store(database: PostgresDatabase) -> Store:
    """Refit itself: makes what the tests need, and plays the worker."""
    return Store(database, actor=LOCAL_ADMIN)


@pytest.fixture(scope="module")
def keys(store: Store) -> dict[str, str]:
    """A machine key of each role."""
    keys = {str(role): make_key() for role in Role}
    for role, key in keys.items():
        store.create_api_key(name=f"{role} key", role=Role(role), key_hash=hash_key(key))
    return keys


@pytest.fixture(scope="module")
def server(
    tmp_path_factory: pytest.TempPathFactory, module_database_url: str, module_redis_url: str
) -> Iterator[Server]:
    """Every action, with four threads: two requests may wait at a time."""
    folder: Path = tmp_path_factory.mktemp("functions")
    with serving(
        folder,
        "main",
        DATABASE_URL=module_database_url,
        REDIS_URL=module_redis_url,
        THREADS="4",
        # As `refit up` has it: the receiver of the specification's command is on this machine.
        REFIT_WEBHOOK_ALLOWED_HOSTS="localhost",
        # The tests change the database behind the functions' back, and ask without a pause.
        REFIT_CACHE_SECONDS="0",
        REFIT_RATE_LIMIT_READS="100000/minute",
        REFIT_RATE_LIMIT_WORK="100000/minute",
        REFIT_RATE_LIMIT_FAILURES="100000/minute",
    ) as server:
        yield server


@pytest.fixture(scope="module")
def make_type(store: Store) -> Callable[..., str]:
    """Makes a model type and gives its name; no worker ever reads its relation."""

    def make(name: str | None = None, *, replay: bool = False) -> str:
        name = name or f"type_{next(_numbers)}"
        store.create_model_type(
            {
                "name": name,
                "task": "classification",
                "source_relation": "public.rows",
                "key_columns": ["id"],
                "time_column": "happened_at",
                "target_column": "label",
                "feature_columns": ["a", "b"],
                "metric": "accuracy",
                "replay": replay,
            }
        )
        return name

    return make


@pytest.fixture(scope="module")
def trained_model(store: Store, make_type: Callable[..., str]) -> Callable[..., str]:
    """Makes a model and gives its id: trained, judged and deployed as a worker would do it."""

    def make(
        model_type: str | None = None, *, verdict: str = "approved", deploy: bool = False
    ) -> str:
        model_type = model_type or make_type()
        answer = store.trigger_retraining(model_types=[model_type], force=True)
        claimed = store.claim_training_job(answer["jobs"][0]["id"], WORKER)
        assert claimed is not None
        champion = str(claimed.champion.deployment_id) if claimed.champion else None
        job = store.finish_training_job(claimed, outcome(verdict, champion=champion, deploy=deploy))
        assert job["status"] == "succeeded", job
        model_id: str = job["result"]["model_id"]
        assert job["result"]["deployed"] is deploy, job
        return model_id

    return make


def outcome(verdict: str, *, champion: str | None, deploy: bool) -> dict[str, object]:
    """What a worker writes for a training that went well."""
    day = "2026-01-{:02}T00:00:00+00:00"
    return {
        "status": "succeeded",
        "model": {
            "artifact_hash": f"{next(_numbers):064x}",
            "engine": "gradient_boosting",
            "parameters": {},
            "metrics": {"accuracy": 0.9},
            "reference": {"metric": "accuracy", "value": 0.9, "samples": 600},
            "plan": {
                "window_start": day.format(1),
                "train_end": day.format(20),
                "window_end": day.format(30),
                "train_rows": 1200,
                "calibration_rows": 300,
                "holdout_rows": 600,
                "reason": "All that there is.",
            },
            "fingerprint": {},
            "library_versions": {},
            "random_seed": 0,
        },
        "validation": {
            "champion_deployment_id": champion,
            "verdict": verdict,
            "auto_deployable": deploy,
            "improvement": 0.05,
            "confidence_interval": [0.02, 0.08],
            "samples": 600,
            "gates": [],
            "reason": "It is better by 0.05.",
        },
    }


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    """Threads for requests that wait."""
    with ThreadPoolExecutor(8) as pool:
        yield pool
