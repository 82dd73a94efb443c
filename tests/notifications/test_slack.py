"""Blocks that Slack takes, and what becomes of a message where it does not."""

from __future__ import annotations

import json
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from core.notifications.channels import Channel
from core.notifications.events import Event
from core.notifications.message import Message, Table
from core.notifications.messages import compose
from core.notifications.sending import NotDelivered, send
from core.notifications.slack import escape, slack_payload
from tests.notifications.notices import notice
from tests.notifications.test_messages import states
from tests.webhooks.receiver import OK, receiving, says

MakeChannel = Callable[..., Channel]
SECRET = "/services/T0/B0/s3cretpart"


def check_blocks(payload: dict[str, Any]) -> None:
    """Slack's own rules: https://docs.slack.dev/reference/block-kit/blocks."""
    assert 1 <= len(payload["text"]) <= 3000
    assert 1 <= len(payload["blocks"]) <= 50
    for block in payload["blocks"]:
        match block["type"]:
            case "header":
                assert block["text"]["type"] == "plain_text"
                assert 1 <= len(block["text"]["text"]) <= 150
            case "section":
                assert ("text" in block) != ("fields" in block)
                texts = [block["text"]] if "text" in block else block["fields"]
                assert 1 <= len(texts) <= 10
                for text in texts:
                    assert text["type"] == "mrkdwn"
                    assert text["verbatim"] is True
                    assert 1 <= len(text["text"]) <= (3000 if "text" in block else 2000)
            case "actions":
                (button,) = block["elements"]
                assert button["type"] == "button"
                assert 1 <= len(button["text"]["text"]) <= 75
                assert button["url"].startswith("http")
                assert len(button["url"]) <= 3000
            case "context":
                assert 1 <= len(block["elements"]) <= 10
            case other:
                raise AssertionError(other)


def texts(payload: dict[str, Any]) -> str:
    return json.dumps(payload, ensure_ascii=False)


@pytest.mark.parametrize(("event", "state"), list(states()))
def test_every_message_is_valid_blocks(event: Event, state: dict[str, Any]) -> None:
    payload = slack_payload(compose(notice(event, **state), "https://refit.example.org"))

    check_blocks(payload)
    kinds = [block["type"] for block in payload["blocks"]]
    assert kinds[0] == "header"
    assert kinds[-2:] == ["actions", "context"]
    # What is Slack's markup in a title would name channels and people.
    assert "<next month>" not in texts(payload)


def test_a_message_of_any_size_fits(message: Message) -> None:
    huge = replace(
        message,
        subject="&" * 500,
        what="<&>" * 3000,
        facts=tuple((f"<{number}>", "&" * 3000) for number in range(30)),
        context="x" * 9000,
        link="https://refit.example.org/" + "x" * 4000,
        table=Table(columns=("Name", "Checks"), rows=(("<n>" * 20, "1"),) * 500),
    )

    payload = slack_payload(huge)

    check_blocks(payload)
    assert "more" in texts(payload)
    # No escape is cut in its middle.
    for text in (payload["text"], *(payload["blocks"][n]["text"]["text"] for n in (0, 1))):
        assert text.removesuffix("…").endswith(("&lt;", "&amp;", "&gt;"))


def test_what_would_be_markup_is_shown_as_it_is() -> None:
    assert escape("<!channel> & <https://x|y>") == "&lt;!channel&gt; &amp; &lt;https://x|y&gt;"


def test_receivers_that_know_no_blocks_get_all_of_it_as_text(message: Message) -> None:
    text = slack_payload(message)["text"]

    for part in message.sentences:
        assert escape(part) in text
    assert text.endswith(str(message.link))


def test_a_message_is_posted_to_the_webhook(channel: MakeChannel, message: Message) -> None:
    with receiving(OK) as receiver:
        address = f"{receiver.url(SECRET)}?token=a%2Fb#severity=info"
        remark = send(channel(SLACK_WEBHOOK_URL=address), message)

    assert remark is None
    (request,) = receiver.received
    assert request.line == f"POST {SECRET}?token=a%2Fb HTTP/1.1"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["user-agent"].startswith("refit/")
    assert json.loads(request.body) == slack_payload(message)


