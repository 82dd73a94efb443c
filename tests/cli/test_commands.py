"""What commands do to a database, and what they print."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from typer.testing import Result

from core.keys import hash_key
from core.settings import get_settings
from core.store import Store

Refit = Callable[..., Result]
Program = Callable[..., "subprocess.CompletedProcess[str]"]


def read_json(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.fixture
def churn(refit: Refit, churn_csv: Path) -> str:
    """A model type over an imported table."""
    assert refit("import-csv", str(churn_csv)).exit_code == 0
    arguments = ("churn", "--source", "churn", "--target", "churned")
    assert refit("model-types", "create", *arguments).exit_code == 0
    return "churn"


# Importing -----------------------------------------------------------------------------------


def test_importing_says_what_was_made_and_what_to_type_next(refit: Refit, churn_csv: Path) -> None:
    result = refit("import-csv", str(churn_csv), "--table", "customers")

    assert result.exit_code == 0
    assert "900 rows in public.customers, by seen_at." in result.stdout
    assert (
        "refit model-types create customers --source public.customers --target churned "
        "--time seen_at" in result.stdout
    )


def test_the_next_command_works_as_printed(refit: Refit, churn_csv: Path) -> None:
    printed = refit("import-csv", str(churn_csv)).stdout.splitlines()[-1].split()

    result = refit(*printed[1:])

    assert result.exit_code == 0
    assert "churn predicts churned of public.churn." in result.stdout
    assert "refit retrain churn --force --wait" in result.stdout


def test_rows_can_be_spaced_and_a_table_replaced(refit: Refit, churn_csv: Path) -> None:
    spaced = ("--every", "1h30m", "--origin", "2026-02-01", "--json")
    first = read_json(refit("import-csv", str(churn_csv), *spaced))
    again = refit("import-csv", str(churn_csv))
    replaced = refit("import-csv", str(churn_csv), "--replace", "--time", "seen at")

    assert (first["time_column"], first["rows"]) == ("event_time", 900)
    assert "The table public.churn exists already." in again.stderr
    assert "--replace" in again.stderr
    assert replaced.exit_code == 0


# Model types ---------------------------------------------------------------------------------


def test_a_model_type_is_completed_from_its_table(refit: Refit, churn_csv: Path) -> None:
    refit("import-csv", str(churn_csv))

    made = read_json(
        refit(
            *("model-types", "create", "leaving", "--source", "public.churn"),
            *("--target", "churned", "--exclude", "plan", "--label-delay", "2d"),
            *("--training-window", "12w", "--min-training-samples", "200", "--replay"),
            *("--engine", "linear", "--title", "Who leaves", "--json"),
        )
    )

    assert made["key_columns"] == ["row_id"]
    assert made["time_column"] == "seen_at"
    assert made["feature_columns"] == ["usage"]
    assert (made["task"], made["metric"], made["engine"]) == (
        "classification",
        "accuracy",
        "linear",
    )
    assert (made["replay"], made["min_training_samples"]) == (True, 200)
    assert (made["label_delay_seconds"], made["training_window_seconds"]) == (172800, 7257600)


def test_a_missing_grant_is_printed_and_nothing_is_created(
    refit: Refit, store: Store, database_url: str
) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "create table orders (id int primary key, at timestamptz, size float8, late boolean)"
        )
    command = ("model-types", "create", "orders", "--source", "orders", "--target", "late")

    refused = refit(*command)
    assert refused.exit_code == 1
    assert 'Run: grant select on "public"."orders" to "refit_reader";' in refused.stderr
    assert store.list_model_types() == []

    with psycopg.connect(database_url) as connection:
        connection.execute(refused.stderr.partition("Run: ")[2].strip().encode())
    assert refit(*command).exit_code == 0


def test_a_missing_policy_is_printed_and_nothing_is_created(
    refit: Refit, store: Store, database_url: str
) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "create table orders (id int primary key, at timestamptz, size float8, late boolean);"
            "alter table orders enable row level security;"
            "grant select on orders to refit_reader"
        )
    command = ("model-types", "create", "orders", "--source", "orders", "--target", "late")

    refused = refit(*command)
    assert refused.exit_code == 1
    assert "create policy" in refused.stderr
    assert store.list_model_types() == []

    with psycopg.connect(database_url) as connection:
        connection.execute(refused.stderr.partition("Run: ")[2].strip().encode())
    assert refit(*command).exit_code == 0


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--time", "usage"), "not a timestamp or date"),
        (("--exclude", "nothing"), "has no column 'nothing'"),
        (("--exclude", "plan,usage"), "no feature is left"),
        (("--engine", "magic"), "There is no engine 'magic'"),
        (("--engine", "mine:make"), "REFIT_ENGINES"),
        (("--metric", "rmse"), "metric must fit the task"),
        (("--training-window", "0d"), "is no time at all"),
        (("--retraining-threshold", "2"), "retraining_threshold must be between"),
        (("--features", "plan,churned"), "target_column must not be among feature_columns"),
    ],
)
def test_a_wrong_setting_is_told_and_nothing_is_created(
    refit: Refit, store: Store, churn_csv: Path, options: tuple[str, ...], told: str
) -> None:
    refit("import-csv", str(churn_csv))
    command = ("model-types", "create", "churn", "--source", "churn", "--target", "churned")

    result = refit(*command, *options)

    assert result.exit_code == 1
    assert told in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert store.list_model_types() == []


def test_two_time_columns_must_be_told_apart(refit: Refit, database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "create table t (id int primary key, a timestamptz, b date, y boolean);"
            "grant select on t to refit_reader"
        )

    result = refit("model-types", "create", "t", "--source", "t", "--target", "y")

    assert "(columns with times: a, b). Name one with --time." in result.stderr


def test_model_types_are_listed_shown_and_changed(refit: Refit, churn: str) -> None:
    changed = refit(
        *("model-types", "update", churn, "--disable", "--training-window", "4w"),
        *("--features", "usage", "--owner", "ada"),
    )
    whole = refit("model-types", "update", churn, "--training-window", "all", "--json")
    shown = refit("model-types", "show", churn)
    listed = read_json(refit("model-types", "list", "--json"))

    assert "28 days" in changed.stdout
    assert read_json(whole)["training_window_seconds"] is None
    assert "ada" in shown.stdout
    assert [(t["name"], t["enabled"]) for t in listed["items"]] == [("churn", False)]
    assert "churn" in refit("model-types", "list").stdout


def test_how_a_model_type_is_trained_and_judged_is_shown_and_changed(
    refit: Refit, churn: str
) -> None:
    changed = read_json(
        refit(
            *("model-types", "update", churn, "--window-strategy", "adaptive", "--json"),
            *("--recency-half-life", "4w", "--class-weight", "balanced"),
            *("--search-seconds", "600", "--entity", "plan", "--slices", "plan,usage"),
            *("--latency-budget", "12.5", "--size-budget", "20"),
            *("--dry-run-gates", "calibration"),
        )
    )
    shown = refit("model-types", "show", churn)
    emptied = read_json(
        refit(
            *("model-types", "update", churn, "--recency-half-life", "none", "--json"),
            *("--entity", "none", "--slices", "none", "--latency-budget", "none"),
            *("--size-budget", "none", "--dry-run-gates", "none"),
        )
    )
    wrong = refit("model-types", "update", churn, "--size-budget", "small")
    no_gate = refit("model-types", "update", churn, "--dry-run-gates", "calibration,luck")
    guard = refit("model-types", "update", churn, "--dry-run-gates", "data_quality")

    assert (changed["window_strategy"], changed["class_weight"]) == ("adaptive", "balanced")
    assert (changed["recency_half_life_seconds"], changed["search_seconds"]) == (2_419_200, 600)
    assert (changed["entity_column"], changed["slice_columns"]) == ("plan", ["plan", "usage"])
    assert (changed["latency_budget_ms"], changed["size_budget_mb"]) == (12.5, 20)
    assert "plan, usage" in shown.stdout
    assert changed["dry_run_gates"] == ["calibration"]
    assert (emptied["recency_half_life_seconds"], emptied["entity_column"]) == (None, None)
    assert (emptied["slice_columns"], emptied["dry_run_gates"]) == ([], [])
    assert (emptied["latency_budget_ms"], emptied["size_budget_mb"]) == (None, None)
    assert "--size-budget 'small' is no number" in wrong.stderr
    assert 'There is no gate "luck". Give --dry-run-gates names of beats_base' in no_gate.stderr
    assert 'The gate "data_quality" cannot be a dry run: what fails there already' in guard.stderr


@pytest.mark.parametrize("option", ["--entity", "--slices"])
def test_an_entity_or_slice_that_is_not_there_is_named(
    refit: Refit, churn: str, option: str
) -> None:
    changed = refit("model-types", "update", churn, option, "height")
    made = refit(
        *("model-types", "create", "again", "--source", "churn", "--target", "churned"),
        *(option, "height"),
    )

    for result in (changed, made):
        assert result.exit_code == 1
        assert "has no column 'height'" in result.stderr


def test_a_model_type_never_gets_features_that_are_not_there(refit: Refit, churn: str) -> None:
    result = refit("model-types", "update", churn, "--features", "plan,height")

    assert result.exit_code == 1
    assert "has no column 'height'" in result.stderr


# Keys ----------------------------------------------------------------------------------------


def test_a_key_is_shown_once_and_works_until_it_is_revoked(refit: Refit, store: Store) -> None:
    made = read_json(refit("keys", "create", "n8n", "--role", "operator", "--json"))
    assert set(made) == {"name", "role", "key"}
    found = store.find_api_key(hash_key(made["key"]))
    assert found is not None
    assert (found.name, str(found.role)) == ("n8n", made["role"])

    listed = refit("keys", "list")
    assert "n8n" in listed.stdout
    assert made["key"] not in listed.stdout
    assert "There is a key named n8n already." in refit("keys", "create", "n8n").stderr

    revoked = refit("keys", "revoke", "n8n")
    assert revoked.stdout == "The key n8n is revoked; everywhere within 30 seconds.\n"
    assert store.find_api_key(hash_key(made["key"])) is None
    (row,) = read_json(refit("keys", "list", "--json"))["items"]
    assert row["revoked_at"] is not None
    assert "key_hash" not in row


def test_a_key_can_expire(refit: Refit) -> None:
    key = refit("keys", "create", "guest", "--role", "viewer", "--expires-in", "1d")
    (row,) = read_json(refit("keys", "list", "--json"))["items"]

    assert key.stdout.startswith("rft_")
    assert "sign in to the dashboard with it" in key.stderr
    assert "sign in" not in refit("keys", "create", "cron", "--role", "scheduler").stderr
    assert row["expires_at"] > row["created_at"]


# Work ----------------------------------------------------------------------------------------


def test_a_retraining_is_queued_and_a_second_one_joins_it(refit: Refit, churn: str) -> None:
    first = read_json(refit("retrain", churn, "--json"))["jobs"][0]
    second = refit("retrain", churn, "--force")
    status = read_json(refit("status", "--json"))

    assert (first["status"], first["coalesced"]) == ("queued", False)
    assert "joined the job that is active already" in second.stderr
    assert [job["id"] for job in status["active_jobs"]] == [first["id"]]
    assert first["id"] in refit("status").stdout


def test_a_queued_job_is_cancelled_once(refit: Refit, churn: str) -> None:
    (job,) = read_json(refit("retrain", churn, "--json"))["jobs"]

    cancelled = refit("cancel", job["id"])
    history = read_json(refit("history", churn, "--json"))

    assert cancelled.stdout == "The training of churn is cancelled.\n"
    (event,) = history["items"]
    assert (event["kind"], event["summary"]) == ("training", "churn was cancelled.")
    assert "cancelled" in refit("history").stdout


def test_waiting_without_a_worker_ends_with_what_to_start(
    refit: Refit, churn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.cli.waiting.PATIENCE_S", 0.2)
    for command in (("retrain", churn, "--wait"), ("check", churn)):
        result = refit(*command)

        assert result.exit_code == 1
        assert result.stderr.splitlines()[-1] == (
            "error: No worker is running; the work stays queued. "
            "Start `refit up` or `refit worker`."
        )


def test_an_operation_need_not_be_waited_for(refit: Refit, churn: str, store: Store) -> None:
    asked = read_json(refit("check", churn, "--no-wait", "--json"))

    operation = store.get_operation(UUID(asked["operation_id"]))
    assert (operation["kind"], operation["status"]) == ("check", "queued")


def test_a_queue_that_is_away_only_delays(refit: Refit, churn: str) -> None:
    result = refit("retrain", churn, REDIS_URL="redis://127.0.0.1:9/0")

    assert result.exit_code == 0
    assert "The queue is away" in result.stderr
    assert "churn: queued as" in result.stdout
    assert "`refit history churn` how it ended" in result.stderr


def test_without_a_champion_there_is_nothing_to_roll_back_or_predict_with(
    refit: Refit, churn: str
) -> None:
    rolled_back = refit("rollback", churn, "--reason", "worse")
    predicted = refit("predict", churn, "--into", "predictions")
    deployed = refit("deploy", churn)

    assert "No model of churn serves production." in rolled_back.stderr
    assert "refit retrain churn --force --wait" in predicted.stderr
    assert "The model type churn has no approved model." in deployed.stderr
    assert (rolled_back.exit_code, predicted.exit_code, deployed.exit_code) == (1, 1, 1)


def test_an_empty_overview_says_what_is_missing(refit: Refit) -> None:
    text = refit("status").stdout

    assert "No model serves production yet." in text
    assert "No worker is running: `refit up` or `refit worker` starts one." in text
    assert "Nothing has happened yet." in refit("history").stdout
    assert "There is no model type yet" in refit("model-types", "list").stdout


def test_the_environment_follows_the_settings(refit: Refit) -> None:
    def shown(*arguments: str, **variables: str) -> str:
        return str(read_json(refit("status", "--json", *arguments, **variables))["environment"])

    assert shown() == "production"
    assert shown(REFIT_ENVIRONMENT="staging") == "staging"
    assert shown("--environment", "development", REFIT_ENVIRONMENT="staging") == "development"


def test_tables_fit_eighty_columns(refit: Refit, churn: str) -> None:
    refit("retrain", churn)
    for command in (("status",), ("history",), ("model-types", "list"), ("--help",)):
        lines = refit(*command).stdout.splitlines()

        assert max(map(len, lines)) <= 80


# psql ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["in the URL", "in the query", "in a conninfo"])
def test_psql_gets_the_password_where_nobody_else_sees_it(
    program: Program, addresses: dict[str, str], form: str
) -> None:
    url = addresses["DATABASE_URL"]
    before, password, behind = re.split(r"(?<=://postgres):(.+)(?=@)", url)
    forms = {
        "in the URL": url,
        "in the query": f"{before}{behind}?password={password}",
        "in a conninfo": make_conninfo("", **conninfo_to_dict(url)),
    }
    shown = r"\! ps -ww -o args= -p $PPID; echo $PGPASSWORD"

    done = program(
        ("psql", "-At", "-c", "select 7", "-c", shown), addresses | {"DATABASE_URL": forms[form]}
    )

    answer, arguments, variable = done.stdout.splitlines()
    assert (answer, variable) == ("7", password)
    assert "--dbname" in arguments
    assert password not in arguments


# Migrating -----------------------------------------------------------------------------------


def test_migrations_are_applied_once(refit: Refit, empty_database_url: str) -> None:
    first = refit("migrate", DATABASE_URL=empty_database_url)
    second = refit("migrate", DATABASE_URL=empty_database_url)

    assert first.stdout.splitlines()[-1].endswith("migrations applied.")
    assert second.stdout == "The database is up to date.\n"


def test_migrations_are_exported_without_any_server(refit: Refit, tmp_path: Path) -> None:
    folder = tmp_path / "supabase" / "migrations"

    result = refit("migrate", "--export", str(folder), DATABASE_URL=None, REDIS_URL=None)

    assert result.exit_code == 0
    assert len(list(folder.glob("*.sql"))) == len(result.stdout.splitlines())
    assert get_settings().database_url is None
