"""What really happened in a database, told from the rows that the API reads."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from core.domain import OperationKind, Role
from core.explanations.alerts import explain_alert, what_to_do
from core.explanations.audit import explain_audit
from core.explanations.checks import explain_check
from core.explanations.deployments import explain_deployment
from core.explanations.jobs import asked_by, explain_job
from core.explanations.words import ENGLISH
from tests.database.factories import Row, Scene, check_of, judgement, trained_model

COMPARED = "accuracy 0.85 against 0.8 of the champion on 600 rows: 0.050 better (90 % …)."


def job(scene: Scene, job_id: UUID | str) -> Row:
    return scene.store.get_training_job(UUID(str(job_id)))


def told(scene: Scene, job_id: UUID | str) -> str:
    return explain_job(ENGLISH, job(scene, job_id))


def finish(scene: Scene, outcome: Row, **changes: Any) -> Row:
    claimed = scene.running_job(**changes)
    return scene.store.finish_training_job(claimed, outcome)


def skipped_by(refusal: Row) -> Row:
    """The outcome of a job that a limit refused, as a worker writes it."""
    return {
        "status": "skipped",
        "skip_reason": refusal["reason"],
        "skip_figures": refusal["figures"],
    }


def compared(passed: bool = True, value: float = 0.05) -> list[Row]:
    """The gates of a judgement whose comparison decides."""
    figures = {"metric": "accuracy", "outcome": "as_good" if passed else "worse", "samples": 600}
    return [{"name": "better_than_champion", "passed": passed, "value": value, "figures": figures}]


def test_a_job_is_told_from_its_queue_to_its_end(scene: Scene) -> None:
    scene.model_type()
    queued = scene.queued_job()
    assert told(scene, queued).startswith("It has been waiting for a free worker since ")
    assert asked_by(ENGLISH, job(scene, queued)) == "the key “an admin's key”"
    claimed = scene.store.claim_training_job(queued, "worker-1")
    assert claimed is not None
    assert told(scene, queued).startswith("Checking the model in use. Running since ")
    scene.store.cancel_job(queued)
    assert told(scene, queued).endswith("It was asked to stop.")
    scene.store.finish_training_job(claimed, {"status": "cancelled"})
    assert told(scene, queued) == "It was cancelled before it finished."
    somebody = {"kind": "user", "name": "anna@example.org"}
    said = explain_job(ENGLISH, job(scene, queued), cancelled_by=somebody)
    assert said == "It was cancelled by anna@example.org."


def test_a_healthy_model_is_why_a_job_did_not_train(scene: Scene) -> None:
    scene.model_type()
    champion = scene.champion()
    check = check_of(champion, "healthy", current=0.79, degradation=0.01, p_value=0.3)
    skipped = {"status": "skipped", "skip_reason": check["reason"]}
    ended = finish(scene, skipped | {"check": check, "skip_figures": {"kind": "not_needed"}})
    assert told(scene, ended["id"]) == (
        "No training was needed. Right in 79% of 500 new cases, compared with 80%. "
        "It is about as good as before: 1 point worse, too little to matter."
    )


def test_cool_down_and_budget_are_told_with_their_times(scene: Scene) -> None:
    scene.model_type(cool_down="1 hour")
    first = scene.running_job(force=True)
    assert scene.store.begin_training(first)["allowed"]
    scene.store.finish_training_job(first, {"status": "cancelled"})
    second = scene.running_job(force=True)
    ended = scene.store.finish_training_job(second, skipped_by(scene.store.begin_training(second)))
    sentence = told(scene, ended["id"])
    assert sentence.startswith("Postponed: the last training began at ")
    assert sentence.count("UTC") == 2
    assert sentence.endswith(
        "Refit waits 1 hour between two trainings of a model; the setting is “Least time "
        "between two trainings”."
    )
    scene.store.update_model_type("churn", {"cool_down": "0", "monthly_retraining_budget": 1})
    third = scene.running_job(force=True)
    ended = scene.store.finish_training_job(third, skipped_by(scene.store.begin_training(third)))
    sentence = told(scene, ended["id"])
    assert sentence.startswith("Postponed: 1 of the 1 trainings of this month are used up; ")


def test_a_better_model_is_told_with_how_much_better_it_is(scene: Scene) -> None:
    scene.model_type()
    champion = scene.champion()
    better = judgement(
        champion_deployment_id=str(champion["id"]), reason=COMPARED, gates=compared()
    )
    outcome = {"status": "succeeded", "model": trained_model("better"), "validation": better}
    ended = finish(scene, outcome, force=True)
    assert told(scene, ended["id"]) == (
        "Version 2 was trained. It passed every test and is 5 points better than the model in "
        "use. So it was deployed."
    )
    history = scene.store.list_training_jobs(limit=1)["items"][0]
    assert explain_job(ENGLISH, history) == told(scene, ended["id"])
    deployment = scene.store.list_deployments(limit=1)["items"][0]
    validation = job(scene, ended["id"])["validation"]
    assert explain_deployment(ENGLISH, deployment, validation=validation) == (
        "Version 2 was deployed automatically: it was 5 points better than the model before it."
    )


def test_what_was_not_deployed_says_why(scene: Scene) -> None:
    scene.model_type()
    champion = scene.champion()
    waits = judgement(champion_deployment_id=str(champion["id"]), reason=COMPARED)
    outcome = {"status": "succeeded", "model": trained_model("b"), "validation": waits}
    ended = finish(scene, outcome, auto_deploy=False, force=True)
    assert told(scene, ended["id"]).endswith("It is waiting for somebody to deploy it.")
    outcome = {"status": "succeeded", "model": trained_model("c")}
    ended = finish(scene, outcome, auto_validate=False, auto_deploy=False, force=True)
    assert told(scene, ended["id"]) == "Version 3 was trained. It has not been tested yet."
    worse = judgement(
        "rejected",
        champion_deployment_id=str(champion["id"]),
        improvement=-0.04,
        gates=compared(passed=False, value=-0.04),
    )
    outcome = {"status": "succeeded", "model": trained_model("d"), "validation": worse}
    ended = finish(scene, outcome, force=True)
    assert "It did not pass. It is 4 points worse than the model in use" in told(scene, ended["id"])
    stale = judgement(champion_deployment_id=None, reason=COMPARED)
    outcome = {"status": "succeeded", "model": trained_model("e"), "validation": stale}
    ended = finish(scene, outcome, force=True)
    assert told(scene, ended["id"]).endswith(
        "It could not be deployed. Another model was deployed after the new one was tested, so "
        "the test no longer counts."
    )


def test_a_failure_is_told_with_what_mends_it_and_its_alert_says_the_same(scene: Scene) -> None:
    scene.model_type()
    detail = "12 labelled rows; 100 are needed."
    error = {"type": "data", "status": 422, "detail": detail}
    ended = finish(scene, {"status": "failed", "error": error}, force=True)
    assert told(scene, ended["id"]) == (
        "The outcome of only 12 cases is known; 100 are needed. Ask whoever looks after the data "
        "to fix it; then try again."
    )
    (alert,) = scene.store.list_alerts()["items"]
    assert explain_alert(ENGLISH, alert) == "The outcome of only 12 cases is known; 100 are needed."
    assert "data" in what_to_do(ENGLISH, alert["kind"])


def test_a_drop_is_told_by_the_metric_and_by_its_alert(scene: Scene) -> None:
    scene.model_type()
    champion = scene.champion()
    check = check_of(champion, reason="accuracy 0.7 on 500 rows, 0.8 at deployment; …")
    finish(scene, {"status": "cancelled", "check": check})
    (metric,) = scene.store.list_metrics()["items"]
    assert explain_check(ENGLISH, metric) == (
        "Right in 70% of 500 new cases, compared with 80%. That is 10 points worse. "
        "A drop this size by chance: 1 in 2,500."
    )
    (alert,) = scene.store.list_alerts()["items"]
    assert explain_alert(ENGLISH, alert) == (
        "The model is right in 70% of 500 new cases, compared with 80%."
    )
    scene.store.acknowledge_alert(UUID(alert["id"]))
    (alert,) = scene.store.list_alerts()["items"]
    assert explain_alert(ENGLISH, alert).endswith("The key “an admin's key” is looking after it.")


def test_going_back_and_deploying_by_hand_name_who_did_it_and_why(scene: Scene) -> None:
    scene.model_type()
    scene.champion()
    model = scene.challenger()
    scene.deploy(model["id"], reason="A new season.")
    scene.as_role(Role.ADMIN).rollback_model("churn", reason="Wrong prices")
    back, by_hand, first = scene.store.list_deployments()["items"]
    validation = scene.row("select * from ml_model_validations where model_id = %s", model["id"])
    assert explain_deployment(ENGLISH, by_hand, validation=validation).startswith(
        "The key “an admin's key” deployed version 2: “A new season.” It was rolled back on "
    )
    assert explain_deployment(ENGLISH, back) == (
        "The key “the admin's key” went back to version 1: “Wrong prices”"
    )
    assert " It was replaced on " in explain_deployment(ENGLISH, first)


def test_the_audit_log_reads_as_a_story(scene: Scene) -> None:
    scene.model_type()
    scene.champion()
    scene.running_operation(OperationKind.CHECK, model_types=["churn"])
    scene.as_user("operator").trigger_retraining(model_types=["churn"])
    rows = scene.store.list_audit_logs(limit=200)["items"]
    story = [explain_audit(ENGLISH, row, title="Churn") for row in reversed(rows)]
    for sentence in (
        "The key “an admin's key” set up Churn.",
        "The key “an admin's key” made a schedule for Churn.",
        "The key “an admin's key” asked for a retraining of Churn.",
        "Refit saved version 1 of Churn.",
        "Refit tested a model of Churn: it passed.",
        "Refit deployed a model of Churn.",
        "Refit finished a retraining of Churn.",
        "The key “an admin's key” asked for a check.",
        "Refit started a check, test or deployment.",
        "ada@example.org asked for a retraining of Churn.",
    ):
        assert sentence in story, story
    assert not [sentence for sentence in story if " did this: " in sentence]


def test_a_missing_column_is_named_whoever_misses_it() -> None:
    gone = "The column “price” that the model needs is gone from the data."
    errors = {
        "public.posts has no column 'price'.": gone,
        'The model needs the column "price", missing here.': gone,
        "The engine content_performance needs the column(s) price.": gone,
        'The feature column "price" is missing.': "The column “price” is gone from the data.",
    }
    for detail, sentence in errors.items():
        failed = {"status": "failed", "error": {"type": "data", "detail": detail}}
        assert explain_job(ENGLISH, failed).startswith(sentence), detail
        alert = {"kind": "data_quality", "message": detail}
        assert explain_alert(ENGLISH, alert) == sentence
