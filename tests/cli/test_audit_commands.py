"""`refit audit` on a real database."""

from __future__ import annotations

import json
from pathlib import Path

import psycopg
import pytest

from core.store import Store
from tests.cli.conftest import Refit
from tests.database.factories import definition


@pytest.fixture
def sealed(store: Store) -> Store:
    """An audit log with a seal."""
    store.create_model_type(definition("churn"))
    store.trigger_retraining(model_types=["churn"], request_id="n8n:1")
    store.run_housekeeping({})
    return store


def remove_a_row(database_url: str) -> None:
    with psycopg.connect(database_url) as owner:
        owner.execute("set session_replication_role = replica")
        owner.execute("delete from workflow_audit_logs where action = 'training_job.created'")


def test_the_audit_log_is_listed_by_what_is_asked_for(refit: Refit, sealed: Store) -> None:
    whole = refit("audit", COLUMNS="200")
    named = refit("audit", "list", "churn", "--request-id", "n8n:1", "--json")
    none = refit("audit", "list", "--action", "model.created")

    assert whole.exit_code == 0
    assert "model_type.created" in whole.stdout
    assert [i["action"] for i in json.loads(named.stdout)["items"]] == ["training_job.created"]
    assert none.stdout == "Nothing is on record.\n"


def test_pages_of_the_audit_log_follow_each_other(refit: Refit, sealed: Store) -> None:
    whole = json.loads(refit("audit", "list", "--json").stdout)["items"]
    first = json.loads(refit("audit", "list", "--limit", "1", "--json").stdout)
    rest = json.loads(refit("audit", "list", "--cursor", first["next_cursor"], "--json").stdout)

    assert first["items"] + rest["items"] == whole


def test_a_whole_log_verifies_also_against_a_head_kept_elsewhere(
    refit: Refit, sealed: Store, tmp_path: Path
) -> None:
    heads = tmp_path / "heads"
    heads.write_text(refit("audit", "head").stdout + refit("audit", "head").stdout)

    plain = refit("audit", "verify")
    against = refit("audit", "verify", "--heads", str(heads), "--json")

    assert (plain.exit_code, plain.stdout.rpartition(": ")[2]) == (0, "everything fits.\n")
    found = json.loads(against.stdout)
    assert against.exit_code == 0
    assert (found["ok"], found["seals"], found["heads"], found["problems"]) == (True, 1, 2, [])
    assert found["rows"] > 0


def test_what_does_not_fit_is_named_and_the_exit_code_says_so(
    refit: Refit, sealed: Store, database_url: str
) -> None:
    remove_a_row(database_url)

    shown = refit("audit", "verify")
    found = refit("audit", "verify", "--json")

    assert shown.exit_code == found.exit_code == 1
    assert "In the range of seal 1 rows were removed" in shown.stdout
    assert shown.stdout.endswith("problems found: 1.\n")
    (problem,) = json.loads(found.stdout)["problems"]
    assert (problem["problem"], problem["seal"]) == ("rows_removed", 1)
    assert problem["first_at"] <= problem["last_at"]


def test_months_that_were_pruned_are_named(refit: Refit, sealed: Store, database_url: str) -> None:
    with psycopg.connect(database_url) as owner:
        owner.execute("select private.create_partition('workflow_audit_logs', '2020-02-01')")
        owner.execute(
            "insert into workflow_audit_logs (created_at, actor, action) "
            "values ('2020-02-20', '{}', 'old')"
        )
    sealed.run_housekeeping({"workflow_audit_logs": 365})

    shown = refit("audit", "verify")
    (pruned,) = json.loads(refit("audit", "verify", "--json").stdout)["pruned"]

    assert shown.exit_code == 0
    assert shown.stdout.startswith("2020-02 was pruned 20")
    assert (pruned["month"], pruned["rows"]) == ("2020-02", 1)


def test_a_head_that_the_chain_no_longer_has_is_named(
    refit: Refit, sealed: Store, tmp_path: Path
) -> None:
    heads = tmp_path / "heads"
    heads.write_text(json.dumps({"number": 9, "hash": "ab" * 32}))

    found = refit("audit", "verify", "--heads", str(heads))

    assert found.exit_code == 1
    assert "Seal 9 is gone." in found.stdout


def test_a_head_needs_a_seal_and_a_file_that_can_be_read(
    refit: Refit, store: Store, tmp_path: Path
) -> None:
    nothing = refit("audit", "head")
    no_file = refit("audit", "verify", "--heads", str(tmp_path / "none"))

    assert nothing.exit_code == no_file.exit_code == 1
    assert "Nothing is sealed yet" in nothing.stderr
    assert "none cannot be read" in no_file.stderr


def test_a_retention_that_makes_no_sense_is_named(refit: Refit) -> None:
    result = refit("audit", REFIT_RETENTION_DAYS="ml_alerts=0")

    assert result.exit_code == 1
    assert result.stderr.startswith("error: REFIT_RETENTION_DAYS: ml_alerts must be kept for 1 to")
