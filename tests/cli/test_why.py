"""`refit why` and the API's reasons, of decisions that a worker really took."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from core.explanations.evidence import LARGEST_LEVEL
from core.explanations.words import ENGLISH
from core.settings import get_settings
from core.web.reasons import job_with_reasons, operation_with_reasons
from tests.cli.conftest import VARIABLES
from tests.worker.conftest import lab, worker
from tests.worker.lab import DAY, Lab

__all__ = ["lab", "worker"]

pytestmark = pytest.mark.usefixtures("worker")


@pytest.fixture(scope="module")
def variables() -> dict[str, str]:
    return {}


@pytest.fixture
def ask(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run `refit why` on the lab's database."""
    from core.cli.app import app

    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    environ = {
        "DATABASE_URL": lab.database_url,
        "REDIS_URL": lab.redis_url,
        "REFIT_ARTIFACTS_URL": lab.artifacts_url,
        "REFIT_HOME": str(tmp_path),
    }

    def run(*arguments: Any) -> Result:
        get_settings.cache_clear()
        return CliRunner().invoke(app, ["why", *map(str, arguments)], env=environ)

    yield run
    get_settings.cache_clear()


def told(ask: Any, *arguments: Any) -> str:
    result = ask(*arguments)
    assert result.exit_code == 0, result.stderr
    return str(result.stdout)


def served(lab: Lab, rows: int = 2600, **changes: Any) -> str:
    """A model type whose champion was held out on enough rows for the sequential test."""
    name = lab.model_type(lab.table(rows), **changes)
    lab.champion(name)
    return name


def turned_round(lab: Lab, name: str) -> None:
    """The world has turned round, and only what is newer is to be learnt from."""
    lab.add_rows(lab.table_of(name), 1500, over=2 * DAY, flipped=True)
    lab.store.update_model_type(name, {"training_window": "60 hours"})


# Trainings and deployments ----------------------------------------------------------------------


def test_a_first_model_was_deployed_for_passing_its_tests(lab: Lab, ask: Any) -> None:
    name = served(lab)

    said = told(ask, name)

    assert "There was no model in use that could be checked, so one was trained." in said
    assert "It learnt from 2,080 cases, from " in said
    assert "The newest 520 cases were set aside to test it." in said
    assert "passing the tests was enough to be deployed" in said
    assert "Version 1 was deployed automatically" in said
    assert told(ask, f"{name}@1") == said


def test_a_healthy_model_is_why_nothing_was_trained(lab: Lab, ask: Any) -> None:
    name = served(lab)
    lab.add_rows(lab.table_of(name), 300, over=2 * DAY, noise=0)

    job = lab.retrain(name)
    said = told(ask, job["id"])

    assert job["status"] == "skipped"
    assert "No training was needed." in said
    assert "from all 300 cases since it came into use" in said
    assert "below 1,000, from which on a training is tried" in said
    assert "was trained" not in said


def test_a_model_that_surely_got_worse_was_replaced(lab: Lab, ask: Any) -> None:
    name = served(lab)
    turned_round(lab, name)

    job = lab.retrain(name)
    said = told(ask, job["id"])

    assert job["result"]["deployed"], job
    validation = job["validation"]
    assert validation["rule"] in {"surely_better", "not_worse"}
    assert "above 5,000, which counts as proof" in said
    assert "So a training was tried: the model in use got worse" in said
    assert "All of these compare it with the model in use" in said
    assert "without a person" in said
    assert "Version 2 was deployed automatically" in said
    assert "Before it, version 1 was in use." in said
    assert "So it was deployed." not in said
    deployment = lab.champion(name)["id"]
    assert told(ask, deployment) == told(ask, name)
    # The deciding test is told before the others.
    assert said.index("Compared with the model in use:") < said.index("Enough cases:")


def test_a_model_that_is_only_as_good_waits_for_a_person(lab: Lab, ask: Any) -> None:
    name = served(lab, dry_run_gates=["size"], size_budget_mb=0.000001)
    lab.add_rows(lab.table_of(name), 2500, over=2 * DAY)

    job = lab.retrain(name, force=True, reason="The prices changed")
    said = told(ask, job["id"])

    assert not job["result"]["deployed"], job
    assert "“The prices changed”" in said
    assert "A model was trained because that was asked for, whatever the check says." in said
    assert "This test is on trial: it holds no model back." in said
    if job["validation"]["verdict"] == "approved":
        assert "To replace the model in use without a person it would have to be" in said


