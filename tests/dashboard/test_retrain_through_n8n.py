"""Asking for a retraining where N8N_WEBHOOK_URL is set: n8n gets the request, and starts it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.dashboard.conftest import PersonAs
from tests.worker.lab import Lab


class Receiver(ThreadingHTTPServer):
    """Stands where n8n's webhook is."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.heard: list[tuple[str, dict[str, Any]]] = []
        self.answers = 200

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/webhook/ml-retraining?signature=secret"


class Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.heard.append((self.headers["X-Refit-Webhook"], json.loads(body)))
        self.send_response(self.server.answers)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing on the screen."""


@pytest.fixture(scope="module")
def n8n() -> Iterator[Receiver]:
    with Receiver() as receiver:
        thread = Thread(target=receiver.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield receiver
        receiver.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def variables(n8n: Receiver) -> dict[str, str]:
    return {"N8N_WEBHOOK_URL": n8n.address, "N8N_WEBHOOK_AUTH": "X-Refit-Webhook: a-long-secret"}


def test_the_request_goes_to_n8n_and_a_refusal_of_its_is_told(
    lab: Lab, n8n: Receiver, person_as: PersonAs
) -> None:
    name = lab.model_type(lab.table(20), title="Who will leave")
    person = person_as("operator")
    page = person.go(f"retrain?model_type={name}&environment=staging")
    expect(page.get_by_text("n8n starts it, as its workflow says.")).to_be_visible()
    expect(page.get_by_label("Why?")).to_have_count(0)
    page.get_by_label("Even if the model in use is healthy").check()

    n8n.answers = 403
    page.get_by_role("button", name="Retrain").click()
    expect(page.get_by_role("alert")).to_contain_text("answered 403; nothing was started.")
    expect(page.get_by_role("alert")).not_to_contain_text("secret")
    expect(page.get_by_label("Even if the model in use is healthy")).to_be_checked()
    assert "502" in person.complaints.pop()

    n8n.answers = 200
    page.get_by_role("button", name="Retrain").click()
    expect(page.get_by_role("status").first).to_contain_text("n8n has your request.")
    expect(page.get_by_role("heading", name="Nothing was retrained yet")).to_be_visible()
    asked = {
        "model_types": [name],
        "force": True,
        "requested_by": "operator of the test",
        "environment": "staging",
    }
    assert n8n.heard == [("a-long-secret", asked)] * 2
    assert lab.rows("select id from ml_training_jobs") == []
