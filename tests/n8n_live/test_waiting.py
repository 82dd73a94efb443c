"""Runs whose trainings nobody calls back about, or that take too long: in copies that wait less."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from tests.n8n_live.conftest import Stand, workflow

Make = Callable[..., str]
# n8n looks once a minute whether a wait is over.
WITHIN_S = 240.0


def publish_impatient(stand: Stand, path: str, **config: object) -> None:
    """A copy at another path, whose Wait node gives up after three seconds."""
    copy = workflow(stand.door.address, stand.slack.url, **config)
    copy["name"] = f"ML Auto-Retraining at {path}"
    for node in copy["nodes"]:
        if node["name"] == "Manual Webhook":
            node["parameters"]["path"] = path
        elif node["name"] == "Wait for Training":
            node["parameters"] |= {"resumeAmount": 3, "resumeUnit": "seconds"}
    stand.session.publish(copy)


def trained_by(stand: Stand, name: str, factory: str) -> str:
    """The same model type, trained by another engine."""
    stand.lab.store.update_model_type(name, {"engine": f"slow_engines:{factory}"})
    return name


def test_a_training_whose_call_never_comes_is_found_by_looking(
    stand: Stand, degraded: Make
) -> None:
    lab, name = stand.lab, trained_by(stand, degraded(feature_columns=["size"]), "make_slow")
    publish_impatient(stand, "impatient")

    def forget_callbacks(action: str) -> None:
        if action == "trigger_retraining":
            lab.owner.execute("delete from private.training_job_callbacks")

    stand.door.after = forget_callbacks

    execution = stand.run(name, path="impatient", within=WITHIN_S)

    assert execution.status == "success"
    assert "Look at Jobs" in execution.runs
    assert [item.get("body") for item in execution.output("Wait for Training")] == [None]
    (deployed,) = execution.output("Deployment Result", 0)
    assert [d["model_type"] for d in deployed["deployments"]] == [name]


def test_a_training_that_takes_too_long_is_told_and_nothing_is_deployed(
    stand: Stand, degraded: Make
) -> None:
    lab, name = stand.lab, trained_by(stand, degraded(), "make_endless")
    before = lab.champion(name)
    publish_impatient(stand, "hurried", TRAINING_TIMEOUT_MINUTES=0)
    execution = stand.run(name, path="hurried", within=WITHIN_S)

    assert execution.status == "success"
    (late,) = execution.output("Training Result", 4)
    assert (late["model_type"], late["status"]) == (name, "timed out")
    assert lab.job(late["job_id"])["status"] == "running"
    assert lab.champion(name)["id"] == before["id"]
    lab.store.cancel_job(UUID(late["job_id"]))
    (message,) = stand.slack.messages
    assert f"{name}: the training has not ended in time" in message
