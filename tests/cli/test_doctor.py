"""The doctor finds each thing that is broken on purpose, and nothing where all is well."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from typer.testing import Result

from core.cli.home_secrets import SESSION_FILE, kept_secret
from core.process_name import is_gone, process_name
from core.store import Store
from core.webhooks.signing import FILE_NAME, make_secret

Refit = Callable[..., Result]


def findings(result: Result, area: str) -> list[dict[str, Any]]:
    """What was found in one area, gravest first."""
    order = ["fail", "warn", "ok"]
    found = [f for f in json.loads(result.stdout)["findings"] if f["area"] == area]
    return sorted(found, key=lambda f: order.index(f["outcome"]))


def worst(result: Result, area: str) -> dict[str, Any]:
    return findings(result, area)[0]


@pytest.fixture
def churn(refit: Refit, churn_csv: Path) -> str:
    refit("import-csv", str(churn_csv))
    refit("model-types", "create", "churn", "--source", "churn", "--target", "churned")
    return "churn"


def test_a_healthy_installation_has_nothing_to_mend(refit: Refit, churn: str, store: Store) -> None:
    for kind in ("worker", "scheduler"):
        store.sweep_lost_work(process_name(), kind)

    result = refit(
        "doctor", REFIT_WEBHOOK_SECRET=make_secret(), REFIT_SESSION_SECRET=secrets.token_hex(32)
    )

    assert result.exit_code == 0, result.output
    assert {line[:4] for line in result.stdout.splitlines()} == {"ok  "}
    assert "churn: its rows can be read" in result.stdout


def test_nobody_at_work_is_a_warning_that_names_the_command(refit: Refit) -> None:
    result = refit("doctor", "--json")

    assert result.exit_code == 0
    assert [f["outcome"] for f in findings(result, "workers")] == ["warn", "warn"]
    assert "refit worker" in worst(result, "workers")["mend"]


def test_a_worker_of_this_machine_that_was_killed_does_not_count(
    refit: Refit, store: Store
) -> None:
    host, _, rest = process_name().split(":")
    store.sweep_lost_work(f"{host}:4194304:{rest}")  # one more than the largest process id

    assert worst(refit("doctor", "--json"), "workers")["what"] == "No worker is running."


def test_a_database_that_is_away_fails_and_ends_the_look(refit: Refit) -> None:
    result = refit("doctor", "--json", DATABASE_URL="postgresql://u:secret@127.0.0.1:9/x")

    assert result.exit_code == 1
    assert worst(result, "database")["outcome"] == "fail"
    assert findings(result, "model_types") == []
    assert "secret" not in result.output


def test_without_a_session_secret_nobody_can_sign_in(refit: Refit, tmp_path: Path) -> None:
    found = worst(refit("doctor", "--json"), "dashboard")

    assert found["outcome"] == "warn"
    assert "REFIT_SESSION_SECRET is not set" in found["what"]
    (tmp_path / "home").mkdir(exist_ok=True)
    kept_secret(tmp_path / "home", SESSION_FILE, lambda: secrets.token_hex(32))
    assert worst(refit("doctor", "--json"), "dashboard")["outcome"] == "ok"


def test_messages_that_were_given_up_lately_are_told_with_their_reason(
    refit: Refit, churn: str, database_url: str
) -> None:
    with psycopg.connect(database_url) as connection:
        for age, error in (("1 hour", "404 no_service"), ("2 hours", "old"), ("2 days", "older")):
            connection.execute(
                """
                with said as (
                    insert into public.ml_notifications
                        (event, severity, model_type, environment, first_at)
                    values ('deployed', 'info', %s, 'production', now() - %s::interval)
                    returning id
                )
                insert into public.ml_notification_deliveries
                    (notification_id, channel, telling, status, last_error)
                select id, 'slack', 'opened', 'failed', %s from said
                """,
                [churn, age, error],
            )

    looked = findings(refit("doctor", "--json"), "notifications")

    (one,) = [finding for finding in looked if "did not get" in finding["what"]]
    assert one["outcome"] == "warn"
    assert one["what"] == "slack did not get 2 messages of the last day: 404 no_service"
    assert one["mend"].endswith("refit notify test --channel slack")


def test_missing_migrations_fail(refit: Refit, empty_database_url: str) -> None:
    found = worst(refit("doctor", "--json", DATABASE_URL=empty_database_url), "database")

    assert found["outcome"] == "fail"
    assert found["mend"] == "Apply them: refit migrate."


def test_every_table_of_ours_is_looked_at(refit: Refit, database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        tables = [
            str(name)
            for (name,) in connection.execute(
                """
                select c.oid::regclass::text from pg_class c
                join pg_namespace n on n.oid = c.relnamespace
                where c.relkind in ('r', 'p') and n.nspname in ('public', 'private')
                """
            )
        ]
        for table in tables:
            connection.execute(f"alter table {table} disable row level security".encode())

    found = worst(refit("doctor", "--json"), "database")

    assert {t for t in tables if f"alter table {t} enable" not in found["mend"]} == set()


def test_a_table_without_row_security_fails_with_the_statement(
    refit: Refit, database_url: str
) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("alter table public.ml_models disable row level security")
        connection.execute("create table private.somebody_elses (id int)")

    found = worst(refit("doctor", "--json"), "database")

    assert found["outcome"] == "fail"
    assert found["mend"] == "Run: alter table ml_models enable row level security;"
    with psycopg.connect(database_url) as connection:
        connection.execute(found["mend"].removeprefix("Run: ").encode())
    assert worst(refit("doctor", "--json"), "database")["outcome"] == "ok"


def test_a_queue_that_is_away_fails_without_showing_its_password(refit: Refit) -> None:
    result = refit("doctor", "--json", REDIS_URL="redis://:secret@127.0.0.1:9/0")

    assert result.exit_code == 1
    assert worst(result, "queue")["outcome"] == "fail"
    assert "REDIS_URL" in worst(result, "queue")["mend"]
    assert "secret" not in result.output


def test_an_artifact_store_that_cannot_be_written_fails(refit: Refit, tmp_path: Path) -> None:
    (tmp_path / "a_file").write_text("in the way")

    url = (tmp_path / "a_file" / "models").as_uri()
    found = worst(refit("doctor", "--json", REFIT_ARTIFACTS_URL=url), "artifacts")

    assert found["outcome"] == "fail"
    assert "REFIT_ARTIFACTS_URL" in found["mend"]


def test_the_doctor_leaves_nothing_in_the_artifact_store(refit: Refit, tmp_path: Path) -> None:
    assert worst(refit("doctor", "--json"), "artifacts")["outcome"] == "ok"

    assert [p for p in (tmp_path / "artifacts").rglob("*") if p.is_file()] == []


def test_callbacks_that_nobody_signs_are_a_warning(refit: Refit, addresses: dict[str, str]) -> None:
    missing = worst(refit("doctor", "--json"), "callbacks")
    no_secret = worst(refit("doctor", "--json", REFIT_WEBHOOK_SECRET="whsec_7c9f1e"), "callbacks")
    no_host = worst(refit("doctor", "--json", REFIT_WEBHOOK_ALLOWED_HOSTS="a..b"), "callbacks")
    home = Path(addresses["REFIT_HOME"])
    home.mkdir(exist_ok=True)
    (home / FILE_NAME).write_text(make_secret())
    made_by_up = worst(refit("doctor", "--json"), "callbacks")

    assert (missing["outcome"], made_by_up["outcome"]) == ("warn", "ok")
    assert missing["what"].startswith("REFIT_WEBHOOK_SECRET is not set")
    assert (no_secret["outcome"], no_host["outcome"]) == ("fail", "fail")
    assert "7c9f1e" not in str(no_secret)


def test_a_schedule_that_nobody_runs_is_a_warning(
    refit: Refit, churn: str, database_url: str
) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "update public.ml_retraining_schedules set next_run_at = now() - interval '1 hour' "
            "where kind = 'performance_check'"
        )

    (found,) = findings(refit("doctor", "--json"), "schedules")

    assert found["outcome"] == "warn"
    assert "The performance check of churn was due at" in found["what"]


def test_rows_that_can_no_longer_be_read_fail_with_the_statement(
    refit: Refit, churn: str, database_url: str
) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("revoke select on public.churn from refit_reader")

    found = worst(refit("doctor", "--json"), "model_types")

    assert found["outcome"] == "fail"
    assert found["what"].startswith("churn: ")
    assert found["mend"] == 'Run: grant select on "public"."churn" to "refit_reader";'


def test_an_engine_that_cannot_be_imported_fails(refit: Refit, churn: str, store: Store) -> None:
    store.update_model_type(churn, {"engine": "no_such_package:make_pipeline"})

    not_allowed = worst(refit("doctor", "--json"), "model_types")
    gone = worst(
        refit("doctor", "--json", REFIT_ENGINES="no_such_package:make_pipeline"), "model_types"
    )

    assert "is not allowed" in not_allowed["what"]
    assert "cannot be imported" in gone["what"]


def test_failed_trainings_and_open_alerts_are_warnings(
    refit: Refit, churn: str, store: Store
) -> None:
    for _ in range(2):
        (asked,) = store.trigger_retraining(model_types=[churn])["jobs"]
        job = store.claim_training_job(asked["id"], process_name())
        assert job is not None
        error = {"type": "data", "status": 422, "detail": "The table is on fire."}
        store.finish_training_job(job, {"status": "failed", "error": error})

    result = refit("doctor", "--json")

    assert result.exit_code == 0
    (failure,) = findings(result, "trainings")
    assert (failure["outcome"], failure["what"]) == (
        "warn",
        "A training of churn failed: The table is on fire.",
    )
    assert worst(result, "alerts")["outcome"] == "warn"


def test_a_process_of_another_machine_or_of_another_kind_of_name_counts_as_alive() -> None:
    assert not is_gone(process_name())
    assert not is_gone("another-machine:1:abcdef01")
    assert not is_gone("a worker of a test")
