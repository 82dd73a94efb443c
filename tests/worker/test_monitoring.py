"""Watching a champion from check to check: what each leaves behind, and what an attempt changes."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from core.domain import ClaimedOperation, MonitorState
from core.worker.operations import work_on_target
from core.worker.plain_json import plain_json
from core.worker.resources import Resources
from core.worker.tasks import TargetTask
from tests.worker.lab import DAY, Lab, Row, eventually

ENGINES = """
import os, time

def make_nothing_and_die():
    while os.path.exists(os.path.join(os.path.dirname(__file__), "held")):
        time.sleep(0.05)
    os._exit(1)
"""
DIES = "dying_engines:make_nothing_and_die"

pytestmark = pytest.mark.usefixtures("worker")


@pytest.fixture(scope="module")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the dying engine: while it holds a file ``held`` the engine lives on."""
    folder: Path = tmp_path_factory.mktemp("dying_engines")
    (folder / "dying_engines.py").write_text(ENGINES)
    return folder


@pytest.fixture(scope="module")
def variables(engines: Path) -> dict[str, str]:
    return {"PYTHONPATH": str(engines), "REFIT_ENGINES": DIES}


def watched(lab: Lab, **changes: Any) -> str:
    """A model type whose champion was held out on enough rows for the sequential test."""
    name = lab.model_type(lab.table(2600), **changes)
    lab.champion(name)
    return name


def check(lab: Lab, name: str, **changes: Any) -> Row:
    operation = lab.check(name, **changes)
    assert operation["status"] == "succeeded", operation
    (result,) = operation["result"]["results"]
    return dict(result)


def left_behind(lab: Lab, name: str) -> MonitorState | None:
    """The newest state of the champion of now."""
    rows = lab.rows(
        "select s.* from private.detector_state as s "
        "inner join ml_model_deployments as d on d.id = s.deployment_id "
        "where d.model_type = %s and d.status = 'active'",
        name,
    )
    return MonitorState.from_row(rows[0] | seen_until(rows[0])) if rows else None


def seen_until(row: Row) -> Row:
    return {"seen_until": row["seen_until"].isoformat()}


def kept(lab: Lab, name: str) -> MonitorState:
    found = left_behind(lab, name)
    assert found is not None
    return found


# From check to check ----------------------------------------------------------------------------


def test_each_label_counts_once_however_often_it_is_seen(lab: Lab) -> None:
    name = watched(lab)
    assert left_behind(lab, name) is None
    lab.add_rows(lab.table_of(name), 300, over=2 * DAY)

    first, again = check(lab, name), check(lab, name)

    assert (first["sequential"]["new_labels"], first["sequential"]["labels"]) == (300, 300)
    assert (again["sequential"]["new_labels"], again["sequential"]["labels"]) == (0, 300)
    assert again["sequential"]["level"] == pytest.approx(first["sequential"]["level"])
    assert (first["counts"], kept(lab, name).revision) == (True, 2)


def test_a_job_counts_on_where_the_checks_have_stopped(lab: Lab) -> None:
    name = watched(lab)
    lab.add_rows(lab.table_of(name), 200, over=2 * DAY, until=datetime.now(UTC) - DAY / 2, noise=0)
    check(lab, name)
    lab.add_rows(lab.table_of(name), 50, over=DAY / 4, noise=0)

    job = lab.retrain(name)

    assert job["status"] == "skipped"
    test = job["check_result"]["sequential"]
    assert (test["new_labels"], test["labels"]) == (50, 250)
    assert "monitor" not in job["check_result"]
    assert kept(lab, name).revision == 2


def test_a_question_about_the_past_is_answered_and_changes_nothing(lab: Lab) -> None:
    name = watched(lab, replay=True)
    lab.add_rows(lab.table_of(name), 300, over=2 * DAY, flipped=True)
    check(lab, name, as_of=datetime.now(UTC))
    before = kept(lab, name)
    lab.rows("update ml_alerts set status = 'resolved', resolved_at = now() returning id")

    result = check(lab, name, as_of=datetime.now(UTC) - DAY)

    assert result["counts"] is False
    assert result["samples"] > 0
    assert kept(lab, name) == before
    assert lab.alerts(name) == {}


