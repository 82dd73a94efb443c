"""Each role at each table, with rows in it: what it sees, and what it is denied."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime

import psycopg
import pytest
from psycopg.rows import dict_row

from core.database import PostgresDatabase
from core.domain import Environment, OperationKind, Role
from core.store import Store
from tests.conftest import temporary_database, with_database
from tests.database.factories import (
    ADMIN,
    HOLDOUT,
    Owner,
    Row,
    Scene,
    check_of,
    claims,
    digest,
    drift_report,
    judgement,
    monitor_state,
    quality,
    trained_model,
)
from tests.database.test_catalogue import READABLE, WEBHOOKS, tables

DENIED = psycopg.errors.InsufficientPrivilege


@pytest.fixture(scope="module")
def filled(
    postgres_url: str, postgres_admin: psycopg.Connection, template_database: str
) -> Iterator[Owner]:
    """One database with a row in every table, that all tests of this module only try to change."""
    with temporary_database(postgres_admin, template=template_database) as name:
        url = with_database(postgres_url, name)
        database = PostgresDatabase(url)
        with psycopg.connect(url, autocommit=True, row_factory=dict_row) as owner:
            fill(Scene(database=database, owner=owner, store=Store(database, actor=ADMIN)))
            database.close()
            yield owner


def fill(scene: Scene) -> None:
    scene.model_type("churn")
    champion = scene.champion()
    job = scene.running_job(force=True, webhook_url="https://example.org/called")
    scene.store.trigger_retraining(model_types=["churn"])
    scene.store.heartbeat_training_job(job, lines=[{"message": "Loaded."}])
    scene.store.begin_training(job)
    scene.store.finish_training_job(
        job,
        {
            "status": "succeeded",
            "check": check_of(champion, monitor=monitor_state(), drift=drift_report()),
            "quality": quality(),
            "model": trained_model("second"),
            "validation": judgement(auto_deployable=False, holdout=HOLDOUT),
        },
    )
    scene.running_operation(OperationKind.CHECK)
    scene.store.create_api_key(name="n8n", role=Role.VIEWER, key_hash=digest("key"))
    scene.store.import_model("churn", artifact_hash=digest("made elsewhere"))
    scene.store.record_backtest("churn", {"model_type": "churn"})
    scene.store.sweep_lost_work("worker-1")
    wishes = {"name": "slack", "events": ["training_succeeded"], "least_severity": "info"}
    scene.store.claim_notifications("worker-1", [wishes], limit=1)
    scene.store.write_digest(environment=Environment.PRODUCTION, due_at=datetime.now(UTC))
    scene.owner.execute(
        """
        insert into private.idempotency_keys values ('c', 'a', 'k', repeat('0', 64), '{}');
        insert into private.tick_requests (request_id) values (1);
        insert into private.sign_in_links (name, role, token_hash, expires_at)
        values ('ada on desk', 'admin', repeat('0', 64), now());
        select private.seal_audit_log();
        """
    )


def become(connection: Owner, role: str, token: Row | None = None) -> None:
    connection.execute(
        "select set_config('role', %s, true), set_config('request.jwt.claims', %s, true)",
        (role, json.dumps(token or {})),
    )


CALLERS: dict[str, tuple[str, Row | None]] = {
    "anon": ("anon", None),
    "a user without a role": ("authenticated", claims()),
    "a user with another app's role": ("authenticated", claims("owner")),
    "a user who claims one": ("authenticated", claims(user_metadata={"ml_role": "admin"})),
    "a viewer": ("authenticated", claims("viewer")),
    "an operator": ("authenticated", claims("operator")),
    "an admin": ("authenticated", claims("admin")),
    "the service role": ("service_role", None),
}
SEE = {"a viewer", "an operator", "an admin", "the service role"}


def attempt(connection: Owner, caller: str, statement: str) -> list[Row] | None:
    """The rows of a statement in a caller's name, undone afterwards; None when it is denied."""
    with connection.transaction(force_rollback=True):
        become(connection, *CALLERS[caller])
        try:
            with connection.transaction():
                cursor = connection.execute(statement)
                return cursor.fetchall() if cursor.description else []
        except DENIED:
            return None


def test_there_is_a_row_in_every_table_that_is_no_partition(filled: Owner) -> None:
    for table in tables(filled):
        if not table["is_partition"]:
            rows = filled.execute(f"select 1 from {table['name']} limit 1").fetchall()
            assert rows, table["name"]


@pytest.mark.parametrize("caller", CALLERS)
def test_each_caller_reads_what_is_theirs(filled: Owner, caller: str) -> None:
    for table in tables(filled):
        name = table["name"]
        seen = attempt(filled, caller, f"select count(*) as rows from {name}")
        if caller == "anon" or table["relname"] not in READABLE | {WEBHOOKS}:
            assert seen is None, name
        elif caller in SEE:
            assert seen, name
            assert seen[0]["rows"] > 0, name
        else:
            assert seen == [{"rows": 0}], name


@pytest.mark.parametrize("caller", CALLERS)
def test_nobody_writes_a_table(filled: Owner, caller: str) -> None:
    for table in tables(filled):
        name = table["name"]
        column = filled.execute(
            "select attname from pg_attribute where attrelid = %s and attnum = 1", (table["oid"],)
        ).fetchall()[0]["attname"]
        for statement in (
            f"insert into {name} default values",
            f"update {name} set {column} = default",
            f"delete from {name}",
            f"truncate {name}",
        ):
            assert attempt(filled, caller, statement) is None, statement


@pytest.mark.parametrize("caller", CALLERS)
def test_a_delivery_is_read_without_its_address(filled: Owner, caller: str) -> None:
    for columns in ("url", "*", "id, url"):
        assert attempt(filled, caller, f"select {columns} from {WEBHOOKS}") is None
    where = attempt(filled, caller, f"select id from {WEBHOOKS} where url like 'https%'")
    assert where is None

    rest = attempt(filled, caller, f"select id, event, status, payload from {WEBHOOKS}")
    if caller == "anon":
        assert rest is None
    elif caller in SEE:
        assert rest
        assert "https://example.org" not in str(rest)
    else:
        assert rest == []


def test_a_user_may_not_call_what_is_behind_the_functions(filled: Owner) -> None:
    for statement in (
        "select private.deploy_model(gen_random_uuid(), 'production', 'x', true, null, null, null)",
        "select private.write_audit('a', null, null, null, null, null, null, null, null)",
        "select private.finish_training_job(gen_random_uuid(), gen_random_uuid(), '{}')",
        "select private.find_api_key('x')",
        "select private.record_migration('20990101000000')",
        "select private.set_function_class('private.find_api_key(text)', 'read')",
    ):
        for caller in ("anon", "a user without a role", "an admin"):
            assert attempt(filled, caller, statement) is None, statement
