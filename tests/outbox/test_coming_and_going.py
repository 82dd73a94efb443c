"""What comes and goes, and what waits together: nothing that matters is hidden or said too soon."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from core.notifications.events import Event
from core.notifications.messages import compose
from tests.database.factories import Row, Scene, judgement
from tests.outbox.outbox import Outbox, quiet

TONIGHT = datetime.now(UTC) + timedelta(hours=8)


def test_what_comes_and_goes_within_minutes_is_told_once_an_hour_at_most(
    outbox: Outbox, champion: Row
) -> None:
    told = []
    # Worse at every second check, for two hours.
    for minute in range(0, 120, 5):
        outbox.check(champion, "healthy" if minute % 2 else "degraded")
        told += [(minute, n.resolved, n.reminder) for n in outbox.told()]
        outbox.pass_time("5 minutes")

    assert told == [(0, False, False), (60, False, True)]
    outbox.check(champion, "healthy")
    assert outbox.told() == []
    outbox.settle()
    (over,) = outbox.told()
    assert (over.resolved, over.occurrences) == (True, 12)
    assert outbox.told() == []


def test_what_is_there_again_and_stays_is_told_within_the_hour(
    outbox: Outbox, champion: Row
) -> None:
    outbox.check(champion)
    outbox.told()
    outbox.check(champion, "healthy")
    outbox.check(champion)
    assert outbox.told() == []

    outbox.pass_time("1 hour")

    (notice,) = outbox.told()
    assert (notice.reminder, notice.occurrences) == (True, 2)


def test_what_is_snoozed_stays_so_when_it_comes_and_goes(
    scene: Scene, outbox: Outbox, champion: Row
) -> None:
    outbox.check(champion)
    outbox.told()
    (alert,) = scene.alerts()
    scene.store.snooze_alert(alert["id"], until=datetime.now(UTC) + timedelta(hours=8))
    outbox.check(champion, "healthy")
    outbox.check(champion)

    for _ in range(2):
        assert outbox.told() == []
        outbox.pass_time("3 hours")
        outbox.check(champion)


def test_what_is_over_and_there_again_before_anybody_heard_is_told_as_standing(
    scene: Scene, outbox: Outbox, champion: Row
) -> None:
    outbox.fail()
    scene.trained(text="mended", validation=None)
    assert [n.event for n in outbox.told()] == [Event.TRAINING_SUCCEEDED]

    outbox.fail()

    (notice,) = outbox.told()
    assert (notice.event, notice.resolved_at) == (Event.TRAINING_FAILED, None)


def test_another_model_that_is_worse_is_another_trouble(
    scene: Scene, outbox: Outbox, champion: Row
) -> None:
    outbox.check(champion)
    outbox.told()
    next_champion = scene.champion(text="second")
    outbox.told()

    outbox.check(next_champion)

    assert outbox.events() == [("degradation", "churn")]


def test_a_degradation_whose_model_was_replaced_does_not_say_that_it_predicts_well(
    scene: Scene, outbox: Outbox, champion: Row
) -> None:
    outbox.check(champion)
    outbox.told()
    scene.champion(text="second")
    outbox.settle()

    (over,) = [n for n in outbox.told() if n.resolved]

    message = compose(over, None)
    assert message.subject == "Who leaves us: another model is in use"
    assert message.what.endswith("that predicted worse in production was replaced by another.")


def raise_alert(scene: Scene, kind: str, severity: str) -> None:
    scene.owner.execute(
        "select private.raise_alert('churn', 'production', %s, %s, 'It is refused.', '{}')",
        (kind, severity),
    )


def test_a_model_that_is_broken_is_not_hidden_by_one_that_could_not_replace_it(
    scene: Scene, outbox: Outbox, champion: Row
) -> None:
    raise_alert(scene, "artifact_mismatch", "critical")
    raise_alert(scene, "deployment_issue", "warning")

    told = {n.data["kind"] for n in outbox.told()}

    assert told == {"artifact_mismatch", "deployment_issue"}


def test_a_model_that_serves_is_not_hidden_by_the_training_after_it(
    scene: Scene, outbox: Outbox, champion: Row
) -> None:
    scene.champion(text="second")
    outbox.told(quiet(TONIGHT))
    against = judgement("rejected", champion_deployment_id=scene.champion_id())
    scene.trained(text="worse", validation=against)

    told = [(n.data["outcome"], n.data["model_version"]) for n in outbox.told()]

    assert told == [("deployed", 2), ("rejected", 3)]


def test_what_stands_is_not_told_as_over_with_what_ended_after_it(
    scene: Scene, outbox: Outbox, champion: Row
) -> None:
    for name in ("churn", scene.model_type("sales")):
        note_slot(scene, name, "1 hour")
    note_slot(scene, "sales", "0 seconds")
    outbox.pass_time("11 minutes")
    scene.owner.execute("update ml_notifications set last_at = now() where resolved_at is not null")

    (notice,) = outbox.told()

    assert notice.resolved_at is None


def note_slot(scene: Scene, model_type: str, late: str) -> None:
    scene.owner.execute(
        "select private.note_slot(s, now() - %s::interval) from ml_retraining_schedules as s "
        "where s.model_type = %s and s.kind = 'performance_check'",
        (late, model_type),
    )