@pytest.mark.parametrize("own", [{"threshold": 0.5}, {"time_window": 2}])
def test_a_question_of_its_own_is_answered_and_changes_nothing(lab: Lab, own: Row) -> None:
    name = watched(lab)
    lab.add_rows(lab.table_of(name), 200, over=2 * DAY, noise=0)

    result = check(lab, name, **own)

    assert (result["counts"], left_behind(lab, name)) == (False, None)
    assert result["samples"] > 100


def test_an_alarm_opens_an_alert_that_closes_once_another_model_serves(lab: Lab) -> None:
    name = watched(lab)
    lab.add_rows(lab.table_of(name), 1600, over=2.5 * DAY, flipped=True)

    result = check(lab, name)
    assert (result["verdict"], result["alarm"]) == ("degraded", True)
    assert result["sequential"]["level"] >= result["sequential"]["alarm_at"]
    assert set(lab.alerts(name)) == {"performance_degradation"}
    lab.store.update_model_type(name, {"training_window": "3 days"})
    job = lab.retrain(name)
    assert job["result"]["deployed"] is True, job

    assert lab.alerts(name) == {}
    assert left_behind(lab, name) is None
    validation = lab.store.get_training_job(job["id"])["validation"]
    assert (validation["alarm"], validation["holdout_use"]) == (True, 1)


def test_drift_is_kept_window_by_window(lab: Lab) -> None:
    name = watched(lab)
    table = lab.table_of(name)
    lab.add_rows(table, 1200, over=2 * DAY)
    lab.rows(f"update {table} set size = size + 2 where id > 2600 returning id")

    result = check(lab, name)
    again = check(lab, name)

    assert result["drift"]["alarm"] is True
    assert result["drift"]["starts_training"] is False
    moved = {c["column"] for c in result["drift"]["features"] if c["severity"] != "none"}
    assert moved == {"size"}
    assert again["drift"] is None
    shown = lab.store.get_monitoring(name)
    assert [w["window_end"] for w in shown["drift"]] == [result["drift"]["window_end"]]
    assert len(shown["levels"]) == 2


def test_a_model_of_before_there_were_profiles_is_judged_by_its_labels(lab: Lab) -> None:
    name = watched(lab)
    lab.add_rows(lab.table_of(name), 600, over=2 * DAY, noise=0)
    digest = lab.champion(name)["artifact_hash"]
    file = lab.artifact_file(digest, "json")
    page = json.loads(file.read_text())
    assert set(page.pop("profile")["features"]) == {"size", "colour"}
    file.write_text(json.dumps(page))

    result = check(lab, name)

    assert (result["verdict"], result["sequential"]["labels"]) == ("healthy", 600)
    assert (result["drift"], result["estimate"]) == (None, None)
    assert "before Refit kept a profile" in result["drift_missing"]
    assert kept(lab, name).revision == 1


def test_a_profile_that_cannot_be_read_is_said_to_be_missing(lab: Lab) -> None:
    name = watched(lab)
    digest = lab.champion(name)["artifact_hash"]
    file = lab.artifact_file(digest, "json")
    page = json.loads(file.read_text())
    page["profile"]["of_another_version"] = True
    file.write_text(json.dumps(page))

    assert "cannot be read" in check(lab, name)["drift_missing"]


def test_rows_without_a_label_lower_the_coverage_that_is_usual(lab: Lab) -> None:
    table = lab.table(4200)
    lab.rows(f"update {table} set label = null where mod(id, 3) = 0 returning id")
    name = lab.model_type(table)
    lab.champion(name)
    lab.add_rows(table, 600, over=2 * DAY)
    lab.rows(f"update {table} set label = null where id > 4200 and mod(id, 3) = 0 returning id")

    result = check(lab, name)

    assert result["maturity"]["coverage_needed"] == pytest.approx(0.8 * 2 / 3, abs=0.02)
    assert result["maturity"]["coverage"] == pytest.approx(2 / 3, abs=0.02)
    assert result["sequential"]["labels"] == 400


