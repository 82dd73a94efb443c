"""`refit notify`, the doctor's look at channels, and the address that `refit up` links to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import psycopg
import pytest

from core.cli.running_system import child_specs
from core.cli.session import Session
from core.doctor.findings import look
from core.doctor.notifications import look_at_channels
from core.settings import Settings
from tests.cli.conftest import Refit, addresses, refit
from tests.cli.test_doctor import findings
from tests.notifications.smtp_receiver import mail_server
from tests.webhooks.receiver import OK, receiving, says

__all__ = ["addresses", "refit"]  # fixtures

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")
CHANNELS = ("SLACK_WEBHOOK_URL", "EMAIL_SMTP_CONFIG", "REFIT_NOTIFY_URLS", "DASHBOARD_URL")


@pytest.fixture(autouse=True)
def no_channels(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in CHANNELS:
        monkeypatch.delenv(name, raising=False)


def test_a_test_message_reaches_each_channel(refit: Refit) -> None:
    with receiving(OK) as receiver, mail_server() as server:
        result = refit(
            "notify",
            "test",
            SLACK_WEBHOOK_URL=f"{receiver.url('/s3cretpart')}#quiet=00:00-23:59&events=digest",
            EMAIL_SMTP_CONFIG=server.url(),
            REFIT_NOTIFY_URLS=f"json://127.0.0.1:{receiver.port}/s3cretpart#name=robot",
            DASHBOARD_URL="https://refit.example.org",
        )

    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines() == [
        "slack: delivered.",
        "email: delivered.",
        "robot: delivered.",
    ]
    (mail,) = server.received
    assert mail.mail["Subject"] == "Refit: a test message"
    assert "https://refit.example.org/en/ml-training" in mail.part("plain")
    assert len(receiver.received) == 2


def test_a_channel_that_fails_says_why_and_the_others_are_told(refit: Refit) -> None:
    with receiving(says(404)) as receiver, mail_server() as server:
        server.refused = frozenset({"gone@example.org"})
        variables = {
            "SLACK_WEBHOOK_URL": receiver.url("/s3cretpart"),
            "EMAIL_SMTP_CONFIG": f"{server.url()},gone@example.org",
        }
        both = refit("notify", "test", **variables)
        one = refit("notify", "test", "--channel", "email", **variables)

    assert both.exit_code == 1
    assert both.stdout.splitlines() == [
        "slack: not delivered. It answered 404.",
        "email: delivered. The server refused one reader (550); the others have it.",
    ]
    assert "s3cret" not in both.output
    assert one.exit_code == 0
    assert one.stdout.startswith("email: delivered.")
    assert len(receiver.received) == 1


def test_there_must_be_a_channel_to_test(refit: Refit) -> None:
    none = refit("notify", "test")
    other = refit("notify", "test", "--channel", "x", SLACK_WEBHOOK_URL="https://h/s3cretpart")
    wrong = refit("notify", "test", SLACK_WEBHOOK_URL="https://h/s3cretpart#severity=x")

    assert (none.exit_code, other.exit_code, wrong.exit_code) == (1, 1, 1)
    assert "SLACK_WEBHOOK_URL, EMAIL_SMTP_CONFIG or REFIT_NOTIFY_URLS" in none.stderr
    assert "There is no channel 'x'. There are: slack." in other.stderr
    assert "severity knows no 'x'" in wrong.stderr
    assert "s3cret" not in other.output + wrong.output


def test_the_list_of_channels_shows_no_address(refit: Refit) -> None:
    variables = {
        "SLACK_WEBHOOK_URL": "https://hooks.slack.com/s3cretpart",
        "EMAIL_SMTP_CONFIG": "smtps://u%40x.org:s3cretpart@mail.example.org/?to=a@x.org"
        "#quiet=22:00-07:00&zone=Europe/Amsterdam&events=digest+rolled_back&name=boss",
    }
    table = refit("notify", "channels", **variables)
    listed = refit("notify", "channels", "--json", **variables)

    assert table.exit_code == listed.exit_code == 0, table.output
    for shown in ("slack", "all but digest", "rolled_back, digest", "22:00-07:00", "Amsterdam"):
        assert shown in " ".join(table.stdout.split())
    items = json.loads(listed.stdout)["items"]
    assert [item["name"] for item in items] == ["slack", "boss"]
    assert items[1] == {
        "name": "boss",
        "kind": "email",
        "events": ["rolled_back", "digest"],
        "least_severity": "info",
        "quiet": {"from": "22:00", "until": "07:00", "zone": "Europe/Amsterdam"},
    }
    for output in (table.output, listed.output):
        assert "s3cret" not in output
        assert "example.org" not in output
    assert "No channel is configured" in refit("notify", "channels").stderr
    assert json.loads(refit("notify", "channels", "--json").stdout) == {"items": []}


def test_the_list_shows_what_was_told_and_what_was_not(refit: Refit, database_url: str) -> None:
    empty = refit("notify", "list", "--json")
    with psycopg.connect(database_url) as connection:
        connection.execute(
            """
            with told as (
                insert into ml_notifications (event, severity, environment, plan_error)
                values ('digest', 'info', 'production', 'It is odd.') returning id
            )
            insert into ml_notification_deliveries (
                notification_id, channel, telling, status, withheld_because, last_error,
                delivered_at
            )
            select told.id, channel, 'opened', status, because, error, at
            from told, (values
                ('boss', 'delivered', null, null, now()),
                ('ops', 'failed', null, 'It answered 404.', null),
                ('slack', 'withheld', 'not_chosen', null, null)
            ) as d (channel, status, because, error, at)
            """
        )
    table = refit("notify", "list", "--event", "digest")
    listed = refit("notify", "list", "--json")

    assert empty.exit_code == table.exit_code == 0, empty.output + table.output
    assert json.loads(empty.stdout) == {"items": [], "next_cursor": None}
    first, error, *deliveries = table.stdout.splitlines()
    assert first.endswith("info  digest  all model types")
    assert error == "    nobody could be chosen: It is odd."
    assert deliveries[0].startswith("    boss: opened, delivered, 20")
    assert deliveries[1].startswith("    ops: opened, failed")
    assert deliveries[1].endswith(": It answered 404.")
    assert deliveries[2] == "    slack: opened, not sent (not chosen)"
    (item,) = json.loads(listed.stdout)["items"]
    assert [d["channel"] for d in item["deliveries"]] == ["boss", "ops", "slack"]
    assert refit("notify", "list", "--event", "nonsense").exit_code == 2


# The doctor ----------------------------------------------------------------------------------


def looked(**variables: str) -> list[tuple[str, str]]:
    found = look("notifications", look_at_channels, Settings(**variables))  # type: ignore[arg-type]
    assert "s3cret" not in str(found)
    return [(finding.outcome.value, finding.what) for finding in found]


def test_the_doctor_looks_at_the_channels() -> None:
    slack = "https://hooks.slack.com/s3cretpart"
    link = "https://refit.example.org"

    assert looked() == [("ok", "No channel is configured: Refit sends no messages.")]
    assert looked(SLACK_WEBHOOK_URL=slack, DASHBOARD_URL=link) == [
        ("ok", "Messages go to slack; try: refit notify test.")
    ]
    assert looked(SLACK_WEBHOOK_URL=slack)[1] == (
        "warn",
        "DASHBOARD_URL is not set: messages link nowhere.",
    )
    assert looked(REFIT_NOTIFY_URLS="nonsense://s3cretpart", DASHBOARD_URL=link) == [
        ("warn", "Apprise makes no channel of REFIT_NOTIFY_URLS' nonsense.")
    ]
    assert looked(SLACK_WEBHOOK_URL=f"{slack}#quiet=x") == [
        ("fail", "SLACK_WEBHOOK_URL: quiet is no span of hours; write quiet=22:00-07:00.")
    ]


def test_a_channel_that_makes_no_sense_is_a_finding_of_the_doctor(refit: Refit) -> None:
    result = refit("doctor", "--json", SLACK_WEBHOOK_URL="https://h/s3cretpart#severity=loud")

    (found,) = findings(result, "notifications")
    assert found["outcome"] == "fail"
    assert "severity knows no 'loud'" in found["what"]
    assert "s3cret" not in result.output


# The running system --------------------------------------------------------------------------


def environs(tmp_path: Path, **variables: str) -> list[str | None]:
    settings = Settings(home=tmp_path, **variables)  # type: ignore[arg-type]
    unused: Any = None
    session = Session(
        settings=settings,
        store=unused,
        doorbell=unused,
        is_embedded=True,
        home=tmp_path,
        environ={},
    )
    specs = child_specs(session, "127.0.0.1", 3456)
    assert [spec.name for spec in specs] == ["functions", "scheduler", "worker"]
    return [spec.environ.get("DASHBOARD_URL") for spec in specs]


def test_up_tells_its_children_where_the_dashboard_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    assert environs(tmp_path) == ["http://localhost:3456"] * 3
    # The operator's own is in the environment that children inherit.
    monkeypatch.setenv("DASHBOARD_URL", "https://refit.example.org")
    assert environs(tmp_path) == [None] * 3
