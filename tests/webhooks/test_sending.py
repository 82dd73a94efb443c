"""One callback, sent to a real receiver: signed, within limits, to the vetted address."""

from __future__ import annotations

import json
import socket
import ssl
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import WebhookVerificationError

from core.errors import ConfigurationError
from core.webhooks.addresses import AddressPolicy, resolve
from core.webhooks.backoff import DELAYS_S, JITTER, asked_seconds, delay_after
from core.webhooks.deliveries import ClaimedDelivery, Verdict
from core.webhooks.sending import Courier
from core.webhooks.signing import Signer, make_secret
from tests.webhooks.conftest import NAME
from tests.webhooks.receiver import OK, Names, Receiver, receiving, says

Deliveries = Callable[..., ClaimedDelivery]
DAY_S = 24 * 3600.0
LIKE_A_DATE = (
    r"(Tue, )?[0-9]{1,20} Nov [0-9]{1,20} [0-9]{1,20}:[0-9]{1,3}(:[0-9]+)? [+-][0-9]{1,30}"
)


def courier(
    secret: str | None = None,
    *,
    allowed: tuple[str, ...] = ("127.0.0.1", "::1", NAME),
    **options: object,
) -> Courier:
    return Courier(
        AddressPolicy(allowed_hosts=frozenset(allowed), loopback=False),
        Signer.from_secret(secret or make_secret()),
        **options,  # type: ignore[arg-type]
    )


# What arrives ------------------------------------------------------------------------------


def test_a_callback_is_signed_as_the_standard_says(
    receiver: Receiver, delivery: Deliveries, secret: str
) -> None:
    sent = delivery(receiver.url())

    assert courier(secret).send(sent).verdict is Verdict.DELIVERED

    (received,) = receiver.received
    assert received.id == str(sent.id)
    assert received.headers["content-type"] == "application/json"
    assert received.headers["host"] == f"127.0.0.1:{receiver.port}"
    assert received.verified(secret) == {
        "type": "training.completed",
        "timestamp": sent.created_at.isoformat(),
        "data": sent.payload,
    }
    with pytest.raises(WebhookVerificationError):
        received.verified(make_secret())


def test_path_and_query_arrive_byte_for_byte(receiver: Receiver, delivery: Deliveries) -> None:
    target = "/webhook//a/../b?sig=%2b%2B+%20&&x==;'\"<>^`{|}~&token=a%26b"

    courier().send(delivery(receiver.url(target)))

    assert receiver.received[0].line == f"POST {target} HTTP/1.1"


def test_every_attempt_has_the_same_id_and_body(
    receiver: Receiver, delivery: Deliveries, secret: str
) -> None:
    receiver.answers = [says(500), OK]
    sent = delivery(receiver.url())

    verdicts = [courier(secret).send(sent).verdict for _ in range(2)]

    assert verdicts == [Verdict.RETRY, Verdict.DELIVERED]
    first, second = receiver.received
    assert (first.id, first.body) == (second.id, second.body)
    second.verified(secret)


def test_no_proxy_of_the_environment_is_used(
    receiver: Receiver, delivery: Deliveries, monkeypatch: pytest.MonkeyPatch
) -> None:
    with receiving() as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "https_proxy"):
            monkeypatch.setenv(name, proxy.url(""))
        courier().send(delivery(receiver.url()))

        assert (receiver.connections, proxy.connections) == (1, 0)


# What the answer means ---------------------------------------------------------------------


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_any_2xx_is_delivered(receiver: Receiver, delivery: Deliveries, status: int) -> None:
    receiver.answers = [says(status)]

    assert courier().send(delivery(receiver.url())).verdict is Verdict.DELIVERED


@pytest.mark.parametrize("status", [408, 409, 425, 429, 500, 502, 503, 599])
def test_what_may_pass_is_tried_again(
    receiver: Receiver, delivery: Deliveries, status: int
) -> None:
    receiver.answers = [says(status)]

    attempt = courier().send(delivery(receiver.url()))

    assert (attempt.verdict, attempt.error) == (Verdict.RETRY, f"It answered {status}.")
    assert attempt.retry_in_s is not None
    assert 4.5 <= attempt.retry_in_s <= 5.5


def test_a_gateway_that_heard_nothing_leaves_it_open_whether_it_arrived(
    receiver: Receiver, delivery: Deliveries
) -> None:
    receiver.answers = [says(504)]

    attempt = courier().send(delivery(receiver.url()))

    assert (attempt.verdict, attempt.error) == (Verdict.UNANSWERED, "It answered 504.")