def test_without_a_profile_the_rows_of_before_the_training_tell_the_usual_coverage(
    lab: Lab,
) -> None:
    table = lab.table(4200)
    lab.rows(f"update {table} set label = null where mod(id, 3) = 0 returning id")
    name = lab.model_type(table)
    file = lab.artifact_file(lab.champion(name)["artifact_hash"], "json")
    page = json.loads(file.read_text())
    del page["profile"]
    file.write_text(json.dumps(page))
    lab.add_rows(table, 600, over=2 * DAY, noise=0)
    lab.rows(f"update {table} set label = null where id > 4200 and mod(id, 3) = 0 returning id")

    result = check(lab, name)

    assert result["maturity"]["coverage_needed"] == pytest.approx(0.8 * 2 / 3, abs=0.02)
    assert result["maturity"]["coverage"] == pytest.approx(2 / 3, abs=0.02)
    assert (result["verdict"], result["sequential"]["labels"]) == ("healthy", 400)


# Attempts ---------------------------------------------------------------------------------------


def test_an_attempt_starts_the_count_to_the_next_one_anew_and_no_other(lab: Lab) -> None:
    name = watched(lab)
    lab.add_rows(lab.table_of(name), 1200, over=2.5 * DAY, flipped=True)
    asked = check(lab, name)
    assert asked["needs_retraining"] is True

    job = lab.retrain(name, auto_deploy=False)
    assert (job["status"], job["result"]["deployed"]) == ("succeeded", False)
    after = check(lab, name)

    assert asked["sequential"]["attempt_level"] >= 1000
    assert after["sequential"]["attempt_level"] < 1
    assert after["sequential"]["level"] == pytest.approx(asked["sequential"]["level"])
    assert (after["alarm"], after["needs_retraining"]) == (True, False)
    assert set(lab.alerts(name)) == {"performance_degradation"}


def test_a_training_that_breaks_off_was_an_attempt_too(lab: Lab) -> None:
    name = watched(lab)
    lab.add_rows(lab.table_of(name), 1200, over=2.5 * DAY, flipped=True)
    lab.store.update_model_type(name, {"engine": DIES})

    job = lab.retrain(name)
    after = check(lab, name)

    assert job["status"] == "failed"
    assert job["check_result"]["needs_retraining"] is True
    assert (after["alarm"], after["sequential"]["attempt_level"] < 1) == (True, True)


def test_an_attempt_counts_though_checks_ended_while_the_training_went_on(
    lab: Lab, engines: Path
) -> None:
    name = watched(lab)
    lab.add_rows(lab.table_of(name), 1200, over=2.5 * DAY, flipped=True)
    lab.store.update_model_type(name, {"engine": DIES})
    before = lab.store.claim_operation(lab.store.request_check(model_types=[name]), "tester")
    assert before is not None
    (engines / "held").touch()

    job_id = lab.ask_for_training(name)
    eventually(lambda: lab.job(job_id)["training_begun_at"])
    during = lab.store.claim_operation(lab.store.request_check(model_types=[name]), "tester")
    assert during is not None
    finish(lab, before)
    (engines / "held").unlink()
    job = lab.ended_job(job_id)
    finish(lab, during)
    after = check(lab, name)

    assert job["status"] == "failed"
    assert job["check_result"]["needs_retraining"] is True
    assert kept(lab, name).revision == 2  # of the first check to end, and of the last one
    assert (after["sequential"]["labels"], after["sequential"]["new_labels"]) == (1200, 0)
    assert (after["alarm"], after["needs_retraining"]) == (True, False)
    assert after["sequential"]["attempt_level"] < 1


def finish(lab: Lab, operation: ClaimedOperation) -> None:
    """Do a check that somebody has claimed, and end it."""
    result = plain_json(work_on_target(task_of(lab, operation), lambda _: None))
    lab.store.finish_operation(operation, {"status": "succeeded", "results": [result]})


def test_a_training_of_the_past_goes_by_the_strict_rule(lab: Lab) -> None:
    name = watched(lab, replay=True)
    lab.add_rows(lab.table_of(name), 1200, over=2.5 * DAY, flipped=True)
    now = datetime.now(UTC)
    assert check(lab, name, as_of=now)["alarm"] is True
    before = kept(lab, name)

    past = check(lab, name, as_of=now - DAY / 4)
    job = lab.retrain(name, as_of=now - DAY / 4, auto_deploy=False)

    assert (past["verdict"], past["sequential"]) == ("degraded", None)
    assert (past["needs_retraining"], past["alarm"], past["counts"]) == (True, False, False)
    assert job["status"] == "succeeded", job["error"]
    assert job["check_result"]["alarm"] is False
    validation = lab.store.get_training_job(job["id"])["validation"]
    assert (validation["alarm"], validation["rule"] == "not_worse") == (False, False)
    assert kept(lab, name) == before


