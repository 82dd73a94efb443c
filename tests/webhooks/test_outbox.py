"""The outbox in the database: what is claimed, by whom, how it ends, and who may see it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid4

import pytest

from core.domain import Role
from core.errors import Forbidden, IllegalTransition, InvalidRequest, LeaseLost, NotFound
from core.webhooks.deliveries import Attempt, ClaimedDelivery, Verdict
from tests.database.factories import FAILURE, JOB_ENDS, Row, Scene

SECRET_URL = "https://keeper:word@N8N.example.org:5678/webhook/ml?token=7c9f1e"
DELIVERED = Attempt(verdict=Verdict.DELIVERED)
FAILED = Attempt(verdict=Verdict.FAILED, error="It answered 404.")


def again(seconds: float = 5) -> Attempt:
    return Attempt(verdict=Verdict.RETRY, error="It answered 503.", retry_in_s=seconds)


def ended_job(scene: Scene, url: str = SECRET_URL, **changes: Any) -> Row:
    """A job that failed, whose callback is due; returns the callback's row."""
    name = scene.model_type(f"type_{uuid4().hex[:8]}")
    job = scene.running_job(name, webhook_url=url, **changes)
    scene.store.finish_training_job(job, {"status": "failed", "error": FAILURE})
    return scene.row("select * from ml_webhook_deliveries where training_job_id = %s", job.id)


def claim(scene: Scene, limit: int = 10, worker: str = "worker-1") -> list[ClaimedDelivery]:
    return scene.store.claim_webhook_deliveries(worker, limit=limit)


def row(scene: Scene, delivery: ClaimedDelivery) -> Row:
    return scene.row("select * from ml_webhook_deliveries where id = %s", delivery.id)


def lapse(scene: Scene, interval: str) -> None:
    """Let all callbacks be as they are when this much time has passed."""
    scene.owner.execute(
        "update ml_webhook_deliveries set next_attempt_at = next_attempt_at - %(i)s::interval, "
        "give_up_at = give_up_at - %(i)s::interval",
        {"i": interval},
    )


# What is sent ------------------------------------------------------------------------------


@pytest.mark.parametrize("status", JOB_ENDS)
def test_the_data_say_what_became_of_the_job(scene: Scene, status: str) -> None:
    scene.model_type("churn")
    job = scene.running_job(
        webhook_url="https://example.org/a", reason="New prices.", request_id="request-7"
    )
    scene.store.finish_training_job(job, JOB_ENDS[status])

    (claimed,) = claim(scene)

    ended = scene.job(job.id)
    assert claimed.event == {"succeeded": "training.completed"}.get(status, f"training.{status}")
    assert set(claimed.payload) == {
        *("job_id", "model_type", "environment", "status", "request_id", "trigger", "reason"),
        *("as_of", "created_at", "finished_at", "result", "skip_reason", "error"),
    }
    expected = {
        "job_id": str(job.id),
        "model_type": "churn",
        "environment": "production",
        "status": status,
        "request_id": "request-7",
        "trigger": "manual",
        "reason": "New prices.",
        "result": ended["result"],
        "skip_reason": ended["skip_reason"],
        "error": ended["error"],
    }
    assert {name: claimed.payload[name] for name in expected} == expected


def test_each_who_joined_gets_the_id_of_their_own_request(scene: Scene) -> None:
    scene.model_type("churn")
    for number in (1, 2):
        scene.queued_job(
            webhook_url=f"https://example.org/{number}", request_id=f"request-{number}"
        )
    (job_id,) = (r["id"] for r in scene.rows("select id from ml_training_jobs"))
    scene.store.cancel_job(job_id)

    ids = {d.url[-1]: d.payload["request_id"] for d in claim(scene)}

    assert ids == {"1": "request-1", "2": "request-2"}


# Taking and ending -------------------------------------------------------------------------


def test_a_claimed_callback_is_given_to_nobody_else_until_its_lease_ends(scene: Scene) -> None:
    ended_job(scene)
    (first,) = claim(scene)
    assert claim(scene, worker="worker-2") == []

    lapse(scene, "31 seconds")  # the worker was killed in the middle

    (second,) = claim(scene, worker="worker-2")
    assert (second.id, second.attempt, second.body) == (first.id, 2, first.body)
    with pytest.raises(LeaseLost, match="not yours any more"):
        scene.store.finish_webhook_delivery(first, DELIVERED)
    assert scene.store.finish_webhook_delivery(second, DELIVERED)["status"] == "delivered"


def test_two_at_once_take_each_callback_once(scene: Scene) -> None:
    for _ in range(12):
        ended_job(scene)

    with ThreadPoolExecutor(4) as pool:
        batches = list(pool.map(lambda n: claim(scene, 3, f"worker-{n}"), range(4)))

    taken = [delivery.id for batch in batches for delivery in batch]
    assert len(taken) == len(set(taken)) == 12


