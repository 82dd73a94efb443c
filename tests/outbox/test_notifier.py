"""Real workers telling a real receiver: soon, once, each channel for itself."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from core.notifications.channels import channels_from
from core.settings import Settings
from core.store import Store
from core.worker import notifier
from core.worker.context import WorkerContext
from core.worker.notifier import Notifier
from tests.database.factories import ADMIN, Scene
from tests.outbox.outbox import Outbox, channel
from tests.webhooks.receiver import OK, Receiver, receiving, says
from tests.worker.lab import Lab, RunningWorker, eventually, open_lab

TOKEN = "7c9f1e"
OTHER = channel("other")


@pytest.fixture
def lab(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[Lab]:
    folder = tmp_path / "artifacts"
    folder.mkdir()
    with open_lab(database_url, redis_url, folder) as lab:
        yield lab


@pytest.fixture
def scene(lab: Lab) -> Scene:
    return Scene(database=lab.database, owner=lab.owner, store=Store(lab.database, actor=ADMIN))


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


def hook(receiver: Receiver, wishes: str = "") -> str:
    return receiver.url(f"/services/T0/B0/{TOKEN}") + wishes


def wait_for_status(outbox: Outbox, status: str, count: int, name: str = "slack") -> None:
    eventually(lambda: sum(d["status"] == status for d in outbox.deliveries(name)) == count or None)


def lapse(scene: Scene) -> None:
    """Let what is waiting, or held, be due now."""
    scene.owner.execute(
        "update ml_notification_deliveries set next_attempt_at = now() where status = 'pending'"
    )


def test_what_a_training_came_to_is_told_once_by_whichever_worker(
    lab: Lab, outbox: Outbox, receiver: Receiver, tmp_path: Path
) -> None:
    name = lab.model_type(title="Who leaves us")
    variables = {"SLACK_WEBHOOK_URL": hook(receiver), "DASHBOARD_URL": "https://refit.example.org"}
    with lab.worker(tmp_path, **variables) as one, lab.worker(tmp_path, **variables) as two:
        job = lab.retrain(name)
        receiver.wait_for(1)
        wait_for_status(outbox, "delivered", 1)
        time.sleep(0.5)

    (told,) = receiver.received
    assert "Who leaves us" in told.body
    assert f"https://refit.example.org/en/ml-training/jobs/{job['id']}" in told.body
    assert len(one.events("notification_delivered") + two.events("notification_delivered")) == 1
    for worker in (one, two):
        assert TOKEN not in worker.log
    assert TOKEN not in repr(lab.rows("select * from ml_notification_deliveries"))


def test_what_another_worker_was_planning_is_told_as_soon_as_it_is_done(
    scene: Scene,
    lab: Lab,
    outbox: Outbox,
    receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(notifier, "POLL_SECONDS", 3600.0)
    for name, value in lab.variables(SLACK_WEBHOOK_URL=hook(receiver)).items():
        monkeypatch.setenv(name, value)
    settings = Settings()
    context = WorkerContext.from_settings(settings, lab.database)
    telling = Notifier(context, channels_from(settings), None)
    scene.model_type("churn")
    outbox.told(channel())
    outbox.fail()

    with psycopg.connect(lab.database_url) as other:
        other.execute("select claim_notifications('other', %s, 1)", (json.dumps([OTHER]),))
        telling.start()
        time.sleep(1)
        assert receiver.received == []
        other.commit()
    receiver.wait_for(1, within=10.0)

    context.leaving.set()
    telling.stop()


def test_a_channel_that_is_down_is_tried_again_and_harms_no_other(
    scene: Scene, lab: Lab, outbox: Outbox, receiver: Receiver, tmp_path: Path
) -> None:
    scene.model_type("churn")
    outbox.fail()
    with (
        receiving() as other,
        lab.worker(
            tmp_path,
            SLACK_WEBHOOK_URL=hook(receiver),
            REFIT_NOTIFY_URLS=f"json://127.0.0.1:{other.port}/hook#name=other",
        ),
    ):
        receiver.answers = [says(503), OK]
        other.wait_for(1)
        wait_for_status(outbox, "delivered", 1, "other")
        receiver.wait_for(1)
        eventually(lambda: [d for d in outbox.deliveries() if d["last_error"]])
        lapse(scene)
        wait_for_status(outbox, "delivered", 1)

    (delivery,) = outbox.deliveries()
    assert delivery["attempts"] == 2


def test_a_channel_that_hangs_holds_up_no_other(
    scene: Scene, lab: Lab, outbox: Outbox, receiver: Receiver, tmp_path: Path
) -> None:
    def says_nothing(connection: socket.socket) -> None:
        connection.recv(1)

    scene.model_type("churn")
    receiver.answers = [says_nothing]
    with (
        receiving() as other,
        lab.worker(
            tmp_path,
            SLACK_WEBHOOK_URL=hook(receiver),
            REFIT_NOTIFY_URLS=f"json://127.0.0.1:{other.port}/hook#name=other",
        ) as worker,
    ):
        outbox.fail()
        receiver.wait_for(1)
        scene.model_type("sales")
        outbox.fail("sales")

        other.wait_for(2, within=15.0)

        began = time.monotonic()
        assert worker.end() == 0
        # What was being sent is handed back, for another worker to send now.
        assert time.monotonic() - began < 15
    assert [n.model_type for n in outbox.claim()].count("churn") == 1


def test_what_a_killed_worker_held_is_told_by_another(
    scene: Scene, lab: Lab, outbox: Outbox, receiver: Receiver, tmp_path: Path
) -> None:
    scene.model_type("churn")
    outbox.fail()
    receiver.answers = [lambda _: time.sleep(3), OK]
    killed = RunningWorker(tmp_path, lab.variables(SLACK_WEBHOOK_URL=hook(receiver)))
    receiver.wait_for(1)
    killed.kill()
    lapse(scene)

    with lab.worker(tmp_path, SLACK_WEBHOOK_URL=hook(receiver)):
        wait_for_status(outbox, "delivered", 1)

    assert len(receiver.received) == 2
    assert json.loads(receiver.received[-1].body)


def test_a_channel_that_makes_no_sense_is_named_when_the_worker_starts(
    lab: Lab, tmp_path: Path
) -> None:
    worker = RunningWorker(tmp_path, lab.variables(SLACK_WEBHOOK_URL=f"ftp://example.org/{TOKEN}"))

    assert worker.process.wait(timeout=30) == 2
    assert "SLACK_WEBHOOK_URL" in worker.log
    assert TOKEN not in worker.log