def test_too_few_common_cases_say_what_would_decide(lab: Lab, ask: Any) -> None:
    name = served(lab)
    lab.add_rows(lab.table_of(name), 120, over=2 * DAY, noise=2)

    job = lab.retrain(name, force=True)
    said = told(ask, job["id"])

    assert job["validation"]["verdict"] == "inconclusive", job["validation"]
    figures = {gate["name"]: gate["figures"] for gate in job["validation"]["gates"]}
    missing = figures["better_than_champion"]["rows_missing"]
    assert f"About {ENGLISH.numbers.number(missing)} more new cases would decide." in said
    assert "So it was deployed." not in said


def test_a_pause_is_why_nothing_was_trained(lab: Lab, ask: Any) -> None:
    name = served(lab, cool_down="1 hour")

    job = lab.retrain(name, force=True)

    assert job["status"] == "skipped"
    assert "Postponed: the last training began at " in told(ask, job["id"])


def test_a_training_that_failed_says_why(lab: Lab, ask: Any) -> None:
    name = lab.model_type(lab.table(20))

    job = lab.retrain(name)

    assert job["status"] == "failed"
    assert "No model" not in told(ask, job["id"])
    assert "20 cases" in told(ask, job["id"])


def test_a_rollback_says_who_asked_for_it_and_why(lab: Lab, ask: Any) -> None:
    name = served(lab)
    turned_round(lab, name)
    assert lab.retrain(name)["result"]["deployed"]
    lab.store.rollback_model(name, reason="Wrong prices")

    assert "went back to version 1: “Wrong prices”" in told(ask, name)
    undone = told(ask, f"{name}@2")
    assert "It was rolled back on" in undone
    assert "It will never be deployed again" in undone


# Checks -----------------------------------------------------------------------------------------


def test_a_check_says_what_it_saw(lab: Lab, ask: Any) -> None:
    name = served(lab)
    lab.add_rows(lab.table_of(name), 600, over=2 * DAY, flipped=True)

    operation = lab.check(name)

    (result,) = operation_with_reasons(operation)["result"]["results"]
    assert result["why"][0].startswith("Right in ")
    assert "A drop this size by chance: " in result["why"][0]
    assert "which counts as proof" in result["why"][1]
    said = told(ask, operation["id"]).splitlines()
    assert said == [f"{name}: {result['why'][0]}", *result["why"][1:]]


def test_a_level_that_cannot_grow_is_told_as_such(lab: Lab, ask: Any) -> None:
    name = served(lab)
    lab.add_rows(lab.table_of(name), 3000, over=2 * DAY, flipped=True)

    operation = lab.check(name)

    (result,) = operation["result"]["results"]
    assert result["sequential"]["level"] == LARGEST_LEVEL
    assert "is 100,000 or more: above 5,000" in told(ask, operation["id"])


# What the command takes -------------------------------------------------------------------------


def test_the_job_of_the_api_says_the_same(lab: Lab, ask: Any) -> None:
    name = served(lab)
    (job,) = lab.store.list_training_jobs(model_type=name)["items"]
    shown = job_with_reasons(lab.job(job["id"]))

    found = json.loads(told(ask, job["id"], "--json"))

    assert found["kind"] == "job"
    assert found["job"]["id"] == job["id"]
    # The command knows the deployment as well.
    assert found["why"][: len(shown["why"]) - 1] == shown["why"][:-1]
    assert shown["why"][-1] == "So it was deployed."


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ("00000000-0000-4000-8000-000000000001", "There is no job, model, deployment"),
        ("nothing_of_this_name", "nothing_of_this_name"),
    ],
)
def test_what_there_is_not_is_named(ask: Any, asked: str, says: str) -> None:
    result = ask(asked)

    assert result.exit_code == 1
    assert says in result.stderr


def test_a_version_or_a_champion_that_there_is_not_is_named(lab: Lab, ask: Any) -> None:
    name = lab.model_type()

    assert f'No model of "{name}" serves production.' in ask(name).stderr
    assert f'"{name}" has no version 7.' in ask(f"{name}@7").stderr
