"""The id of a request is in every audit row that it causes; who it is from stays as it was."""

from __future__ import annotations

import pytest

from core.domain import Actor, Role, User
from core.errors import Forbidden, InvalidRequest
from core.store import Once, Store
from tests.database.factories import Row, Scene, actor, digest, user

SENDERS = {"a key": actor(Role.ADMIN), "a user": user("admin")}


def rows(scene: Scene, request_id: str) -> list[Row]:
    return scene.rows(
        "select action, actor from workflow_audit_logs where request_id = %s order by created_at",
        request_id,
    )


@pytest.mark.parametrize("sender", SENDERS.values(), ids=SENDERS)
@pytest.mark.parametrize("with_key", [False, True])
def test_an_audit_row_has_the_id_of_its_request(
    scene: Scene, sender: Actor | User, with_key: bool
) -> None:
    scene.model_type("churn")
    once = Once(action="a", key="k", body_hash=digest("b")) if with_key else None
    store = Store(scene.database, actor=sender, request_id="n8n:7", once=once)

    store.update_model_type("churn", {"title": "Churn"})

    (row,) = rows(scene, "n8n:7")
    assert row["action"] == "model_type.updated"
    assert row["actor"] == {
        "kind": sender.kind,
        "id": sender.id,
        "name": sender.name,
        "role": "admin",
    }


def test_the_next_request_of_a_connection_does_not_inherit_the_id(scene: Scene) -> None:
    scene.model_type("churn")
    Store(scene.database, actor=user("admin"), request_id="first").update_model_type(
        "churn", {"title": "One"}
    )
    Store(scene.database, actor=user("admin")).update_model_type("churn", {"title": "Two"})

    assert len(rows(scene, "first")) == 1


def test_a_job_goes_on_under_the_id_that_it_was_asked_for_under(scene: Scene) -> None:
    scene.model_type("churn")
    store = Store(scene.database, actor=actor(Role.ADMIN), request_id="asked")
    job = store.trigger_retraining(model_types=["churn"], request_id="asked")["jobs"][0]["id"]
    scene.store.claim_training_job(job, "worker-1")
    Store(scene.database, actor=actor(Role.ADMIN), request_id="cancelled").cancel_job(job)

    assert [r["action"] for r in rows(scene, "asked")] == [
        "training_job.created",
        "training_job.running",
    ]
    assert [r["action"] for r in rows(scene, "cancelled")] == ["training_job.updated"]


def test_a_user_says_no_more_by_it_than_a_name(scene: Scene) -> None:
    scene.model_type("churn")
    for speaker in ({"request_id": "r", "role": "admin"}, {"request_id": "r", "kind": "key"}):
        with pytest.raises(Forbidden, match="p_actor is taken from the service role alone"):
            scene.database.call("list_model_types", {"p_actor": speaker}, user=user("viewer"))
    with pytest.raises(InvalidRequest, match="request_id must have 1 to 255 characters"):
        scene.database.call(
            "list_model_types", {"p_actor": {"request_id": "x" * 256}}, user=user("viewer")
        )


def test_a_refusal_is_recorded_for_the_machinery_alone(scene: Scene) -> None:
    refusal = {
        "p_actor": None,
        "p_action": "deploy_model",
        "p_status": 403,
        "p_problem": "forbidden",
        "p_detail": "x" * 900,
        "p_request_id": "refused",
    }
    with pytest.raises(Forbidden):
        scene.database.call("record_refusal", refusal, user=user("admin"))

    scene.database.call("record_refusal", refusal)

    row = scene.row("select * from workflow_audit_logs where request_id = 'refused'")
    assert row["actor"]["kind"] == "unknown"
    assert len(row["detail"]["detail"]) == 500