@pytest.mark.parametrize(
    ("may_have_arrived", "verdict"), [(False, Verdict.RETRY), (True, Verdict.DELIVERED)]
)
def test_a_conflict_says_that_it_arrived_only_after_an_attempt_that_may_have(
    receiver: Receiver, delivery: Deliveries, may_have_arrived: bool, verdict: Verdict
) -> None:
    receiver.answers = [says(409)]
    sent = replace(delivery(receiver.url(), attempt=2), may_have_arrived=may_have_arrived)

    assert courier().send(sent).verdict is verdict


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 410, 413, 422])
def test_what_will_not_pass_fails_at_once(
    receiver: Receiver, delivery: Deliveries, status: int
) -> None:
    receiver.answers = [says(status)]

    attempt = courier().send(delivery(receiver.url()))

    assert attempt.verdict is Verdict.FAILED
    assert (attempt.error or "").startswith(f"It answered {status}")


@pytest.mark.parametrize("status", [300, 301, 302, 303, 307, 308])
def test_no_redirect_is_followed(receiver: Receiver, delivery: Deliveries, status: int) -> None:
    with receiving() as other:
        receiver.answers = [says(status, f"Location: {other.url()}")]

        attempt = courier().send(delivery(receiver.url()))

        assert attempt.verdict is Verdict.FAILED
        assert attempt.error == f"It answered {status}: redirects are not followed."
        assert other.connections == 0


def test_the_receiver_may_ask_for_time_within_bounds(
    receiver: Receiver, delivery: Deliveries
) -> None:
    receiver.answers = [
        says(429, "Retry-After: 120"),
        says(503, "Retry-After: 999999999"),
        says(503, "Retry-After: soon"),
        says(503, "Retry-After: 0"),
        says(503, f"Retry-After: Tue, 24 Nov 2026 12:02:00 +{'9' * 20}"),
    ]
    sent = delivery(receiver.url())

    delays = [courier().send(sent).retry_in_s or 0 for _ in range(5)]

    assert delays[:2] == [120, 3600]
    assert all(4.5 <= delay <= 5.5 for delay in delays[2:])


def test_a_date_to_come_back_at_is_understood() -> None:
    now = datetime(2026, 11, 24, 12, tzinfo=UTC)

    assert asked_seconds("Tue, 24 Nov 2026 12:02:00 GMT", now) == 120
    assert asked_seconds("Tue, 24 Nov 2026 11:00:00 GMT", now) == 0
    assert asked_seconds("9" * 400, now) > 0
    assert [asked_seconds(text, now) for text in (None, "", "-5", "²", "0x10")] == [0] * 5
    # Numbers that no date can hold.
    assert asked_seconds(f"Tue, 24 Nov 2026 12:02:00 +{'9' * 20}", now) == 0
    assert asked_seconds(f"Tue, 24 Nov {'9' * 11} 12:02:00 GMT", now) == 0


@given(st.text(st.characters(max_codepoint=255)) | st.from_regex(LIKE_A_DATE, fullmatch=True))
def test_whatever_is_asked_for_is_a_time(text: str) -> None:
    assert asked_seconds(text, datetime(2026, 11, 24, 12, tzinfo=UTC)) >= 0


def test_delays_grow_and_end_within_a_day() -> None:
    for seed in range(200):
        random = Random(seed)
        delays = [delay_after(attempt, random) for attempt in range(1, len(DELAYS_S) + 1)]
        assert delays == sorted(delays)
        assert sum(delays) < DAY_S
        assert sum(delays) + delay_after(len(DELAYS_S) + 1, random) > DAY_S
    assert DAY_S * 0.8 < sum(DELAYS_S) * (1 + JITTER) < DAY_S


# Where it goes -----------------------------------------------------------------------------


def test_the_name_is_resolved_once_and_the_vetted_address_called(delivery: Deliveries) -> None:
    with receiving() as vetted, receiving() as other:
        names = Names(["127.0.0.1"], ["127.0.0.2"])
        sent = delivery(vetted.url(host=NAME))

        attempt = courier(resolver=names).send(sent)

        assert attempt.verdict is Verdict.DELIVERED
        assert names.asked == [(NAME, vetted.port)]
        assert vetted.received[0].headers["host"] == f"{NAME}:{vetted.port}"
        assert other.connections == 0


def test_a_name_that_leads_inside_is_refused_before_a_connection(
    receiver: Receiver, delivery: Deliveries
) -> None:
    for found in (["127.0.0.1"], ["8.8.8.8", "127.0.0.1"], ["::ffff:127.0.0.1"]):
        names = Names(found)
        attempt = courier(allowed=(), resolver=names).send(delivery(receiver.url(host=NAME)))

        assert attempt.verdict is Verdict.FAILED
        assert f"{NAME} leads to an address that is not public" in (attempt.error or "")
        assert len(names.asked) == 1
    assert receiver.connections == 0


