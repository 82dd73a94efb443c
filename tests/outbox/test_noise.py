"""One message for one thing: what is folded, what is held back, what is said once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from core.domain import Role
from core.errors import Forbidden, IllegalTransition, InvalidRequest, NotFound
from core.notifications.events import Event
from core.notifications.notice import Outcome
from tests.database.factories import (
    JOB_ENDS,
    Row,
    Scene,
    check_of,
    judgement,
    trained_model,
)
from tests.outbox.outbox import Outbox, channel, quiet

TONIGHT = datetime.now(UTC) + timedelta(hours=8)


def test_what_stands_is_told_again_at_growing_distance(outbox: Outbox, champion: Row) -> None:
    told = []
    # Every four hours, for three days.
    for check in range(1, 19):
        outbox.check(champion)
        told += [(check, n.occurrences, n.reminder) for n in outbox.told()]
        outbox.pass_time("4 hours")

    assert told == [(1, 1, False), (3, 3, True), (9, 9, True), (15, 15, True)]


def test_what_is_seen_again_and_again_within_minutes_is_one_message(
    outbox: Outbox, champion: Row
) -> None:
    told = []
    for _ in range(20):
        outbox.fail()
        told += outbox.told()

    assert [n.occurrences for n in told] == [1]


def test_what_waits_while_it_is_seen_again_says_how_often(outbox: Outbox, champion: Row) -> None:
    for _ in range(3):
        outbox.check(champion)

    (notice,) = outbox.told()

    assert (notice.occurrences, notice.reminder) == (3, False)


def test_what_is_not_seen_again_is_not_told_again(outbox: Outbox, champion: Row) -> None:
    outbox.check(champion)
    outbox.told()
    outbox.pass_time("3 days")

    assert outbox.told() == []


def test_that_it_is_over_is_told_to_those_who_heard_that_it_began(
    outbox: Outbox, champion: Row
) -> None:
    deaf = channel("deaf", events=["deployed"])
    hard = channel("hard", least_severity="critical")
    outbox.check(champion)
    (began,) = outbox.told(channel(), deaf, hard)

    outbox.check(champion, "healthy")
    outbox.settle()

    (over,) = outbox.told(channel(), deaf, hard)
    assert (over.channel, over.resolved) == ("slack", True)
    assert over.notification_id == began.notification_id
    assert over.resolved_at is not None
    assert outbox.told(channel(), deaf, hard) == []


def test_what_ends_while_its_beginning_is_on_the_way_is_told_after_it(
    scene: Scene, outbox: Outbox, champion: Row
) -> None:
    outbox.check(champion)
    (began,) = outbox.claim()
    outbox.check(champion, "healthy")
    assert outbox.claim() == []

    scene.store.finish_notification(began, Outcome.DELIVERED)
    outbox.settle()

    (over,) = outbox.told()
    assert (began.resolved_at, over.resolved) == (None, True)


def test_a_beginning_that_never_arrived_has_no_end(
    scene: Scene, outbox: Outbox, champion: Row
) -> None:
    outbox.check(champion)
    (began,) = outbox.claim()
    scene.store.finish_notification(began, Outcome.FAILED, error="No such address.")

    outbox.check(champion, "healthy")
    outbox.settle()

    assert outbox.told() == []


def test_what_begins_anew_is_told_anew(outbox: Outbox, champion: Row) -> None:
    told = []
    for verdict in ("degraded", "healthy", "degraded"):
        outbox.check(champion, verdict)
        outbox.settle()
        told += [(n.resolved, n.reminder) for n in outbox.told()]

    assert told == [(False, False), (True, False), (False, False)]


@pytest.mark.parametrize(
    ("wishes", "because"),
    [({"events": ["deployed"]}, "not_chosen"), ({"least_severity": "critical"}, "less_severe")],
)
def test_what_a_channel_does_not_want_to_hear_is_on_record_once(
    outbox: Outbox, champion: Row, wishes: Row, because: str
) -> None:
    for _ in range(3):
        outbox.check(champion)
        assert outbox.told(channel("ops", **wishes)) == []

    (withheld,) = [d for d in outbox.deliveries("ops") if d["event"] == "degradation"]
    assert (withheld["status"], withheld["withheld_because"]) == ("withheld", because)


def test_what_gets_more_severe_is_told_to_those_who_hear_that(
    scene: Scene, outbox: Outbox, champion: Row
) -> None:
    hard = channel("hard", least_severity="critical")
    for severity in ("warning", "critical"):
        scene.owner.execute(
            "select private.raise_alert("
            "'churn', 'production', 'deployment_issue', %s, 'It is refused.', '{}')",
            (severity,),
        )
        told = outbox.told(hard)
        assert len(told) == (severity == "critical")


# Quiet hours --------------------------------------------------------------------------------


def test_the_night_is_quiet_but_for_what_is_critical_and_the_morning_has_one_message_each(
    scene: Scene, outbox: Outbox, champion: Row
) -> None:
    night = quiet(TONIGHT)
    outbox.check(champion)
    for text in ("a", "b", "c"):
        scene.trained(text=text, validation=None)
    assert outbox.told(night) == []

    outbox.fail()
    (critical,) = outbox.told(night)
    scene.trained(text="d", validation=None)  # the failure is over: that can wait
    assert outbox.told(night) == []

    outbox.settle()
    morning = outbox.told()
    assert critical.event is Event.TRAINING_FAILED
    assert sorted((n.event, n.resolved, n.occurrences) for n in morning) == [
        (Event.DEGRADATION, False, 1),
        (Event.TRAINING_FAILED, True, 1),
        (Event.TRAINING_SUCCEEDED, False, 4),
    ]
    assert outbox.told() == []


def test_what_is_folded_says_the_newest_and_since_when(
    scene: Scene, outbox: Outbox, champion: Row
) -> None:
    for text in ("a", "b"):
        scene.trained(text=text, validation=None)
        outbox.told(quiet(TONIGHT))
    first, last = outbox.notifications("training_succeeded")[-2:]

    (notice,) = outbox.told()

    assert notice.data["model_version"] == 3
    assert (notice.first_at, notice.created_at) == (first["first_at"], last["last_at"])


def test_different_model_types_and_events_are_not_folded(
    scene: Scene, outbox: Outbox, champion: Row
) -> None:
    scene.model_type("sales")
    scene.champion("sales", "of sales")
    scene.trained(text="of churn", validation=None)
    outbox.check(champion)

    assert outbox.events() == [
        ("degradation", "churn"), ("training_succeeded", "churn"), ("training_succeeded", "sales")
    ]  # fmt: skip


def test_quiet_hours_of_one_channel_are_no_others(outbox: Outbox, champion: Row) -> None:
    outbox.check(champion)

    told = outbox.told(quiet(TONIGHT), channel("email"))

    assert [n.channel for n in told] == ["email"]


# Snoozed and acknowledged -------------------------------------------------------------------


def test_a_snoozed_alert_is_not_told_again_until_then(
    scene: Scene, outbox: Outbox, champion: Row
) -> None:
    outbox.check(champion)
    outbox.told()
    (alert,) = scene.alerts()
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=48)

    snoozed = scene.store.snooze_alert(alert["id"], until=until)

    assert (snoozed["status"], snoozed["snoozed_until"]) == ("open", until.isoformat())
    for _ in range(5):
        outbox.pass_time("9 hours")
        outbox.check(champion)
        assert outbox.told() == []
    outbox.pass_time("9 hours")
    outbox.check(champion)
    (notice,) = outbox.told()
    assert (notice.reminder, notice.occurrences) == (True, 7)


def test_a_snoozed_alert_that_was_not_told_yet_waits(
    scene: Scene, outbox: Outbox, champion: Row
) -> None:
    outbox.check(champion)
    (alert,) = scene.alerts()
    scene.store.snooze_alert(alert["id"], until=datetime.now(UTC) + timedelta(hours=1))
    assert outbox.told() == []

    outbox.pass_time("61 minutes")

    assert outbox.events() == [("degradation", "churn")]


def test_snoozing_is_shown_and_on_record(scene: Scene, champion: Row, outbox: Outbox) -> None:
    outbox.check(champion)
    (alert,) = scene.alerts()
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=8)

    scene.as_role(Role.OPERATOR).snooze_alert(alert["id"], until=until)

    (shown,) = scene.store.get_status()["open_alerts"]
    (listed,) = scene.store.list_alerts()["items"]
    assert shown["snoozed_until"] == listed["snoozed_until"] == until.isoformat()
    newest = scene.store.list_audit_logs(limit=1)["items"][0]
    assert newest["action"] == "alert.updated"
    assert newest["after"] == {"snoozed_until": until.isoformat()}
    assert newest["actor"]["id"] == "key-operator"


@pytest.mark.parametrize("hours", [-1, 0, 24 * 31])
def test_an_alert_is_snoozed_for_a_time_that_is_bounded(
    scene: Scene, champion: Row, outbox: Outbox, hours: int
) -> None:
    outbox.check(champion)
    (alert,) = scene.alerts()

    with pytest.raises(InvalidRequest, match="until"):
        scene.store.snooze_alert(alert["id"], until=datetime.now(UTC) + timedelta(hours=hours))


def test_only_an_alert_that_stands_is_snoozed_and_not_by_viewers(
    scene: Scene, champion: Row, outbox: Outbox
) -> None:
    outbox.check(champion)
    outbox.check(champion, "healthy")
    (alert,) = scene.alerts()
    until = datetime.now(UTC) + timedelta(hours=1)

    with pytest.raises(IllegalTransition, match="is resolved"):
        scene.store.snooze_alert(alert["id"], until=until)
    with pytest.raises(NotFound):
        scene.store.snooze_alert(uuid4(), until=until)
    with pytest.raises(Forbidden):
        scene.as_role(Role.VIEWER).snooze_alert(alert["id"], until=until)


def test_whoever_looks_after_an_alert_is_not_reminded_and_hears_the_end(
    scene: Scene, outbox: Outbox, champion: Row
) -> None:
    outbox.check(champion)
    outbox.told()
    scene.store.acknowledge_alert(scene.alerts()[0]["id"])
    outbox.pass_time("2 days")
    outbox.check(champion)
    assert outbox.told() == []

    outbox.check(champion, "healthy")
    outbox.settle()

    (notice,) = outbox.told()
    assert notice.resolved


# Silence ------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["succeeded", "failed", "crashed", "deployed", "waits"])
def test_a_job_that_is_asked_for_in_silence_tells_nobody_how_it_ended(
    scene: Scene, outbox: Outbox, champion: Row, end: str
) -> None:
    job = scene.running_job(force=True, notify=False, auto_deploy=end != "waits")
    approved = judgement(champion_deployment_id=str(champion["id"]))
    outcomes = {
        **JOB_ENDS,
        "crashed": {"status": "failed", "error": {"type": "x", "status": 500, "detail": "No."}},
        "deployed": {**JOB_ENDS["succeeded"], "validation": approved},
        "waits": {**JOB_ENDS["succeeded"], "validation": approved},
    }

    finished = scene.store.finish_training_job(job, outcomes[end])

    assert finished["notify"] is False
    assert outbox.told() == []


def test_a_failure_in_silence_and_one_aloud_are_told_by_the_second(
    outbox: Outbox, champion: Row
) -> None:
    outbox.fail(notify=False)
    assert outbox.told() == []

    outbox.fail()

    assert outbox.events() == [("training_failed", "churn")]


def test_a_degradation_is_told_whoever_asked_for_the_check(
    scene: Scene, outbox: Outbox, champion: Row
) -> None:
    job = scene.running_job(notify=False)
    scene.store.finish_training_job(
        job, {"status": "skipped", "skip_reason": "Too soon.", "check": check_of(champion)}
    )

    assert outbox.events() == [("degradation", "churn")]


def test_a_deployment_that_is_asked_for_in_silence_tells_nobody(
    scene: Scene, outbox: Outbox, champion: Row
) -> None:
    challenger = scene.challenger()
    outbox.told()

    operation = scene.deploy(challenger["id"], notify=False)

    assert operation["parameters"]["notify"] is False
    assert outbox.told() == []


@pytest.mark.parametrize(("first", "second"), [(True, False), (False, True)])
@pytest.mark.parametrize("running", [False, True])
def test_a_job_that_two_ask_for_tells_when_either_wants_it(
    scene: Scene, champion: Row, first: bool, second: bool, running: bool
) -> None:
    ask = scene.running_job if running else scene.queued_job
    asked = ask(force=True, notify=first)
    scene.queued_job(notify=second)

    (job,) = scene.rows("select id, notify from ml_training_jobs where status <> 'succeeded'")

    assert job == {"id": getattr(asked, "id", asked), "notify": True}


def test_a_job_that_follows_is_as_silent_as_all_who_ask_for_it(scene: Scene, champion: Row) -> None:
    running = scene.running_job(notify=True)
    for _ in range(2):
        scene.queued_job(force=True, notify=False)
    assert scene.job(running.id)["notify"] is True

    finished = scene.store.finish_training_job(
        running, {"status": "succeeded", "model": trained_model("next")}
    )

    assert scene.job(finished["follow_up_id"])["notify"] is False
