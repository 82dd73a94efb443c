"""Runs of the workflow in a real n8n against a real Refit, by n8n's own record of them."""

from __future__ import annotations

import time
from collections.abc import Callable

from tests.n8n_live.conftest import Stand
from tests.n8n_live.receivers import until
from tests.worker.lab import DAY

Make = Callable[..., str]


def test_a_healthy_champion_is_left_alone_and_nobody_is_told(stand: Stand) -> None:
    lab = stand.lab
    name = lab.model_type()
    lab.champion(name)
    lab.add_rows(lab.table_of(name), 200, over=2 * DAY, noise=0)

    execution = stand.run(name)

    assert (execution.status, execution.mode) == ("success", "webhook")
    assert "Trigger Retraining" not in execution.runs
    (checked,) = execution.output("Decision Node", 1)
    assert checked["results"][0]["verdict"] == "healthy"
    assert stand.steps(execution) == [("Prepare Run", "ok"), ("Decision Node", "healthy")]
    assert len(lab.store.list_models(model_type=name)["items"]) == 1
    assert stand.slack.messages == []


def test_a_degraded_champion_is_replaced_by_a_deployment(stand: Stand, degraded: Make) -> None:
    lab, name = stand.lab, degraded()
    before = lab.champion(name)

    execution = stand.run(name)

    assert execution.status == "success"
    (call,) = execution.output("Wait for Training")
    assert call["body"]["type"] == "training.completed"
    after = lab.champion(name)
    assert after["id"] != before["id"]
    (deployed,) = execution.output("Deployment Result", 0)
    assert [d["id"] for d in deployed["deployments"]] == [str(after["id"])]
    job = lab.job(call["body"]["data"]["job_id"])
    assert job["reason"] == "Asked by Ann through n8n."
    assert (job["auto_validate"], job["auto_deploy"]) == (False, False)
    assert job["request_id"].startswith("n8n:")
    (message,) = stand.slack.messages
    assert f"{name} version 2 is live" in message
    assert stand.steps(execution) == [
        ("Prepare Run", "ok"),
        ("Decision Node", "degraded"),
        ("Trigger Retraining", "ok"),
        ("Keep Waiting?", "ok"),
        ("Validation Result", "ok"),
        ("Deployment Result", "ok"),
        ("Slack", "ok"),
        ("Email", "off"),
    ]
    (delivery,) = lab.rows(
        "select status, attempts from ml_webhook_deliveries where training_job_id = %s", job["id"]
    )
    assert delivery["status"] == "delivered"


def test_what_is_forced_and_not_better_is_told_and_not_deployed(stand: Stand) -> None:
    lab = stand.lab
    name = lab.model_type()
    before = lab.champion(name)
    lab.add_rows(lab.table_of(name), 200, over=2 * DAY, noise=0)

    execution = stand.run(name, force=True, by="Bo")

    assert execution.status == "success"
    (kept,) = execution.output("Validation Result", 1)
    assert kept["results"][0]["auto_deployable"] is False
    assert "Deploy Models" not in execution.runs
    assert lab.champion(name)["id"] == before["id"]
    (message,) = stand.slack.messages
    assert "Refit: retrained, the live model stays" in message
    assert "Asked by Bo through n8n." in message
    assert f"• {name} version 2 " in message


def test_a_training_that_fails_is_told_with_its_reason(stand: Stand, degraded: Make) -> None:
    lab, name = stand.lab, degraded()
    before = lab.champion(name)
    lab.store.update_model_type(name, {"engine_parameters": {"no_such": 1}})

    execution = stand.run(name)

    assert execution.status == "success"
    (failed,) = execution.output("Training Result", 1)
    assert (failed["model_type"], failed["status"]) == (name, "failed")
    assert "Validation" not in execution.runs
    assert lab.job(failed["job_id"])["status"] == "failed"
    assert lab.champion(name)["id"] == before["id"]
    (message,) = stand.slack.messages
    assert "Refit: retraining needs a look" in message
    assert "no_such" in message
    assert ("Error Handler", "failed") in stand.steps(execution)