def test_the_oldest_are_taken_first(scene: Scene) -> None:
    due = [ended_job(scene)["id"] for _ in range(4)]

    assert [d.id for d in claim(scene, 3)] == due[:3]
    assert [d.id for d in claim(scene, 3)] == due[3:]


def test_a_delivered_callback_is_never_due_again(scene: Scene) -> None:
    ended_job(scene)
    (claimed,) = claim(scene)
    scene.store.finish_webhook_delivery(claimed, DELIVERED)

    lapse(scene, "2 days")

    assert claim(scene) == []
    ended = row(scene, claimed)
    assert (ended["status"], ended["last_error"]) == ("delivered", None)
    assert ended["delivered_at"] is not None


def test_what_failed_for_now_is_due_when_it_was_said(scene: Scene) -> None:
    ended_job(scene)
    (claimed,) = claim(scene)

    answer = scene.store.finish_webhook_delivery(claimed, again(120))

    assert (answer["status"], answer["attempts"]) == ("pending", 1)
    lapse(scene, "119 seconds")
    assert claim(scene) == []
    lapse(scene, "2 seconds")
    (second,) = claim(scene)
    assert (second.attempt, row(scene, second)["last_error"]) == (2, "It answered 503.")


def test_after_a_day_of_attempts_it_has_failed(scene: Scene) -> None:
    ended_job(scene)
    (claimed,) = claim(scene)
    scene.store.finish_webhook_delivery(claimed, again(3600))
    lapse(scene, "23 hours")
    (claimed,) = claim(scene)

    answer = scene.store.finish_webhook_delivery(claimed, again(3700))

    assert answer["status"] == "failed"
    assert row(scene, claimed)["last_error"] == "It answered 503. Given up after 2 attempts."
    lapse(scene, "2 days")
    assert claim(scene) == []


def test_the_day_begins_with_the_first_attempt(scene: Scene) -> None:
    ended_job(scene)
    lapse(scene, "3 days")  # no worker ran

    (claimed,) = claim(scene)

    assert scene.store.finish_webhook_delivery(claimed, again())["status"] == "pending"


def test_what_was_not_sent_is_no_attempt_but_waits_for_no_more_than_a_day(scene: Scene) -> None:
    not_sent = Attempt(verdict=Verdict.NOT_SENT, error="No secret.", retry_in_s=60)
    ended_job(scene)
    for _ in range(3):
        (claimed,) = claim(scene)
        scene.store.finish_webhook_delivery(claimed, not_sent)
        lapse(scene, "1 minute")
    (claimed,) = claim(scene)
    assert claimed.attempt == 1
    assert row(scene, claimed)["last_error"] == "No secret."

    lapse(scene, "1 day")

    assert scene.store.finish_webhook_delivery(claimed, not_sent)["status"] == "failed"
    assert row(scene, claimed)["last_error"] == "No secret. Given up after 0 attempts."


@pytest.mark.parametrize(
    ("verdict", "may_have_arrived"),
    [(Verdict.RETRY, False), (Verdict.NOT_SENT, False), (Verdict.UNANSWERED, True)],
)
def test_an_attempt_without_an_answer_is_remembered(
    scene: Scene, verdict: Verdict, may_have_arrived: bool
) -> None:
    ended_job(scene)
    (first,) = claim(scene)
    assert first.may_have_arrived is False
    scene.store.finish_webhook_delivery(
        first, Attempt(verdict=verdict, error="It did not answer in time.", retry_in_s=0)
    )
    (second,) = claim(scene)
    scene.store.finish_webhook_delivery(second, again(0))

    (third,) = claim(scene)

    assert second.may_have_arrived is third.may_have_arrived is may_have_arrived


def test_what_a_lost_worker_was_at_may_have_arrived(scene: Scene) -> None:
    ended_job(scene)
    claim(scene)
    lapse(scene, "1 minute")

    (taken_over,) = claim(scene, worker="worker-2")

    assert taken_over.may_have_arrived is True


def test_what_ends_is_one_of_three(scene: Scene) -> None:
    ended_job(scene)
    (claimed,) = claim(scene)

    for outcome in ("pending", None):
        with pytest.raises(InvalidRequest, match="outcome must be"):
            scene.database.call(
                "finish_webhook_delivery",
                {
                    "p_id": claimed.id,
                    "p_lease_token": claimed.lease_token,
                    "p_outcome": outcome,
                },
            )


# Asking again ------------------------------------------------------------------------------


def failed_delivery(scene: Scene) -> UUID:
    ended_job(scene)
    (claimed,) = claim(scene)
    scene.store.finish_webhook_delivery(claimed, FAILED)
    return claimed.id


