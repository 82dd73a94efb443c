"""Checks, validations and deployments, from the bell to what is written of them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from core.errors import NotApproved, StaleValidation
from core.worker.operations import work_on_target
from core.worker.resources import Resources
from core.worker.tasks import TargetTask
from tests.worker.lab import DAY, Lab, Row

pytestmark = pytest.mark.usefixtures("worker")


def trained(lab: Lab, model_type: str, **changes: object) -> Row:
    """A new model that nobody has judged or deployed."""
    job = lab.retrain(model_type, force=True, auto_validate=False, auto_deploy=False, **changes)
    assert job["status"] == "succeeded", job["error"]
    return lab.model(job["result"]["model_id"])


def forge_predictions(lab: Lab, digest: str) -> None:
    """The page of an artifact says that it once predicted otherwise."""
    file = lab.artifact_file(digest, "json")
    page = json.loads(file.read_text())
    swapped = {"good": "bad", "bad": "good"}
    page["recorded"]["predictions"] = [swapped[p] for p in page["recorded"]["predictions"]]
    file.write_text(json.dumps(page))


# Checks --------------------------------------------------------------------------------------


def test_a_check_finds_a_champion_healthy_and_another_degraded(lab: Lab) -> None:
    healthy, degraded = lab.model_type(), lab.model_type()
    for name in (healthy, degraded):
        lab.champion(name)
    lab.add_rows(lab.table_of(healthy), 200, over=2 * DAY, noise=0)
    lab.add_rows(lab.table_of(degraded), 200, over=2 * DAY, flipped=True)

    operation = lab.check(healthy, degraded)

    assert operation["status"] == "succeeded"
    verdicts = {r["model_type"]: r["verdict"] for r in operation["result"]["results"]}
    assert verdicts == {healthy: "healthy", degraded: "degraded"}
    assert operation["result"]["needs_retraining"] is True
    assert operation["result"]["errors"] == []
    assert set(lab.alerts(degraded)) == {"performance_degradation"}


def test_a_check_where_nothing_serves_says_that_a_training_is_needed(lab: Lab) -> None:
    name = lab.model_type()

    (result,) = lab.check(name)["result"]["results"]

    assert (result["verdict"], result["needs_retraining"]) == ("insufficient_data", True)
    assert result["model_id"] is None
    assert lab.rows("select * from ml_performance_metrics where model_type = %s", name) == []


def test_an_update_measures_the_champion_and_the_quality_of_its_window(lab: Lab) -> None:
    name = lab.model_type()
    lab.champion(name)
    lab.rows(
        "update ml_model_deployments set created_at = created_at - interval '2 days' "
        "where model_type = %s returning id",
        name,
    )
    written = "select * from ml_training_data_quality where model_type = %s"
    before = lab.rows(written, name)

    (ring,) = lab.store.request_due_updates("ticker")
    lab.ended_operation(UUID(ring["id"]))

    (metric,) = lab.rows("select * from ml_performance_metrics where model_type = %s", name)
    assert metric["operation_id"] == UUID(ring["id"])
    assert len(lab.rows(written, name)) == len(before) + 1


def test_a_request_chooses_its_own_threshold_and_window(lab: Lab) -> None:
    name = lab.model_type()
    lab.champion(name)
    lab.add_rows(lab.table_of(name), 300, over=3 * DAY)

    operation = lab.check(name, threshold=0.5, time_window=1)

    (result,) = operation["result"]["results"]
    assert (result["threshold"], result["time_window"], result["samples"]) == (0.5, 1, 100)


def test_one_broken_model_type_does_not_stop_the_others(lab: Lab) -> None:
    broken, sound = lab.model_type(), lab.model_type()
    for name in (broken, sound):
        lab.champion(name)
        lab.add_rows(lab.table_of(name), 200, over=2 * DAY, noise=0)
    lab.owner.execute(f"drop table {lab.table_of(broken)}")

    operation = lab.check(broken, sound)

    assert operation["status"] == "succeeded"
    (result,) = operation["result"]["results"]
    assert (result["model_type"], result["verdict"]) == (sound, "healthy")
    (error,) = operation["result"]["errors"]
    assert (error["model_type"], error["type"]) == (broken, "data")
    assert lab.table_of(broken) in error["detail"]


def test_a_check_of_broken_model_types_alone_fails(lab: Lab) -> None:
    name = lab.model_type()
    lab.champion(name)
    lab.owner.execute(f"drop table {lab.table_of(name)}")

    operation = lab.check(name)

    assert (operation["status"], operation["error"]["type"]) == ("failed", "data")


def test_a_champion_that_predicts_otherwise_than_once_is_told_and_retrained(lab: Lab) -> None:
    name = lab.model_type()
    champion = lab.champion(name)
    forge_predictions(lab, champion["artifact_hash"])
    lab.add_rows(lab.table_of(name), 200, over=2 * DAY)

    operation = lab.check(name)

    (result,) = operation["result"]["results"]
    assert "no longer gives the predictions" in result["artifact_mismatch"]
    assert "scikit-learn" in result["artifact_mismatch"]
    alert = lab.row(
        "select * from ml_alerts where model_type = %s and kind = 'artifact_mismatch'", name
    )
    assert alert["message"] == result["artifact_mismatch"]
    job = lab.row("select * from ml_training_jobs where model_type = %s and force", name)
    assert job["trigger"] == "artifact"
    # That retraining, which finds it again, does not ask for another one.
    assert lab.ended_job(job["id"])["status"] == "succeeded"
    assert len(lab.rows("select * from ml_training_jobs where model_type = %s", name)) == 2


# Validations ---------------------------------------------------------------------------------


def test_what_was_only_trained_is_judged_then_deployed_when_asked(lab: Lab) -> None:
    name = lab.model_type()
    model = trained(lab, name)
    assert (model["status"], model["final_artifact_hash"]) == ("candidate", None)
    with pytest.raises(NotApproved):
        lab.deploy(model_ids=[model["id"]])

    (judgement,) = lab.validate(model_ids=[model["id"]])["result"]["results"]
    (deployment,) = lab.deploy(model_types=[name])["result"]["deployments"]

    assert judgement["verdict"] == "approved"
    assert judgement["final_fit"]["gate"]["passed"] is True
    model = lab.model(model["id"])
    assert model["final_artifact_hash"] == judgement["final_fit"]["artifact_hash"]
    assert (deployment["model_id"], deployment["serves"]) == (str(model["id"]), "final_fit")
    assert deployment["artifact_hash"] == model["final_artifact_hash"]
    page = lab.artifacts.read_metadata(model["final_artifact_hash"])
    assert (page["fit"], page["fingerprint"]["rows"]) == ("final_fit", 800)


def test_without_a_final_fit_the_deployment_serves_the_approved_one(lab: Lab) -> None:
    name = lab.model_type(final_fit=False)
    model = trained(lab, name)

    (judgement,) = lab.validate(model_types=[name])["result"]["results"]
    (deployment,) = lab.deploy(model_types=[name])["result"]["deployments"]

    assert "final_fit" not in judgement
    assert deployment["serves"] == "approved_fit"
    assert deployment["artifact_hash"] == model["artifact_hash"]


def test_rows_that_came_and_went_since_the_training_do_no_harm(lab: Lab) -> None:
    name = lab.model_type()
    table = lab.table_of(name)
    model = trained(lab, name)
    lab.owner.execute(f"delete from {table} where id in (3, 5, 8, 790, 795)")
    lab.add_rows(table, 100, over=2 * DAY)

    (judgement,) = lab.validate(model_ids=[model["id"]])["result"]["results"]

    assert judgement["verdict"] == "approved"
    assert judgement["samples"] == model["plan"]["holdout_rows"] - 2 + 100
    page = lab.artifacts.read_metadata(judgement["final_fit"]["artifact_hash"])
    assert page["fingerprint"]["rows"] == 795
    assert page["plan"]["holdout_rows"] == model["plan"]["holdout_rows"] - 2


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("delete from {}", "learnt from is left"),
        ("delete from {} where id > 500", "nothing to judge it by"),
    ],
)
def test_without_rows_there_is_no_judgement(lab: Lab, statement: str, said: str) -> None:
    name = lab.model_type()
    model = trained(lab, name)
    lab.owner.execute(statement.format(lab.table_of(name)))

    operation = lab.validate(model_ids=[model["id"]])

    assert (operation["status"], operation["error"]["type"]) == ("failed", "data")
    assert said in operation["error"]["detail"]
    assert lab.model(model["id"])["status"] == "candidate"


def test_a_refit_uses_the_settings_that_were_trained_with(lab: Lab) -> None:
    name = lab.model_type(engine_parameters={"C": 0.5})
    model = trained(lab, name)
    lab.store.update_model_type(
        name, {"engine": "gradient_boosting", "engine_parameters": {}, "feature_columns": ["size"]}
    )

    (judgement,) = lab.validate(model_ids=[model["id"]])["result"]["results"]

    page = lab.artifacts.read_metadata(judgement["final_fit"]["artifact_hash"])
    assert (page["engine"], page["parameters"]["C"]) == ("linear", 0.5)
    assert page["settings"]["feature_columns"] == ["size", "colour"]
    assert lab.deploy(model_types=[name])["status"] == "succeeded"


def test_a_judgement_against_an_earlier_champion_is_stale(lab: Lab) -> None:
    name = lab.model_type(lab.table(400))
    lab.champion(name)
    lab.add_rows(lab.table_of(name), 1600, over=2.5 * DAY, flipped=True)
    first, second = trained(lab, name), trained(lab, name)
    lab.validate(model_ids=[first["id"], second["id"]])
    lab.deploy(model_ids=[first["id"]])

    with pytest.raises(StaleValidation):
        lab.deploy(model_ids=[second["id"]])
    (judgement,) = lab.validate(model_ids=[second["id"]])["result"]["results"]

    (champion,) = lab.rows(
        "select champion_deployment_id from ml_model_validations where id = %s",
        judgement["validation_id"],
    )
    assert champion["champion_deployment_id"] == lab.champion(name)["id"]


def test_the_champion_itself_may_be_judged_again(lab: Lab) -> None:
    name = lab.model_type()
    champion = lab.champion(name)

    (judgement,) = lab.validate(model_ids=[champion["model_id"]])["result"]["results"]

    assert judgement["verdict"] == "approved"
    assert judgement["improvement"] is None
    assert judgement["reason"].startswith("The champion itself: ")
    (compared,) = [g for g in judgement["gates"] if g["name"] == "better_than_champion"]
    assert "the champion itself, not compared with itself" in compared["detail"]


# Deployments ---------------------------------------------------------------------------------


def test_a_model_that_does_not_repeat_its_predictions_is_not_deployed(lab: Lab) -> None:
    name = lab.model_type()
    champion = lab.champion(name)
    lab.add_rows(lab.table_of(name), 300, over=2 * DAY)
    model = trained(lab, name)
    forge_predictions(lab, model["artifact_hash"])

    operation = lab.deploy(model_ids=[model["id"]], force=True)

    assert (operation["status"], operation["error"]["type"]) == ("failed", "artifact")
    assert operation["error"]["status"] == 500
    assert "does not give the predictions" in operation["error"]["detail"]
    assert lab.champion(name)["id"] == champion["id"]


def test_a_deployment_says_which_artifact_was_looked_at(lab: Lab) -> None:
    name = lab.model_type()
    lab.champion(name)
    lab.add_rows(lab.table_of(name), 300, over=2 * DAY)
    model = trained(lab, name)
    # Not rung for: this test is its worker.
    operation_id = lab.store.request_deployment(model_ids=[model["id"]], force=True)
    operation = lab.store.claim_operation(operation_id, "here:1:1")
    assert operation is not None
    resources = Resources(
        database_url=lab.database_url,
        artifacts_url=lab.artifacts_url,
        s3_endpoint_url=None,
        engines=(),
        trusted_types=(),
    )
    task = TargetTask(operation=operation, target=operation.targets[0], resources=resources)

    result = work_on_target(task, lambda _: None)

    lab.store.finish_operation(operation, {"status": "cancelled"})
    assert result["artifact_hash"] == model["artifact_hash"]


def test_a_champion_is_deployed_again_without_a_change(lab: Lab) -> None:
    name = lab.model_type()
    champion = lab.champion(name)

    (deployment,) = lab.deploy(model_ids=[champion["model_id"]])["result"]["deployments"]

    assert (deployment["id"], deployment["changed"]) == (str(champion["id"]), False)


def test_a_replayed_check_only_sees_what_was_known_then(lab: Lab) -> None:
    name = lab.model_type(lab.table(800, newest=20 * DAY), replay=True)
    then = datetime.now(UTC) - timedelta(days=20)
    job = lab.retrain(name, as_of=then)
    assert job["result"]["deployed"] is True, job
    lab.add_rows(lab.table_of(name), 1000, over=20 * DAY, flipped=True)

    (result,) = lab.check(name, as_of=then + 2 * DAY)["result"]["results"]

    assert 95 <= result["samples"] <= 100
    assert result["verdict"] == "degraded"
    assert UUID(result["deployment_id"]) == lab.champion(name)["id"]
