"""`refit schedules`, and a retraining that the limits forbid."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from typer.testing import Result

from core.store import Store
from tests.worker.lab import RunningWorker

Refit = Callable[..., Result]


def read_json(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.fixture
def churn(store: Store) -> str:
    store.create_model_type(
        {
            "name": "churn",
            "task": "classification",
            "source_relation": "public.rows",
            "key_columns": ["id"],
            "time_column": "happened_at",
            "target_column": "label",
            "feature_columns": ["a"],
            "metric": "accuracy",
        }
    )
    return "churn"


def test_more_schedules_than_a_page_holds_are_all_listed_and_found(
    refit: Refit, churn: str, store: Store, database_url: str
) -> None:
    with psycopg.connect(database_url) as owner:
        owner.execute(
            "insert into ml_model_types select (jsonb_populate_record(t, jsonb_build_object("
            "'name', 'type_' || n))).* from ml_model_types as t, generate_series(1, 101) as n"
        )
        owner.execute(
            "insert into ml_retraining_schedules (model_type, environment, kind, cron)"
            " select name, e, 'performance_check', '0 0 * * *' from ml_model_types,"
            " unnest(enum_range(null::ml_environment)) as e where name <> %s",
            [churn],
        )
        made = owner.execute("select id::text from ml_retraining_schedules").fetchall()

    listed = read_json(refit("schedules", "list", "--json"))["items"]
    changed = read_json(
        refit("schedules", "update", listed[-1]["id"], "--cron", "5 5 * * *", "--json")
    )

    assert len(made) > 200
    assert sorted(item["id"] for item in listed) == sorted(row[0] for row in made)
    assert changed["cron"] == "5 5 * * *"


def test_the_schedules_of_a_new_model_type_are_listed(refit: Refit, churn: str) -> None:
    items = read_json(refit("schedules", "list", churn, "--json"))["items"]
    table = refit("schedules", "list")

    assert {item["kind"]: item["cron"] for item in items} == {
        "performance_check": "0 */4 * * *",
        "forced_retraining": "30 3 * * 0",
    }
    assert all(item["id"] in table.stdout for item in items)
    assert "performance check of churn, production" in table.stdout


def test_a_schedule_is_made_changed_paused_and_resumed(refit: Refit, churn: str) -> None:
    made = read_json(
        refit(
            *("schedules", "create", churn, "--kind", "forced_retraining", "--cron", "0 5 1 * *"),
            *("--time-zone", "Europe/Amsterdam", "--environment", "staging", "--json"),
        )
    )
    changed = read_json(refit("schedules", "update", made["id"], "--cron", "0 6 1 * *", "--json"))
    paused = read_json(refit("schedules", "disable", made["id"], "--json"))
    shown = refit("schedules", "list")
    resumed = read_json(refit("schedules", "enable", made["id"], "--json"))

    assert (made["environment"], made["cron"]) == ("staging", "0 5 1 * *")
    assert (changed["cron"], changed["time_zone"]) == ("0 6 1 * *", "Europe/Amsterdam")
    assert (paused["enabled"], resumed["enabled"]) == (False, True)
    assert "disabled" in shown.stdout


def test_without_a_cron_it_gets_the_usual_one(refit: Refit, churn: str) -> None:
    made = read_json(refit("schedules", "create", churn, "-e", "staging", "--json"))

    assert (made["kind"], made["cron"]) == ("performance_check", "0 */4 * * *")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--cron", "0 0 31 2 *"), "cron '0 0 31 2 *'"),
        (("--time-zone", "Mars/Olympus"), "time_zone 'Mars/Olympus' is not known"),
        ((), "Nothing is to be changed"),
    ],
)
def test_a_change_that_means_nothing_is_refused(
    refit: Refit, churn: str, store: Store, options: tuple[str, ...], said: str
) -> None:
    before = store.list_schedules(churn)["items"]

    result = refit("schedules", "update", before[0]["id"], *options)

    assert result.exit_code == 1
    assert said in result.stderr
    assert store.list_schedules(churn)["items"] == before


def test_a_schedule_that_is_not_there_is_named(refit: Refit, churn: str) -> None:
    missing = "0f2ad7fc-6b39-4dbb-a2c9-b5d9a1c8f001"

    for command in (("update", missing, "--cron", "* * * * *"), ("disable", missing)):
        result = refit("schedules", *command)
        assert result.exit_code == 1
        assert f"There is no schedule {missing}." in result.stderr


def test_limits_are_shown_and_changed(refit: Refit, churn: str) -> None:
    changed = read_json(
        refit(
            "model-types", "update", churn, "--cool-down", "6h", "--monthly-budget", "8", "--json"
        )
    )
    none = read_json(
        refit(
            "model-types", "update", churn, "--cool-down", "0", "--monthly-budget", "none", "--json"
        )
    )
    wrong = refit("model-types", "update", churn, "--monthly-budget", "few")

    assert (changed["cool_down_seconds"], changed["monthly_retraining_budget"]) == (21600, 8)
    assert (none["cool_down_seconds"], none["monthly_retraining_budget"]) == (0, None)
    assert wrong.exit_code == 1
    assert "--monthly-budget 'few' is no number" in wrong.stderr


def test_a_retraining_within_the_cool_down_says_so_and_how_to_pass(
    refit: Refit, churn_csv: Path, addresses: dict[str, str], tmp_path: Path
) -> None:
    assert refit("import-csv", str(churn_csv)).exit_code == 0
    made = refit("model-types", "create", "churn", "--source", "churn", "--target", "churned")
    assert made.exit_code == 0
    worker = RunningWorker(tmp_path, addresses | {"REFIT_WORKER_POLL_MS": "100"})
    try:
        first = refit("retrain", "churn", "--force", "--wait")
        second = refit("retrain", "churn", "--force", "--wait")
        as_json = refit("retrain", "churn", "--force", "--wait", "--json")
        third = refit("retrain", "churn", "--force", "--override-limits", "--wait")
        history = refit("history", "churn", "--json")
    finally:
        worker.end()

    assert "version 1 was trained and deployed" in first.stdout
    assert (second.exit_code, as_json.exit_code) == (1, 1)
    assert [job["status"] for job in json.loads(as_json.stdout)["jobs"]] == ["skipped"]
    assert "--override-limits" in as_json.stderr
    assert "churn was not retrained: cool_down: the last training began at" in second.stdout
    assert "refit retrain churn --force --override-limits" in second.stderr
    assert "version 2 was trained" in third.stdout
    assert "override" not in third.stderr
    assert any("cool_down" in event["summary"] for event in read_json(history)["items"])