def test_a_failed_callback_can_be_sent_again_for_another_day(scene: Scene) -> None:
    delivery_id = failed_delivery(scene)
    lapse(scene, "3 days")

    scene.as_role(Role.OPERATOR).retry_webhook_delivery(delivery_id)

    (claimed,) = claim(scene)
    assert (claimed.id, claimed.attempt) == (delivery_id, 1)
    assert scene.store.finish_webhook_delivery(claimed, again())["status"] == "pending"
    actions = scene.rows(
        "select action, actor ->> 'name' as name from workflow_audit_logs "
        "where entity = 'webhook_delivery' order by created_at"
    )
    assert [(a["action"], a["name"]) for a in actions] == [
        ("webhook_delivery.created", "worker"),
        ("webhook_delivery.failed", "worker"),
        ("webhook_delivery.pending", "the operator's key"),
    ]


def test_only_a_failed_one_is_sent_again_and_only_by_an_operator(scene: Scene) -> None:
    delivery_id = failed_delivery(scene)

    for store in (scene.as_role(Role.VIEWER), scene.as_user("viewer")):
        with pytest.raises(Forbidden, match="needs the role operator"):
            store.retry_webhook_delivery(delivery_id)
    scene.as_user("operator").retry_webhook_delivery(delivery_id)
    with pytest.raises(IllegalTransition, match="is pending: only a failed one"):
        scene.store.retry_webhook_delivery(delivery_id)
    with pytest.raises(NotFound, match="There is no delivery"):
        scene.store.retry_webhook_delivery(uuid4())


# What is shown -----------------------------------------------------------------------------


def test_a_list_shows_scheme_and_host_alone(scene: Scene) -> None:
    delivery_id = failed_delivery(scene)

    for store in (scene.as_user("viewer"), scene.as_role(Role.VIEWER)):
        (item,) = store.list_webhook_deliveries()["items"]
        assert item["origin"] == "https://n8n.example.org:5678"
        assert (item["id"], item["status"]) == (str(delivery_id), "failed")
        assert (item["last_error"], item["next_attempt_at"]) == ("It answered 404.", None)
        assert not {"7c9f1e", "keeper", "word", "webhook/ml"} & set(str(item).split("'"))
        assert "7c9f1e" not in str(item)
        assert "keeper" not in str(item)


def test_pages_and_filters(scene: Scene) -> None:
    for _ in range(3):
        ended_job(scene)
    scene.store.finish_webhook_delivery(claim(scene, 1)[0], FAILED)

    first = scene.store.list_webhook_deliveries(limit=2)
    second = scene.store.list_webhook_deliveries(limit=2, cursor=first["next_cursor"])

    items = first["items"] + second["items"]
    assert [i["created_at"] for i in items] == sorted(i["created_at"] for i in items)[::-1]
    assert (len(items), second["next_cursor"]) == (3, None)
    for status, count in (("failed", 1), ("pending", 2), ("delivered", 0)):
        assert len(scene.store.list_webhook_deliveries(status=status)["items"]) == count
    with pytest.raises(InvalidRequest, match="limit"):
        scene.store.list_webhook_deliveries(limit=201)


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://example.org", "https://example.org"),
        ("HTTPS://Example.org/a", "https://example.org"),
        ("http://example.org:8080?a=b@c", "http://example.org:8080"),
        ("http://[::1]:5678/a#b", "http://[::1]:5678"),
        ("https://a:b@example.org/c@d", "https://example.org"),
        ("https://a@b@example.org/c", "https://example.org"),
        ("https://example.org\\@elsewhere.org/", "https://example.org"),
    ],
)
def test_the_shown_part_is_scheme_and_host(scene: Scene, url: str, origin: str) -> None:
    assert ended_job(scene, url)["origin"] == origin


def test_neither_audit_nor_reads_show_the_address(scene: Scene) -> None:
    delivery_id = failed_delivery(scene)
    scene.store.retry_webhook_delivery(delivery_id)

    logs = scene.rows("select * from workflow_audit_logs")
    assert "7c9f1e" not in str(logs)
    assert [r["after"]["origin"] for r in logs if r["action"] == "webhook_delivery.created"] == [
        "https://n8n.example.org:5678"
    ]
    assert "7c9f1e" not in str(scene.store.list_audit_logs())


def test_looking_when_nothing_is_due_reads_one_index(scene: Scene) -> None:
    # As after a year: nothing waits but what failed a moment ago.
    scene.owner.execute(
        "insert into ml_webhook_deliveries (url, event, payload, status, delivered_at) "
        "select 'https://example.org/', 'training.completed', '{}', 'delivered', now() "
        "from generate_series(1, 20000)"
    )
    scene.owner.execute("analyze ml_webhook_deliveries")
    plan = scene.rows(
        "explain select d.id from ml_webhook_deliveries as d where d.status = 'pending' "
        "and d.next_attempt_at <= now() order by d.next_attempt_at limit 4 for update skip locked"
    )

    assert "ml_webhook_deliveries_due" in str(plan)
    assert "Seq Scan" not in str(plan)