def test_a_training_that_may_not_begin_was_none(lab: Lab) -> None:
    name = watched(lab, cool_down="30 days")
    lab.add_rows(lab.table_of(name), 1200, over=2.5 * DAY, flipped=True)

    job = lab.retrain(name)
    after = check(lab, name)

    assert job["status"] == "skipped"
    assert after["sequential"]["attempt_level"] >= 1000
    assert after["needs_retraining"] is True


# Trainings --------------------------------------------------------------------------------------


def test_both_fits_have_the_profile_and_the_gates_what_serving_costs(lab: Lab) -> None:
    name = lab.model_type(latency_budget_ms=5000, size_budget_mb=0.000001)

    job = lab.retrain(name)

    model = lab.model(job["result"]["model_id"])
    assert "profile" not in model["plan"]
    gates = {g["name"]: g for g in lab.store.get_training_job(job["id"])["validation"]["gates"]}
    assert (gates["latency"]["passed"], gates["size"]["passed"]) == (True, False)
    assert 0 < gates["latency"]["value"] < 5000
    page = lab.artifacts.read_metadata(model["artifact_hash"])
    assert page["profile"]["rows"] == model["plan"]["train_rows"] + model["plan"]["holdout_rows"]
    assert job["result"]["deployed"] is False

    good = lab.model_type()
    final = lab.artifacts.read_metadata(lab.champion(good)["artifact_hash"])
    assert final["fit"] == "final_fit"
    assert set(final["profile"]["features"]) == {"size", "colour"}


def test_rows_that_judge_again_are_judged_by_more_strictly_and_the_same_model_as_before(
    lab: Lab,
) -> None:
    name = watched(lab)
    lab.add_rows(lab.table_of(name), 600, over=2 * DAY)
    first = lab.retrain(name, force=True, auto_deploy=False)
    lab.store.update_model_type(name, {"engine": "random_forest"})
    second = lab.retrain(name, force=True, auto_deploy=False)

    operation = lab.validate(job_ids=[first["id"], second["id"]])

    again = {r["model_id"]: r for r in operation["result"]["results"]}
    for use, job in ((1, first), (2, second)):
        before = lab.store.get_training_job(job["id"])["validation"]
        after = again[job["result"]["model_id"]]
        assert (before["holdout_use"], after["holdout_use"]) == (use, use)
        assert after["alpha"] == pytest.approx(0.05 * 6 / (3.141592653589793**2 * use**2))
        assert after["confidence_interval"] == pytest.approx(before["confidence_interval"])
    rows = lab.rows(
        "select v.holdout_use, h.holdout_start, h.holdout_end from private.holdout_ledger as h "
        "inner join ml_model_validations as v on v.id = h.validation_id "
        "where v.model_type = %s and v.champion_deployment_id is not null order by h.id",
        name,
    )
    assert [row["holdout_use"] for row in rows] == [1, 2]


def test_an_incremental_engine_goes_on_from_the_champion(lab: Lab) -> None:
    name = watched(lab, engine="incremental_linear")
    lab.add_rows(lab.table_of(name), 1200, over=2 * DAY)

    job = lab.retrain(name, force=True)

    assert job["status"] == "succeeded", job["error"]
    assert job["plan"]["figures"]["continued"]["rows"] > 0
    assert "goes on learning" in job["plan"]["reason"]


def test_a_check_reads_and_predicts_but_writes_nothing_itself(lab: Lab) -> None:
    name = watched(lab)
    lab.add_rows(lab.table_of(name), 300, over=2 * DAY)
    operation = lab.store.claim_operation(lab.store.request_check(model_types=[name]), "tester")
    assert operation is not None
    result = work_on_target(task_of(lab, operation), lambda _: None)

    assert result["monitor"]["revision_read"] is None
    assert result["monitor"]["seen_until"] == operation.evaluated_at
    assert left_behind(lab, name) is None
    lab.store.release_operation(operation)


def task_of(lab: Lab, operation: ClaimedOperation) -> TargetTask:
    resources = Resources(
        database_url=lab.database_url,
        artifacts_url=lab.artifacts_url,
        s3_endpoint_url=None,
        engines=(),
        trusted_types=(),
        metrics=(),
    )
    return TargetTask(operation=operation, target=operation.targets[0], resources=resources)
