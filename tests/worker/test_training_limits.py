"""Cool-down and budget, as a worker keeps to them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.worker.lab import Lab

pytestmark = pytest.mark.usefixtures("worker")


def test_a_training_within_the_cool_down_is_skipped_with_what_was_found_before(lab: Lab) -> None:
    name = lab.model_type(cool_down="1 hour")
    champion = lab.champion(name)

    job = lab.retrain(name, force=True)

    assert job["status"] == "skipped", job
    assert job["skip_reason"].startswith("cool_down: the last training began at ")
    assert job["skip_figures"]["kind"] == "cool_down"
    # It had checked the champion and looked at the rows; no model was made.
    assert job["check_result"]["deployment_id"] == str(champion["id"])
    assert job["fingerprint"]["rows"] > 0
    assert lab.row("select count(*) as n from ml_models where model_type = %s", name)["n"] == 1
    quality = "select from ml_training_data_quality where training_job_id = %s"
    assert len(lab.rows(quality, job["id"])) == 1


def test_override_limits_trains_within_the_cool_down(lab: Lab) -> None:
    name = lab.model_type(cool_down="1 hour")
    lab.champion(name)

    job = lab.retrain(name, force=True, override_limits=True)

    assert job["status"] == "succeeded", job


def test_a_healthy_champion_costs_no_budget(lab: Lab) -> None:
    name = lab.model_type(monthly_retraining_budget=2)
    lab.champion(name)
    for _ in range(2):
        healthy = lab.retrain(name)
        assert (healthy["status"], healthy["skip_figures"]) == ("skipped", {"kind": "not_needed"})

    forced = [lab.retrain(name, force=True) for _ in range(2)]

    assert [job["status"] for job in forced] == ["succeeded", "skipped"]
    assert forced[1]["skip_reason"].startswith("monthly_retraining_budget: 2 of 2")


def test_rows_that_are_not_fit_cost_no_budget(lab: Lab) -> None:
    name = lab.model_type(lab.table(10), monthly_retraining_budget=1, cool_down="1 hour")

    assert lab.retrain(name, force=True)["status"] == "failed"

    lab.add_rows(lab.table_of(name), 800, until=datetime.now(UTC) - timedelta(days=1))
    assert lab.retrain(name, force=True)["status"] == "succeeded"