def test_when_refit_is_away_it_is_asked_again_and_then_somebody_is_told(stand: Stand) -> None:
    stand.door.before = lambda _action: 503

    execution = stand.run("anything")

    assert execution.status == "success"
    assert stand.door.actions().count("check_performance") == 3
    (error,) = execution.output("Performance Check", 1)
    assert "error" in error
    (message,) = stand.slack.messages
    assert "Performance Check" in message
    assert "Trigger Retraining" not in execution.runs


def test_what_refit_refuses_is_told_in_its_own_words(stand: Stand) -> None:
    execution = stand.run("no_such_type")

    assert execution.status == "success"
    (message,) = stand.slack.messages
    assert "• Performance Check: There is no model type no_such_type" in message


def test_an_answer_that_was_lost_makes_no_second_training(stand: Stand, degraded: Make) -> None:
    lab, name = stand.lab, degraded()
    lost: list[str] = []

    def lose(action: str) -> int | None:
        if action == "trigger_retraining" and not lost:
            lost.append(action)
            return 0  # it reaches Refit, and n8n hears a 503
        return None

    stand.door.before = lose

    execution = stand.run(name)

    assert execution.status == "success"
    tried = [status for action, status in stand.door.passed if action == "trigger_retraining"]
    assert tried == [503, 202]
    jobs = lab.rows(
        "select id from ml_training_jobs where model_type = %s and reason like 'Asked by %%'", name
    )
    (queued,) = execution.output("Trigger Retraining")
    assert [str(job["id"]) for job in jobs] == [job["id"] for job in queued["jobs"]]
    assert len(stand.slack.messages) == 1


def test_a_callback_before_the_wait_node_is_refused_and_comes_again(
    stand: Stand, degraded: Make
) -> None:
    lab, name = stand.lab, degraded()

    def refused_once() -> bool:
        rows = lab.rows(
            "select last_error from ml_webhook_deliveries d join ml_training_jobs j"
            " on j.id = d.training_job_id where j.model_type = %s and d.attempts > 0",
            name,
        )
        return any(row["last_error"] == "It answered 409." for row in rows)

    def hold(action: str) -> None:
        if action == "trigger_retraining":
            until(refused_once, within=50, what="no callback was refused")

    stand.door.after = hold

    execution = stand.run(name)

    assert execution.status == "success"
    (call,) = execution.output("Wait for Training")
    (delivery,) = lab.rows(
        "select status, attempts from ml_webhook_deliveries where training_job_id = %s",
        call["body"]["data"]["job_id"],
    )
    assert (delivery["status"], delivery["attempts"]) == ("delivered", 2)
    assert execution.output("Deployment Result", 0)


def test_two_trainings_are_both_waited_for(stand: Stand, degraded: Make) -> None:
    lab, names = stand.lab, sorted([degraded(), degraded()])

    execution = stand.run(*names)

    assert execution.status == "success"
    assert len(execution.runs["Wait for Training"]) == 2
    (deployed,) = execution.output("Deployment Result", 0)
    assert sorted(d["model_type"] for d in deployed["deployments"]) == names
    (message,) = stand.slack.messages
    assert all(f"{name} version 2 is live" in message for name in names)
    deliveries = lab.rows(
        "select d.status from ml_webhook_deliveries d join ml_training_jobs j"
        " on j.id = d.training_job_id where j.model_type = any(%s)",
        names,
    )
    assert [row["status"] for row in deliveries] == ["delivered"] * 2


def test_a_run_that_stops_where_no_node_catches_it_is_told_by_the_error_trigger(
    stand: Stand, degraded: Make
) -> None:
    # Something between n8n and Refit that answers in its stead.
    stand.door.before = lambda action: 200 if action == "validate_models" else None
    stand.door.instead = b'{"results": [null]}'

    execution = stand.run(degraded())

    assert execution.status == "error"
    told = stand.ended({e.id for e in stand.n8n.executions() if e.id <= execution.id})
    assert (told.status, told.mode) == ("success", "error")
    (message,) = stand.slack.messages
    assert "The workflow stopped at Success Notification" in message
    assert ("Error Handler", "failed") in stand.steps(told)


def test_a_call_without_the_header_starts_nothing(stand: Stand) -> None:
    before = len(stand.n8n.executions())

    status = stand.n8n.post("/webhook/ml-retraining", {}, {"X-Refit-Webhook": "guessed"})

    assert status == 403
    time.sleep(1)
    assert len(stand.n8n.executions()) == before
