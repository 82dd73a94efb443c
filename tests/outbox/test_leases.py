"""Each message goes to one worker at a time, is tried for a day, and is on record."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from core.database import PostgresDatabase
from core.domain import Role
from core.errors import Forbidden, InvalidRequest, LeaseLost
from core.notifications.events import Event
from core.notifications.notice import Notice, Outcome
from core.retention import DEFAULT_DAYS
from core.store import Store
from tests.database.factories import Row, Scene
from tests.outbox.outbox import Outbox, channel


def row(scene: Scene, notice: Notice) -> Row:
    return scene.row("select * from ml_notification_deliveries where id = %s", notice.id)


def test_workers_that_ask_at_once_get_each_message_once(
    scene: Scene, outbox: Outbox, champion: Row, database_url: str
) -> None:
    names = [scene.model_type(f"type_{n}") for n in range(40)]
    for name in names:
        outbox.fail(name)

    def work(worker: str) -> list[Notice]:
        database = PostgresDatabase(database_url, max_connections=1)
        store = Store(database)
        held: list[Notice] = []
        # One that finds another choosing gets nothing, and asks again.
        for _ in range(60):
            held += store.claim_notifications(worker, [channel()], limit=3).notices
        database.close()
        return held

    with ThreadPoolExecutor(4) as pool:
        held = [n for part in pool.map(work, "abcd") for n in part]

    assert sorted(n.model_type or "" for n in held) == sorted(names)
    assert {d["attempts"] for d in outbox.deliveries() if d["event"] == "training_failed"} == {1}


def test_one_that_chooses_does_not_keep_another_waiting(
    outbox: Outbox, champion: Row, database_url: str
) -> None:
    outbox.check(champion)
    with psycopg.connect(database_url) as other:
        other.execute("select claim_notifications('other', %s, 1)", (json.dumps([channel()]),))

        assert outbox.claim() == []
        other.rollback()

    assert len(outbox.claim()) == 1


def test_one_whose_messages_another_is_planning_is_told_to_ask_again(
    scene: Scene, outbox: Outbox, champion: Row, database_url: str
) -> None:
    ops = channel("ops")
    outbox.told(ops)
    outbox.check(champion)
    with psycopg.connect(database_url) as other:
        other.execute("select claim_notifications('other', %s, 1)", (json.dumps([channel()]),))

        meanwhile = scene.store.claim_notifications("worker-1", [ops], limit=1)
        other.commit()

    then = scene.store.claim_notifications("worker-1", [ops], limit=1)
    idle = scene.store.claim_notifications("worker-1", [ops], limit=1)
    assert (meanwhile.notices, meanwhile.incomplete) == ((), True)
    assert ([n.event for n in then.notices], then.incomplete) == ([Event.DEGRADATION], False)
    assert (idle.notices, idle.incomplete) == ((), False)


def test_one_that_cannot_be_planned_keeps_no_other_from_being_told(
    scene: Scene, outbox: Outbox, champion: Row
) -> None:
    scene.model_type("sales")
    outbox.fail("sales")
    (poisoned,) = outbox.notifications("training_failed")
    scene.owner.execute(
        "alter table ml_notification_deliveries add constraint nothing "
        f"check (notification_id <> '{poisoned['id']}')"
    )
    outbox.fail()

    assert outbox.events() == [("training_failed", "churn")]

    shown = {n["model_type"]: n for n in scene.store.list_notifications(limit=2)["items"]}
    assert "nothing" in shown["sales"]["plan_error"]
    assert shown["churn"]["plan_error"] is None
    assert scene.store.claim_notifications("w", [channel()], limit=1).incomplete is False


def test_a_message_that_every_worker_dies_of_is_given_up(
    scene: Scene, outbox: Outbox, champion: Row
) -> None:
    outbox.check(champion)
    attempts = 0
    for _ in range(30):
        attempts += len(outbox.claim())
        outbox.pass_time("1 hour")

    (delivery,) = [d for d in outbox.deliveries() if d["event"] == "degradation"]
    assert (delivery["status"], delivery["attempts"]) == ("failed", attempts)
    assert attempts in {24, 25}


def test_a_channel_that_comes_back_after_long_hears_no_old_news(
    scene: Scene, outbox: Outbox, champion: Row
) -> None:
    outbox.check(champion)
    outbox.claim(channel("other"))
    outbox.pass_time("8 days")

    assert outbox.told() == []

    (delivery,) = [d for d in outbox.deliveries() if d["event"] == "degradation"]
    assert delivery["status"] == "failed"


def test_what_a_lost_worker_held_is_told_by_another_when_its_lease_is_over(
    scene: Scene, outbox: Outbox, champion: Row
) -> None:
    outbox.check(champion)
    (held,) = outbox.claim(worker="lost")
    assert outbox.claim() == []
    outbox.pass_time("61 seconds")

    (again,) = outbox.claim()

    assert (again.id, again.attempt) == (held.id, 2)
    with pytest.raises(LeaseLost):
        scene.store.finish_notification(held, Outcome.DELIVERED)
    scene.store.finish_notification(again, Outcome.DELIVERED)
    assert row(scene, again)["status"] == "delivered"


def test_a_message_is_tried_again_and_given_up_after_a_day(
    scene: Scene, outbox: Outbox, champion: Row
) -> None:
    outbox.check(champion)
    (notice,) = outbox.claim()
    answer = scene.store.finish_notification(
        notice, Outcome.RETRY, error="It answered 503.", retry_in_s=30
    )
    assert (answer["status"], answer["attempts"]) == ("pending", 1)
    assert outbox.claim() == []

    outbox.pass_time("24 hours")
    (last,) = outbox.claim()
    scene.store.finish_notification(last, Outcome.RETRY, error="It answered 503.", retry_in_s=30)

    failed = row(scene, notice)
    assert failed["status"] == "failed"
    assert failed["last_error"] == "It answered 503. Given up after 2 attempts."


def test_a_channel_that_is_down_keeps_no_other_waiting(
    scene: Scene, outbox: Outbox, champion: Row
) -> None:
    channels = (channel("down"), channel("up"))
    outbox.check(champion)
    for notice in outbox.claim(*channels):
        if notice.channel == "down":
            scene.store.finish_notification(notice, Outcome.RETRY, error="No.", retry_in_s=3600)
        else:
            scene.store.finish_notification(notice, Outcome.DELIVERED)
    outbox.fail()

    assert [n.channel for n in outbox.claim(channels[1])] == ["up"]


def test_what_a_channel_that_was_down_missed_is_one_message_each(
    scene: Scene, outbox: Outbox, champion: Row
) -> None:
    for text in ("a", "b", "c"):
        scene.trained(text=text, validation=None)
        for notice in outbox.claim():
            scene.store.finish_notification(notice, Outcome.RETRY, error="No.", retry_in_s=60)

    outbox.pass_time("2 minutes")

    (notice,) = outbox.told()
    assert notice.occurrences == 3


def test_an_outcome_has_one_of_three_names(scene: Scene, outbox: Outbox, champion: Row) -> None:
    outbox.check(champion)
    (notice,) = outbox.claim()

    with pytest.raises(InvalidRequest, match="outcome"):
        scene.database.call(
            "finish_notification",
            {"p_id": notice.id, "p_lease_token": notice.lease_token, "p_outcome": "sent"},
        )


def test_nothing_is_lost_while_no_channel_is_known(scene: Scene, outbox: Outbox) -> None:
    scene.model_type("churn")
    outbox.fail()

    assert outbox.events() == [("training_failed", "churn")]


def test_a_new_channel_hears_of_the_last_hour_alone(
    scene: Scene, outbox: Outbox, champion: Row
) -> None:
    outbox.check(champion)
    outbox.told()
    outbox.pass_time("61 minutes")
    outbox.fail()
    outbox.told()

    assert outbox.events(channel("new")) == [("training_failed", "churn")]


def test_a_channel_that_comes_while_another_is_planned_for_misses_nothing(
    outbox: Outbox, champion: Row, database_url: str
) -> None:
    outbox.check(champion)
    with psycopg.connect(database_url) as other, ThreadPoolExecutor(1) as pool:
        other.execute("select claim_notifications('other', %s, 1)", (json.dumps([channel()]),))
        coming = pool.submit(outbox.claim, channel("new"))
        time.sleep(0.3)
        other.commit()

        (notice,) = coming.result()

    assert (notice.channel, notice.event) == ("new", "degradation")


def test_what_happens_while_all_workers_are_away_is_told_when_they_are_back(
    outbox: Outbox, champion: Row
) -> None:
    outbox.pass_time("3 days")
    outbox.check(champion)
    outbox.pass_time("3 days")

    assert outbox.events() == [("degradation", "churn")]


def test_nothing_of_a_channel_but_its_name_can_be_stored(
    scene: Scene, outbox: Outbox, champion: Row
) -> None:
    secret = "https://hooks.example.org/T0/B0/7c9f1e"
    outbox.check(champion)

    outbox.told(channel("ops", url=secret))

    assert secret not in repr(scene.everything())
    with pytest.raises(Exception, match="channel_is_a_name"):
        outbox.told(channel(secret))


def test_viewers_see_what_was_told_and_what_came_of_it(
    scene: Scene, outbox: Outbox, champion: Row
) -> None:
    outbox.check(champion)
    outbox.told()

    for store in (scene.as_role(Role.VIEWER), scene.as_user("viewer")):
        page = store.list_notifications(model_type="churn", limit=1)
        (item,) = page["items"]
        assert (item["event"], item["model_type"]) == ("degradation", "churn")
        (delivery,) = item["deliveries"]
        assert (delivery["channel"], delivery["status"]) == ("slack", "delivered")
        assert "lease_token" not in delivery
        older = store.list_notifications(limit=1, cursor=page["next_cursor"])["items"]
        assert older[0]["id"] != item["id"]
    with pytest.raises(Forbidden):
        scene.as_user(None).list_notifications()


def test_old_notifications_go_with_their_messages_and_what_stands_stays(
    scene: Scene, outbox: Outbox, champion: Row
) -> None:
    outbox.check(champion)
    outbox.told()
    outbox.pass_time("366 days")

    deleted = scene.store.run_housekeeping(DEFAULT_DAYS)["deleted"]

    assert deleted == {"ml_notifications": 2}
    assert [n["event"] for n in outbox.notifications()] == ["degradation"]
    assert len(scene.rows("select * from ml_notification_deliveries")) == 1
