"""A person's request on its way to n8n: a real receiver, within a time, and no address shown."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pydantic import SecretStr

from core import n8n
from core.errors import ConfigurationError, UpstreamFailed
from core.n8n import hand_over
from core.settings import Settings
from tests.webhooks.receiver import Receiver, receiving, says

TARGET = "/webhook/ml-retraining?token=7c9f1e&x=%2b"
TOKEN = "7c9f1e"
AUTH = "X-Refit-Webhook: a long secret"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


def settings(url: str | None, auth: str | None = AUTH) -> Settings:
    return Settings(
        _env_file=None,
        N8N_WEBHOOK_URL=None if url is None else SecretStr(url),
        N8N_WEBHOOK_AUTH=None if auth is None else SecretStr(auth),
    )


def ask(found: Settings, **changes: Any) -> None:
    asked = {"model_types": ["churn"], "force": True, "requested_by": "Ann", "environment": None}
    hand_over(found, **{**asked, **changes})


def refusal(url: str, auth: str | None = AUTH) -> str:
    """What is said; nothing in it, or in what it came from, may show the address."""
    with pytest.raises(UpstreamFailed) as caught:
        ask(settings(url, auth))
    error: BaseException | None = caught.value
    assert caught.value.status == 502
    while error is not None:
        assert TOKEN not in str(error)
        assert "ml-retraining?" not in str(error)
        error = error.__cause__
    return str(caught.value)


def test_the_request_arrives_with_the_header_and_the_whole_address(receiver: Receiver) -> None:
    ask(settings(receiver.url(TARGET)), environment="staging")

    (received,) = receiver.received
    assert received.line == f"POST {TARGET} HTTP/1.1"
    assert received.headers["x-refit-webhook"] == "a long secret"
    assert received.headers["content-type"] == "application/json"
    assert json.loads(received.body) == {
        "model_types": ["churn"],
        "force": True,
        "requested_by": "Ann",
        "environment": "staging",
    }


def test_no_model_types_means_all_and_no_header_is_needed(receiver: Receiver) -> None:
    ask(settings(receiver.url(), auth=None), model_types=None)

    (received,) = receiver.received
    assert json.loads(received.body)["model_types"] is None
    assert "x-refit-webhook" not in received.headers


@pytest.mark.parametrize(
    ("status", "hint"),
    [
        (401, "N8N_WEBHOOK_AUTH must be what the credential"),
        (403, "N8N_WEBHOOK_AUTH must be what the credential"),
        (404, "Publish the workflow in n8n"),
        (405, "Publish the workflow in n8n"),
        (500, "n8n's log says why"),
    ],
)
def test_what_n8n_refuses_is_said_with_what_to_do(
    receiver: Receiver, status: int, hint: str
) -> None:
    receiver.answers = [says(status)]

    said = refusal(receiver.url(TARGET))

    assert f"n8n at http://127.0.0.1:{receiver.port} answered {status}" in said
    assert hint in said
    assert len(receiver.received) == 1


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_no_redirect_is_followed(receiver: Receiver, status: int) -> None:
    with receiving() as other:
        receiver.answers = [says(status, f"Location: {other.url(TARGET)}")]

        assert "Redirects are not followed" in refusal(receiver.url(TARGET))
        assert other.connections == 0


def drips(connection: socket.socket) -> None:
    try:
        for _ in range(100):
            connection.sendall(b"H")
            time.sleep(0.1)
    except OSError:
        return


def says_nothing(connection: socket.socket) -> None:
    connection.recv(1)


@pytest.mark.parametrize("answer", [drips, says_nothing])
def test_a_silent_n8n_is_not_waited_for(
    receiver: Receiver,
    answer: Callable[[socket.socket], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(n8n, "TIME_LIMIT_S", 0.5)
    receiver.answers = [answer]
    started = time.monotonic()

    said = refusal(receiver.url(TARGET))

    assert time.monotonic() - started < 2
    assert "whether the workflow has started" in said


def test_an_n8n_that_is_not_there_is_named_by_its_host() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    refused = refusal(f"http://127.0.0.1:{port}{TARGET}")
    unknown = refusal(f"http://no-such-host.invalid{TARGET}")

    assert f"n8n at http://127.0.0.1:{port} cannot be reached. Connection refused." in refused
    assert "n8n at http://no-such-host.invalid cannot be reached." in unknown


def test_a_variable_that_is_missing_or_makes_no_sense_is_named(receiver: Receiver) -> None:
    with pytest.raises(ConfigurationError, match="N8N_WEBHOOK_URL is not set"):
        ask(settings(None))
    with pytest.raises(ConfigurationError, match="N8N_WEBHOOK_URL: It must be an http") as caught:
        ask(settings(f"n8n.internal/{TOKEN}"))
    assert TOKEN not in str(caught.value)
    for auth in ("no header", "X-A: ", "X A: b", "X-A: b\r\nX-B: c", ": b"):
        with pytest.raises(ConfigurationError, match="N8N_WEBHOOK_AUTH is no header"):
            ask(settings(receiver.url(), auth))
    assert receiver.received == []


def test_functions_can_load_it_without_anything_heavy() -> None:
    code = (
        "import sys, core.n8n;"
        "heavy = {'numpy', 'pandas', 'sklearn', 'supabase', 'httpx', 'psycopg'};"
        "print(sorted(heavy & sys.modules.keys()))"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