def with_body(status: int, body: str) -> bytes:
    return f"HTTP/1.1 {status} No\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()


@pytest.mark.parametrize(
    ("answer", "reason", "transient"),
    [
        (with_body(400, "invalid_blocks"), "It answered 400: it does not take these", False),
        (with_body(403, "action_prohibited"), "It answered 403: the workspace does not", False),
        (with_body(404, "no_service"), "It answered 404: the webhook is gone", False),
        (with_body(404, f"no {SECRET} here"), "It answered 404.", False),
        (with_body(410, "channel_is_archived"), "It answered 410: the channel is arch", False),
        (says(302, "Location: http://127.0.0.1:9/"), "It answered 302.", False),
        (says(408), "It answered 408.", True),
        (says(429, "Retry-After: 30"), "It answered 429.", True),
        (says(500), "It answered 500.", True),
        (says(503), "It answered 503.", True),
        (b"not HTTP at all\r\n\r\n", "The connection broke.", True),
        (b"", "The connection broke.", True),
    ],
)
def test_what_slack_says_decides_whether_it_is_tried_again(
    channel: MakeChannel, message: Message, answer: bytes, reason: str, transient: bool
) -> None:
    with receiving(answer) as receiver, pytest.raises(NotDelivered) as raised:
        send(channel(SLACK_WEBHOOK_URL=receiver.url(SECRET)), message)

    assert raised.value.reason.startswith(reason)
    assert raised.value.transient is transient
    assert "s3cret" not in raised.value.reason


def hangs(connection: socket.socket) -> None:
    connection.recv(1)


def drips(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    for number in range(200):
        connection.sendall(f"X-{number}: y\r\n".encode())
        time.sleep(0.1)


@pytest.mark.parametrize("answer", [hangs, drips])
def test_a_receiver_that_stalls_is_left_in_time(
    channel: MakeChannel, message: Message, answer: Callable[[socket.socket], None]
) -> None:
    begun = time.monotonic()
    with receiving(answer) as receiver, pytest.raises(NotDelivered) as raised:
        send(channel(SLACK_WEBHOOK_URL=receiver.url(SECRET)), message, time_limit_s=0.6)

    assert time.monotonic() - begun < 3
    assert raised.value.transient
    assert "did not answer" in raised.value.reason


def test_nobody_there_is_worth_another_try(channel: MakeChannel, message: Message) -> None:
    with pytest.raises(NotDelivered, match="It cannot be reached.") as raised:
        send(channel(SLACK_WEBHOOK_URL=f"http://127.0.0.1:9{SECRET}"), message)

    assert raised.value.transient


def test_a_certificate_that_is_not_valid_is_refused(
    channel: MakeChannel, message: Message, tls_of_server: ssl.SSLContext
) -> None:
    with receiving(OK, tls=tls_of_server) as receiver:
        slack = channel(SLACK_WEBHOOK_URL=receiver.url(SECRET).replace("http:", "https:"))
        with pytest.raises(NotDelivered) as raised:
            send(slack, message)

    assert "certificate is not valid" in raised.value.reason
    assert receiver.received == []


def test_an_error_of_our_own_shows_where_and_nothing_of_the_address(
    channel: MakeChannel, message: Message, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(url: str, *_arguments: object, **_more: object) -> None:
        raise RuntimeError(f"cannot do {url}")

    monkeypatch.setattr("core.notifications.slack.send_slack", broken)
    structlog.reset_defaults()

    with capture_logs() as logged, pytest.raises(NotDelivered) as raised:
        send(channel(SLACK_WEBHOOK_URL=f"http://127.0.0.1:9{SECRET}"), message)

    assert raised.value.transient
    assert "test_slack.py" in logged[0]["traceback"]
    assert "s3cret" not in str(logged) + raised.value.reason