def test_a_literal_address_inside_is_refused_before_anything(
    receiver: Receiver, delivery: Deliveries
) -> None:
    names = Names(["127.0.0.1"])

    attempt = courier(allowed=(), resolver=names).send(delivery(receiver.url("/a?token=7c9f1e")))

    assert attempt.verdict is Verdict.FAILED
    assert "7c9f1e" not in repr(attempt)
    assert (names.asked, receiver.connections) == ([], 0)


def test_the_next_address_is_tried_when_one_does_not_listen(delivery: Deliveries) -> None:
    with receiving(host="::1") as receiver:
        names = Names(["127.0.0.1", "::1"])

        attempt = courier(resolver=names).send(delivery(receiver.url(host=NAME)))

        assert attempt.verdict is Verdict.DELIVERED


def test_an_address_that_swallows_everything_leaves_time_for_the_next(
    delivery: Deliveries,
) -> None:
    with receiving() as receiver, socket.socket() as silent, ExitStack() as clients:
        silent.bind(("127.0.0.2", receiver.port))
        silent.listen(0)
        # Nobody accepts: once the queue is full, further connections are left to wait.
        for _ in range(4):
            client = clients.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(("127.0.0.2", receiver.port))
        names = Names(["127.0.0.2", "127.0.0.1"])

        attempt = courier(resolver=names, time_limit_s=2).send(delivery(receiver.url(host=NAME)))

    assert (attempt.verdict, attempt.error) == (Verdict.DELIVERED, None)


def test_the_certificate_is_checked_for_the_name(
    delivery: Deliveries, tls_of_receiver: ssl.SSLContext, tls_of_sender: ssl.SSLContext
) -> None:
    shown: list[str | None] = []
    tls_of_receiver.sni_callback = lambda _socket, name, _context: shown.append(name)
    with receiving(tls=tls_of_receiver) as receiver:
        url = receiver.url(host=NAME).replace("http", "https", 1)
        names = Names(["127.0.0.1"])

        trusted = courier(resolver=names, tls=tls_of_sender).send(delivery(url))
        unknown = courier(resolver=names).send(delivery(url))
        elsewhere = courier(resolver=names, tls=tls_of_sender).send(
            delivery(url.replace(NAME, "127.0.0.1"))
        )

    assert trusted.verdict is Verdict.DELIVERED
    assert shown[0] == NAME
    assert len(receiver.received) == 1
    for refused in (unknown, elsewhere):
        assert refused.verdict is Verdict.RETRY
        assert "Its certificate is refused" in (refused.error or "")


# Receivers that do not behave --------------------------------------------------------------


def drips_head(connection: socket.socket) -> None:
    for byte in OK * 1000:
        connection.sendall(bytes([byte]))
        time.sleep(0.05)


def drips_body(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    drips_head(connection)


def says_nothing(connection: socket.socket) -> None:
    connection.recv(1)


@pytest.mark.parametrize("answer", [drips_head, says_nothing])
def test_a_slow_answer_is_waited_for_no_longer_than_the_limit(
    receiver: Receiver, delivery: Deliveries, answer: Callable[[socket.socket], None]
) -> None:
    receiver.answers = [answer]
    started = time.monotonic()

    attempt = courier(time_limit_s=0.5).send(delivery(receiver.url()))

    assert 0.4 < time.monotonic() - started < 1.5
    assert (attempt.verdict, attempt.error) == (Verdict.UNANSWERED, "It did not answer in time.")


@pytest.mark.parametrize(
    ("final", "verdict"), [(OK, Verdict.DELIVERED), (says(503), Verdict.RETRY)]
)
def test_the_last_answer_counts_not_those_that_announce_it(
    receiver: Receiver, delivery: Deliveries, final: bytes, verdict: Verdict
) -> None:
    early = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    receiver.answers = [b"HTTP/1.1 100 Continue\r\n\r\n" + early + early + final]

    assert courier().send(delivery(receiver.url())).verdict is verdict


def test_a_status_counts_though_the_rest_drips(receiver: Receiver, delivery: Deliveries) -> None:
    receiver.answers = [drips_body]
    started = time.monotonic()

    attempt = courier(time_limit_s=0.5).send(delivery(receiver.url()))

    assert time.monotonic() - started < 1.5
    assert attempt.verdict is Verdict.DELIVERED


def test_a_resolver_that_hangs_is_not_waited_for(delivery: Deliveries) -> None:
    def hangs(host: str, port: int) -> list[str]:
        time.sleep(2)
        return []

    started = time.monotonic()
    attempt = courier(resolver=hangs, time_limit_s=0.2).send(delivery(f"http://{NAME}/"))

    assert time.monotonic() - started < 1
    assert (attempt.verdict, attempt.error) == (Verdict.RETRY, "Its name was not resolved in time.")


def test_at_most_64_kib_of_an_answer_are_read(receiver: Receiver, delivery: Deliveries) -> None:
    taken: list[int] = []

    def floods(connection: socket.socket) -> None:
        # So small that what is sent is what was read, but for these buffers.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 999999999999\r\n\r\n")
        sent = 0
        try:
            while sent < 64 << 20:
                sent += connection.send(b"x" * 4096)
        except OSError:
            pass
        taken.append(sent)

    receiver.answers = [floods]
    attempt = courier().send(delivery(receiver.url()))

    assert attempt.verdict is Verdict.DELIVERED
    deadline = time.monotonic() + 5
    while not taken:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert taken[0] < 8 << 20


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (b"220 mail.example.org ESMTP\r\n", "is no HTTP"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n", "is no HTTP"),
        (b"HTTP/1.1 200 " + b"x" * 100_000, "is no HTTP"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 10_000, "is no HTTP"),
        (b"HTTP/1.1 103 Early Hints\r\n\r\n" * 10_000, "broke off"),
        (b"HTTP/1.1 200 OK\r\nContent-Le", "is no HTTP"),
        (b"", "broke off"),
    ],
)
def test_what_is_no_answer_is_tried_again(
    receiver: Receiver, delivery: Deliveries, answer: bytes, message: str
) -> None:
    receiver.answers = [answer]

    attempt = courier(time_limit_s=5).send(delivery(receiver.url()))

    assert attempt.verdict is Verdict.UNANSWERED
    assert message in (attempt.error or "")


