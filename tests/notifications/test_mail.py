"""Mail that a real server takes: both parts, every header, and each way that it can fail."""

from __future__ import annotations

import re
import ssl
import time
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest

from core.notifications.channels import Channel
from core.notifications.events import Event
from core.notifications.mail import as_html, compose_mail
from core.notifications.mail_address import MailAddress
from core.notifications.message import Message
from core.notifications.messages import compose
from core.notifications.not_delivered import NotDelivered
from core.notifications.sending import send
from core.notifications.smtp import send_mail
from tests.notifications.notices import notice
from tests.notifications.smtp_receiver import DRIP, HANG, mail_server
from tests.notifications.test_messages import states

MakeChannel = Callable[..., Channel]
USER = "refit%40example.org:s3cret%23%2Fword"
LOGIN = ("refit@example.org", "s3cret#/word")
LIMIT_S = 5.0


def sent(url: str, message: Message, tls: ssl.SSLContext | None = None) -> str | None:
    return send_mail(MailAddress.parse(url), message, time_limit_s=LIMIT_S, tls=tls)


class Tags(HTMLParser):
    """The tags of a page, which must close in order; its texts; what it would load."""

    VOID = frozenset({"meta", "br", "img", "link"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.loads: list[str] = []
        self.links: list[str] = []
        self.text = ""
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        assert not any(name.startswith("on") for name in named)
        if tag in {"img", "link", "script", "iframe"} or "src" in named:
            self.loads.append(tag)
        if tag == "a":
            self.links.append(str(named["href"]))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize(("event", "state"), list(states()))
def test_every_message_is_a_mail_that_loads_nothing(event: Event, state: dict[str, Any]) -> None:
    message = compose(notice(event, **state), "https://refit.example.org")

    page = as_html(message)
    tags = Tags(page)

    assert tags.loads == []
    assert "url(" not in page
    assert tags.links == [message.link]
    for sentence in message.sentences:
        assert sentence in tags.text  # escaped in the page, whole for the reader
    assert "<next month>" not in page
    assert "prefers-color-scheme: dark" in page
    assert len(page.encode()) < 20_000


def test_a_mail_has_text_and_html_and_is_read_as_one_conversation(message: Message) -> None:
    with mail_server() as server:
        url = f"{server.url()},b@example.org"
        assert sent(url, message) is None
        sent(url, message)

    first, second = server.received
    mail = first.mail
    assert (first.sender, first.recipients) == (
        "refit@example.org",
        ["ops@example.org", "b@example.org"],
    )
    assert mail["From"] == "Refit <refit@example.org>"
    assert mail["To"] == "ops@example.org, b@example.org"
    assert mail["Subject"] == message.subject
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Date"].datetime.tzinfo is not None
    assert mail.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]
    assert message.why in first.part("plain")
    assert "Open the model: http://refit.example.org" in first.part("plain")
    assert "prefers-color-scheme" in first.part("html")
    # Sent again after a crash, a reader's program can tell that it is the same.
    assert mail["Message-ID"] == second.mail["Message-ID"]
    assert mail["References"] == f"<{message.thread}@example.org>"
    # Lines that some servers would break.
    assert max(len(line) for line in first.data.split(b"\r\n")) <= 998


def test_letters_beyond_ascii_arrive(message: Message) -> None:
    greek = replace(message, subject="Πελάτες: 😀 naïve", what="Größer als je zuvor.")

    with mail_server() as server:
        sent(f"{server.url()}&to=Jos%C3%A9%20<jose@example.org>", greek)

    (received,) = server.received
    assert received.mail["Subject"] == "Πελάτες: 😀 naïve"
    assert "José <jose@example.org>" in received.mail["To"]
    assert "Größer als je zuvor." in received.part("plain")
    assert received.data.isascii()


@pytest.mark.parametrize(
    "title", ["x\r\nBcc: evil@example.org", "x\nX-Other: 1", "x\r", "x\u2029y"]
)
def test_a_title_writes_no_headers(title: str) -> None:
    message = compose(notice("degradation", title=title), None)

    mail = compose_mail(MailAddress.parse("smtp://h/?from=a@x.org&to=b@x.org"), message)

    assert set(mail) == {
        *("From", "To", "Subject", "Date", "Message-ID", "References", "Auto-Submitted"),
        *("MIME-Version", "Content-Type"),
    }
    assert re.search(rb"^(Bcc|X-Other):", mail.as_bytes(), re.MULTILINE) is None


# Encryption ----------------------------------------------------------------------------------


def test_what_a_server_offers_to_encrypt_is_encrypted(
    message: Message, tls_of_server: ssl.SSLContext, tls_of_sender: ssl.SSLContext
) -> None:
    with mail_server(starttls=tls_of_server, login=LOGIN) as server:
        sent(server.url(user=USER), message, tls_of_sender)

    (received,) = server.received
    assert received.encrypted
    assert received.user == "refit@example.org"
    assert server.commands.index("STARTTLS") < [c[:4] for c in server.commands].index("AUTH")


def test_smtps_is_encrypted_from_the_first_byte(
    message: Message, tls_of_server: ssl.SSLContext, tls_of_sender: ssl.SSLContext
) -> None:
    with mail_server(implicit=tls_of_server, login=LOGIN) as server:
        sent(server.url(scheme="smtps", user=USER, host="localhost"), message, tls_of_sender)

    (received,) = server.received
    assert received.encrypted
    assert "STARTTLS" not in server.commands


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
def test_a_certificate_that_is_not_valid_is_refused_before_the_password(
    message: Message, tls_of_server: ssl.SSLContext, scheme: str
) -> None:
    how = {"starttls" if scheme == "smtp" else "implicit": tls_of_server}
    with mail_server(login=LOGIN, **how) as server, pytest.raises(NotDelivered) as raised:  # type: ignore[arg-type]
        sent(server.url(scheme=scheme, user=USER), message)

    assert raised.value.reason == "The server's certificate is not valid."
    assert not any(command.startswith("AUTH") for command in server.commands)


def test_smtps_to_a_server_that_speaks_first_says_that_the_port_differs(message: Message) -> None:
    with mail_server() as server, pytest.raises(NotDelivered, match="differ in port"):
        sent(server.url(scheme="smtps"), message)


def test_a_password_goes_unencrypted_to_this_machine_alone(
    message: Message, monkeypatch: pytest.MonkeyPatch
) -> None:
    with mail_server(login=LOGIN) as server:
        sent(server.url(user=USER), message)
        monkeypatch.setattr(MailAddress, "is_local", False)
        with pytest.raises(NotDelivered, match="no encryption") as raised:
            sent(server.url(user=USER), message)

    assert len(server.received) == 1
    assert not raised.value.transient
    assert sum(command.startswith("AUTH") for command in server.commands) == 1


# What servers say ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answers", "reason", "transient"),
    [
        ({"GREETING": "554 go away"}, "The server refused us (554).", False),
        ({"GREETING": "421 too busy"}, "The server refused us (421).", True),
        ({"AUTH": "535 refit@example.org with s3cret#/word"}, "refused user or password", False),
        ({"AUTH": "454 later"}, "refused user or password (454).", True),
        ({"MAIL": "553 not you"}, "refused the sender (553).", False),
        ({"MAIL": "451 later"}, "refused the sender (451).", True),
        ({"RCPT": "550 nobody"}, "refused every reader (550).", False),
        ({"RCPT": "450 greylisted"}, "refused every reader (450).", True),
        ({"DATA": "554 spam"}, "refused the message (554).", False),
        ({"DATA": "452 full"}, "refused the message (452).", True),
        ({"DATA": "421 going down"}, "refused the message (421).", True),
    ],
)
def test_what_a_server_says_decides_whether_it_is_tried_again(
    channel: MakeChannel, message: Message, answers: dict[str, str], reason: str, transient: bool
) -> None:
    with mail_server(answers=answers, login=LOGIN) as server:
        mail = channel(EMAIL_SMTP_CONFIG=server.url(user=USER))
        with pytest.raises(NotDelivered) as raised:
            send(mail, message)

    assert reason in raised.value.reason
    assert raised.value.transient is transient
    assert "s3cret" not in raised.value.reason
    assert server.received == []


