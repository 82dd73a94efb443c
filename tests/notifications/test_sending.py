"""Every other channel, by Apprise: told, judged by what it answers, left when it stalls."""

from __future__ import annotations

import json
import logging
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from io import StringIO
from pathlib import Path

import pytest

from core.notifications.channels import Channel
from core.notifications.message import Message
from core.notifications.not_delivered import NotDelivered
from core.notifications.others import is_known
from core.notifications.sending import TIME_LIMIT_S, send
from core.notifications.text import as_text
from tests.notifications.smtp_receiver import mail_server
from tests.webhooks.receiver import OK, receiving, says

MakeChannel = Callable[..., Channel]
# What Apprise's PGP support loads where it is there.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def logged() -> Iterator[StringIO]:
    """All that a program would log that shows everything."""
    stream, root = StringIO(), logging.getLogger()
    handler, level = logging.StreamHandler(stream), root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield stream
    root.setLevel(level)
    root.removeHandler(handler)


def other(channel: MakeChannel, port: int) -> Channel:
    return channel(
        REFIT_NOTIFY_URLS=f"json://robot:s3cretpart@127.0.0.1:{port}/hook/s3crettoo#name=robot"
    )


def test_any_channel_of_apprise_gets_title_and_text(channel: MakeChannel, message: Message) -> None:
    with receiving(OK) as receiver:
        send(other(channel, receiver.port), message)

    (request,) = receiver.received
    body = json.loads(request.body)
    assert request.line == "POST /hook/s3crettoo HTTP/1.1"
    assert body["title"] == message.subject
    assert body["message"] == as_text(message).strip()
    assert body["type"] == "warning"


@pytest.mark.parametrize(
    ("answer", "reason", "transient"),
    [
        (says(400), "It answered 400.", False),
        (says(404), "It answered 404.", False),
        (says(429), "It answered 429.", True),
        (says(503), "It answered 503.", True),
        # Followed, a POST would become a GET, and what that answers would count as delivered.
        (says(302, "Location: /elsewhere"), "It answered 302.", False),
        (b"", "It did not take the message.", True),
    ],
)
def test_what_it_answers_decides_whether_it_is_tried_again(
    channel: MakeChannel,
    message: Message,
    logged: StringIO,
    capfd: pytest.CaptureFixture[str],
    answer: bytes,
    reason: str,
    transient: bool,
) -> None:
    with receiving(answer) as receiver, pytest.raises(NotDelivered) as raised:
        send(other(channel, receiver.port), message)

    assert raised.value.reason == reason
    assert raised.value.transient is transient
    assert len(receiver.received) == 1
    printed = capfd.readouterr()
    assert "s3cret" not in logged.getvalue() + printed.out + printed.err


def test_nothing_that_is_sent_is_logged(
    channel: MakeChannel, message: Message, logged: StringIO
) -> None:
    logging.getLogger("test").debug("it listens")
    with receiving(OK) as receiver, mail_server(login=("u", "s3cretpart")) as server:
        send(other(channel, receiver.port), message)
        send(channel(EMAIL_SMTP_CONFIG=server.url(user="u:s3cretpart")), message)

    assert server.received[0].user == "u"
    assert "it listens" in logged.getvalue()
    assert "s3cret" not in logged.getvalue()


def test_what_apprise_does_not_know_is_no_channel(channel: MakeChannel, message: Message) -> None:
    nonsense = channel(REFIT_NOTIFY_URLS="nonsense://s3cretpart/x")

    with pytest.raises(NotDelivered, match="Apprise knows no such channel.") as raised:
        send(nonsense, message)

    assert not raised.value.transient
    assert is_known("tgram://123456789:abcdefg_hijklmnop/12315544/")
    assert not is_known("tgram://")


def hangs(connection: socket.socket) -> None:
    connection.recv(1)


def test_a_channel_that_hangs_is_left_in_time(channel: MakeChannel, message: Message) -> None:
    is_known("json://host/")  # loading Apprise takes about a second
    begun = time.monotonic()
    with receiving(hangs) as receiver, pytest.raises(NotDelivered) as raised:
        send(other(channel, receiver.port), message, time_limit_s=0.5)

    assert time.monotonic() - begun < 3
    assert raised.value.reason == "It did not answer within 0.5 s."
    assert raised.value.transient


def test_channels_are_told_at_once_by_several_threads(
    channel: MakeChannel, message: Message
) -> None:
    with receiving(OK) as receiver, mail_server() as server, receiving(hangs) as stalled:
        channels = [
            other(channel, receiver.port),
            channel(SLACK_WEBHOOK_URL=receiver.url("/slack")),
            channel(EMAIL_SMTP_CONFIG=server.url()),
            channel(SLACK_WEBHOOK_URL=stalled.url("/slack")),
        ]

        def tell(one: Channel) -> bool:
            try:
                send(one, message, time_limit_s=3)
            except NotDelivered:
                return False
            return True

        with ThreadPoolExecutor(8) as pool:
            told = list(pool.map(tell, channels * 4))

    assert told == [True, True, True, False] * 4
    assert len(receiver.received) == 8
    assert len(server.received) == 4


def test_whoever_is_left_hanging_does_not_keep_the_program(tmp_path: Path) -> None:
    script = """
import sys
from core.notifications.channels import channels_from
from core.notifications.messages import example_message
from core.notifications.sending import NotDelivered, send
from core.settings import Settings
for channel in channels_from(Settings()):
    try:
        send(channel, example_message(None, __import__("datetime").datetime.now().astimezone()),
             time_limit_s=0.3)
    except NotDelivered as exc:
        print(channel.name, exc.reason)
"""
    with receiving(hangs) as receiver:
        begun = time.monotonic()
        ended = subprocess.run(
            [sys.executable, "-c", script],
            cwd=tmp_path,
            env={
                "PATH": "/usr/bin:/bin",
                "PYTHONPATH": str(ROOT),
                "SLACK_WEBHOOK_URL": receiver.url("/x"),
                "EMAIL_SMTP_CONFIG": f"smtp://127.0.0.1:{receiver.port}/?from=a@x.org&to=b@x.org",
                "REFIT_NOTIFY_URLS": f"json://127.0.0.1:{receiver.port}/x",
            },
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.splitlines()[:2] == [
        "slack It did not answer within 0.3 s.",
        "email It did not answer within 0.3 s.",
    ]
    assert time.monotonic() - begun < 30


def test_the_time_limit_leaves_time_to_write_what_came_of_it() -> None:
    from core.worker.notifier import _LEASE_SECONDS

    assert TIME_LIMIT_S < _LEASE_SECONDS / 2