def test_who_cannot_be_reached_is_tried_again(delivery: Deliveries) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    refused = courier().send(delivery(f"http://127.0.0.1:{port}/?token=7c9f1e"))

    def unknown(host: str, port: int) -> list[str]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    nameless = courier(resolver=unknown).send(delivery(f"http://{NAME}/?token=7c9f1e"))

    assert (refused.verdict, refused.error) == (Verdict.RETRY, "Connection refused.")
    assert (nameless.verdict, nameless.error) == (Verdict.RETRY, "Its name cannot be resolved.")


def test_an_unforeseen_error_is_logged_without_what_it_says(delivery: Deliveries) -> None:
    def breaks(host: str, port: int) -> list[str]:
        raise ValueError("token=7c9f1e")

    with structlog.testing.capture_logs() as log:
        attempt = courier(resolver=breaks).send(delivery(f"http://{NAME}/?token=7c9f1e"))

    assert attempt.verdict is Verdict.RETRY
    assert (log[0]["event"], log[0]["error"]) == ("callback_broke", "ValueError")
    assert "in breaks" in log[0]["traceback"]
    assert "says where" in (attempt.error or "")


def test_the_systems_resolver_gives_addresses_alone() -> None:
    assert set(resolve("localhost", 80)) <= {"127.0.0.1", "::1"}


# The secret --------------------------------------------------------------------------------


def test_nothing_is_sent_unsigned(receiver: Receiver, delivery: Deliveries) -> None:
    unsigned = Courier(AddressPolicy(allowed_hosts=frozenset({"127.0.0.1"}), loopback=False), None)

    attempt = unsigned.send(delivery(receiver.url()))

    assert attempt.verdict is Verdict.NOT_SENT
    assert attempt.error == "REFIT_WEBHOOK_SECRET is not set where the worker runs."
    assert attempt.retry_in_s == 60
    assert receiver.connections == 0


@pytest.mark.parametrize(
    "secret",
    [
        *("", "whsec_", "7c9f1e", "whsec_short", "whsec_%%%%"),
        pytest.param(make_secret().removeprefix("whsec_"), id="without-prefix"),
        f"whsec_{'A' * 200}",
    ],
)
def test_a_secret_of_another_form_is_refused_and_not_shown(secret: str) -> None:
    with pytest.raises(ConfigurationError, match="REFIT_WEBHOOK_SECRET") as refused:
        Signer.from_secret(secret)
    if len(secret) > len("whsec_"):
        assert secret not in str(refused.value)


def test_a_callback_hides_its_address(delivery: Deliveries) -> None:
    sent = delivery("https://example.org/webhook?token=7c9f1e")

    assert "7c9f1e" not in f"{sent} {sent!r} {sent.body}"
    assert json.loads(sent.body)["data"]["request_id"] == "request-1"
    assert sent.created_at - datetime.now(UTC) < timedelta(seconds=1)