def test_a_reader_who_is_not_known_keeps_it_from_no_other(message: Message) -> None:
    with mail_server() as server:
        server.refused = frozenset({"gone@example.org"})
        remark = sent(f"{server.url()}&to=gone@example.org", message)

    assert remark == "The server refused one reader (550); the others have it."
    assert server.received[0].recipients == ["ops@example.org"]


def test_what_was_taken_is_delivered_whatever_the_farewell_is(message: Message) -> None:
    with mail_server(answers={"QUIT": "500 what?"}) as server:
        assert sent(server.url(), message) is None

    assert len(server.received) == 1


def test_a_server_without_a_way_to_sign_in_is_no_good(message: Message) -> None:
    with mail_server() as server, pytest.raises(NotDelivered, match="does not offer") as raised:
        sent(server.url(user=USER), message)

    assert not raised.value.transient


def test_nobody_there_is_worth_another_try(message: Message) -> None:
    with pytest.raises(NotDelivered, match="cannot be reached") as raised:
        sent("smtp://127.0.0.1:9/?from=a@x.org&to=b@x.org", message)

    assert raised.value.transient


@pytest.mark.parametrize("at", ["GREETING", "EHLO", "RCPT", "DATA"])
@pytest.mark.parametrize("how", [HANG, DRIP])
def test_a_server_that_stalls_is_left_in_time(
    channel: MakeChannel, message: Message, at: str, how: str
) -> None:
    begun = time.monotonic()
    with mail_server(answers={at: how}) as server, pytest.raises(NotDelivered) as raised:
        send(channel(EMAIL_SMTP_CONFIG=server.url()), message, time_limit_s=0.5)

    assert time.monotonic() - begun < 3
    assert raised.value.transient
    assert "did not answer" in raised.value.reason
