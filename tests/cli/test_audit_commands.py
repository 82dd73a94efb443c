"""`refit audit` on a real database."""

from __future__ import annotations

import json
import re
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
    whole = refit("audit", COLUMNS="40")
    named = refit("audit", "list", "churn", "--request-id", "n8n:1", "--json")
    none = refit("audit", "list", "--action", "model.created")

    lines = whole.stdout.splitlines()
    (job,) = (at for at, line in enumerate(lines) if line.endswith("  training_job.created"))
    (job_id,) = (i["entity_id"] for i in json.loads(named.stdout)["items"])
    assert whole.exit_code == 0
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d  \S.*  training_job.created", lines[job])
    assert lines[job + 1] == f"    training_job {job_id}, churn, production"
    assert lines[-1] == "    model_type churn"
    assert [i["action"] for i in json.loads(named.stdout)["items"]] == ["training_job.created"]
    assert none.stdout == "Nothing is on record.\n"


def test_the_list_tells_why(refit: Refit, sealed: Store) -> None:
    sealed.record_refusal(
        None,
        action="deploy",
        status=401,
        problem="invalid_token",
        detail="It is\nexpired.",
        request_id="n8n:2",
    )
    sealed.record_event(
        workflow="nightly", execution_id="7", step="asked", outcome="went well", detail={"rows": 3}
    )

    shown = refit("audit", "list").stdout

    assert "  unknown  request.refused\n    action deploy: It is expired.\n" in shown
    assert "  event.asked\n    nightly 7: went well\n" in shown


def test_the_environment_is_all_unless_one_is_named(refit: Refit, sealed: Store) -> None:
    staging = refit("audit", "list", "-e", "staging", "--action", "training_job.created")
    every = refit("audit", "list", "--action", "training_job.created", REFIT_ENVIRONMENT="staging")

    assert staging.stdout == "Nothing is on record.\n"
    assert "churn, production" in every.stdout
    assert "REFIT_ENVIRONMENT" not in refit("audit", "list", "--help").stdout


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
    heads.write_text(refit("audit", "head").stdout)
    one = refit("audit", "verify", "--heads", str(heads))

    assert (plain.exit_code, plain.stdout.rpartition(": ")[2]) == (0, "everything fits.\n")
    assert one.stdout.startswith("1 seal over ")
    assert ", 1 head kept elsewhere: " in one.stdout
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
