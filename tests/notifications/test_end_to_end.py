"""A job fails, and people hear of it: a real worker, a real mail server, a real webhook."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.notifications.smtp_receiver import mail_server
from tests.webhooks.receiver import OK, receiving
from tests.worker.lab import Lab, Row, eventually, open_lab


@pytest.fixture
def lab(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[Lab]:
    folder = tmp_path / "artifacts"
    folder.mkdir()
    with open_lab(database_url, redis_url, folder) as lab:
        yield lab


def hangs(connection: socket.socket) -> None:
    connection.recv(1)


def test_a_training_that_fails_is_told_wherever_somebody_listens(lab: Lab, tmp_path: Path) -> None:
    name = lab.model_type("no_such_table", title="Who leaves <next> month")
    with receiving(OK) as slack, mail_server() as mail, receiving(hangs) as stalled:
        variables = {
            "SLACK_WEBHOOK_URL": slack.url("/services/s3cretpart"),
            "EMAIL_SMTP_CONFIG": mail.url(),
            "REFIT_NOTIFY_URLS": f"json://127.0.0.1:{stalled.port}/s3cretpart#name=stalled "
            f"jsons://s3cretpart@127.0.0.1:9/#name=down",
            "DASHBOARD_URL": "https://refit.example.org",
            "LOG_LEVEL": "DEBUG",
        }
        with lab.worker(tmp_path, **variables) as worker:
            job = lab.retrain(name, force=True)
            beside = lab.ask_for_training(lab.model_type(), force=True)
            (request,) = slack.wait_for(1)
            (letter,) = mail.wait_for(1)
            told = eventually(lambda: deliveries(lab, "delivered", 2))
            other = lab.ended_job(beside)

    assert job["status"] == "failed"
    link = f"https://refit.example.org/en/ml-training/jobs/{job['id']}"
    posted = json.loads(request.body)
    assert link in json.dumps(posted)
    assert "Who leaves &lt;next&gt; month" in posted["text"]
    assert letter.mail["Subject"].startswith("Who leaves <next> month: the data has a problem")
    assert link in letter.part("plain")
    assert link in letter.part("html")
    # Those that are down or hang held up neither the work nor the others.
    assert other["status"] == "succeeded"
    assert {row["channel"] for row in told} == {"email", "slack"}
    assert "s3cret" not in worker.log
    assert "s3cret" not in json.dumps(
        lab.rows("select * from ml_notification_deliveries"), default=str
    )


def deliveries(lab: Lab, status: str, count: int) -> list[Row] | None:
    """The deliveries of the job that failed, once there are enough."""
    rows = lab.rows(
        "select d.* from ml_notification_deliveries as d"
        " join ml_notifications as n on d.notification_id = n.id"
        " where n.event in ('data_quality', 'training_failed') and d.status = %s",
        status,
    )
    return rows if len(rows) >= count else None
