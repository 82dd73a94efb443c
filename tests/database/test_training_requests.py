"""Asking for a training: joined to the one that stands, or refused by name."""

from __future__ import annotations

import pytest

from core.domain import (
    Environment,
)
from core.errors import (
    InvalidRequest,
)
from tests.database.factories import (
    Row,
    Scene,
)


@pytest.fixture(autouse=True)
def churn(scene: Scene) -> None:
    scene.model_type("churn")


def test_a_second_request_joins_the_active_job(scene: Scene) -> None:
    first = scene.store.trigger_retraining(model_types=["churn"])["jobs"]
    second = scene.store.trigger_retraining(model_types=["churn"])["jobs"]

    assert [j["coalesced"] for j in first + second] == [False, True]
    assert first[0]["id"] == second[0]["id"]
    assert len(scene.rows("select from ml_training_jobs")) == 1


def test_a_second_request_strengthens_a_queued_job(scene: Scene) -> None:
    job_id = scene.queued_job()

    scene.store.trigger_retraining(model_types=["churn"], force=True, override_limits=True)

    row = scene.job(job_id)
    assert (row["force"], row["override_limits"]) == (True, True)


@pytest.mark.parametrize(
    ("first", "second", "merged"),
    [
        ((True, True), (True, False), (True, False)),
        ((True, False), (True, True), (True, False)),
        ((False, False), (True, True), (True, False)),
        ((True, True), (False, False), (True, False)),
        ((True, True), (True, True), (True, True)),
    ],
)
def test_a_queued_job_validates_when_either_wants_it_and_deploys_when_both_do(
    scene: Scene, first: tuple[bool, bool], second: tuple[bool, bool], merged: tuple[bool, bool]
) -> None:
    for validate, deploy in (first, second):
        job_id = scene.queued_job(auto_validate=validate, auto_deploy=deploy)

    row = scene.job(job_id)
    assert (row["auto_validate"], row["auto_deploy"]) == merged


def test_a_second_request_does_not_weaken_a_queued_job(scene: Scene) -> None:
    job_id = scene.queued_job(force=True)

    scene.store.trigger_retraining(model_types=["churn"])

    assert scene.job(job_id)["force"] is True


def test_a_second_request_cannot_change_a_running_job(scene: Scene) -> None:
    job = scene.running_job()

    answer = scene.store.trigger_retraining(model_types=["churn"], force=True)

    assert answer["jobs"][0]["status"] == "running"
    assert scene.job(job.id)["force"] is False


def test_everybody_who_asked_is_called_once(scene: Scene) -> None:
    job_id = scene.queued_job(webhook_url="https://example.org/a")
    for url in ("https://example.org/b", "https://example.org/a"):
        scene.store.trigger_retraining(model_types=["churn"], webhook_url=url)

    scene.store.cancel_job(job_id)

    called = scene.rows("select url from ml_webhook_deliveries order by url")
    assert [c["url"] for c in called] == ["https://example.org/a", "https://example.org/b"]


def test_each_environment_has_a_job_of_its_own(scene: Scene) -> None:
    jobs = {scene.queued_job(environment=e) for e in (Environment.STAGING, Environment.PRODUCTION)}

    assert len(jobs) == 2


def test_one_active_job_per_type_and_environment_is_the_tables_own_rule(scene: Scene) -> None:
    scene.queued_job()

    with pytest.raises(Exception, match="ml_training_jobs_one_active"):
        scene.owner.execute(
            "insert into ml_training_jobs (model_type, environment, requested_by) "
            "values ('churn', 'production', '{}')"
        )


def test_a_new_job_follows_one_that_has_ended(scene: Scene) -> None:
    first = scene.queued_job()
    scene.store.cancel_job(first)

    assert scene.queued_job() != first


def test_no_names_mean_every_enabled_type(scene: Scene) -> None:
    scene.model_type("visits")
    scene.model_type("retired", enabled=False)

    jobs = scene.store.trigger_retraining()["jobs"]

    assert [j["model_type"] for j in jobs] == ["churn", "visits"]


def test_a_type_named_twice_gets_one_job(scene: Scene) -> None:
    jobs = scene.store.trigger_retraining(model_types=["churn", "churn"])["jobs"]

    assert len(jobs) == 1


BAD_REQUESTS: dict[str, tuple[Row, str]] = {
    "an unknown type": ({"model_types": ["churn", "chrun"]}, "no model type chrun.*Known: churn"),
    "no type": ({"model_types": []}, "model_types is empty"),
    "a disabled type": ({"model_types": ["churn", "retired"]}, "retired is disabled"),
    "deploying without proof": ({"auto_validate": False}, "auto_deploy needs auto_validate"),
    "a callback that is no address": ({"webhook_url": "ftp://example.org"}, "webhook_url"),
    "a callback that is too long": (
        {"webhook_url": "https://example.org/" + "x" * 2000},
        "webhook_url",
    ),
    "a long reason": ({"reason": "x" * 1001}, "reason must have at most 1000 characters"),
    "a trigger that is no word": ({"trigger": "<b>"}, "trigger must be a word"),
}


@pytest.mark.parametrize("what", BAD_REQUESTS)
def test_a_bad_request_names_what_is_wrong_and_changes_nothing(scene: Scene, what: str) -> None:
    scene.model_type("retired", enabled=False)
    arguments, message = BAD_REQUESTS[what]
    before = scene.everything()

    with pytest.raises(InvalidRequest, match=message):
        scene.store.trigger_retraining(**arguments)

    assert scene.everything() == before


def test_a_request_for_everything_needs_a_type(scene: Scene) -> None:
    scene.store.update_model_type("churn", {"enabled": False})

    with pytest.raises(InvalidRequest, match="no enabled model type"):
        scene.store.trigger_retraining()
