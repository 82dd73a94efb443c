"""`refit webhooks`, the request that names an address, and callbacks of a `refit up`."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from core.domain import Role
from core.keys import hash_key, make_key
from tests.cli.conftest import Refit, addresses, clean_environ, refit
from tests.cli.test_up import free_port, up, up_home
from tests.database.factories import FAILURE, Scene
from tests.functions.served import PATH, Server, serving
from tests.webhooks.receiver import Receiver
from tests.webhooks.test_outbox import SECRET_URL, claim, failed_delivery

__all__ = ["addresses", "clean_environ", "refit", "up_home"]  # fixtures

TOKEN = "7c9f1e"


def test_the_list_shows_what_failed_and_no_address(scene: Scene, refit: Refit) -> None:
    delivery_id = failed_delivery(scene)

    table = refit("webhooks", "list", COLUMNS="80")
    listed = refit("webhooks", "list", "--json", "--status", "failed")

    assert table.exit_code == listed.exit_code == 0, table.output + listed.output
    for shown in (
        str(delivery_id),
        "training.failed",
        "https://n8n.example.org:5678",
        "It answered 404.",
    ):
        assert shown in table.stdout
    (item,) = json.loads(listed.stdout)["items"]
    assert (item["id"], item["status"]) == (str(delivery_id), "failed")
    assert TOKEN in SECRET_URL
    assert TOKEN not in table.output + listed.output
    assert json.loads(refit("webhooks", "list", "--json", "--status", "pending").stdout) == {
        "items": [],
        "next_cursor": None,
    }


def test_older_ones_are_hinted_at(scene: Scene, refit: Refit) -> None:
    for _ in range(2):
        failed_delivery(scene)

    result = refit("webhooks", "list", "--limit", "1")

    assert "There are older ones" in result.stderr
    assert refit("webhooks", "list", "--limit", "201").exit_code == 2


def test_a_failed_one_is_sent_again_by_its_id(scene: Scene, refit: Refit) -> None:
    delivery_id = failed_delivery(scene)

    result = refit("webhooks", "retry", str(delivery_id))

    assert result.exit_code == 0, result.output
    assert [d.id for d in claim(scene)] == [delivery_id]
    again = refit("webhooks", "retry", str(delivery_id))
    assert again.exit_code == 1
    assert "is pending: only a failed one" in again.stderr
    assert "There is no delivery" in refit("webhooks", "retry", str(uuid4())).stderr
    assert refit("webhooks", "retry", "five").exit_code == 2


# Asking over HTTP --------------------------------------------------------------------------


@pytest.fixture
def key(scene: Scene) -> str:
    key = make_key()
    scene.store.create_api_key(name="n8n", role=Role.OPERATOR, key_hash=hash_key(key))
    return key


def trigger(server: Server, key: str, url: str, **fields: object) -> tuple[int, str, set[str]]:
    answer = server.post("trigger_retraining", {"webhook_url": url, **fields}, key=key)
    return answer.status, answer.text, answer.fields


def test_an_address_that_may_not_be_called_is_refused_when_it_arrives(
    scene: Scene, key: str, redis_url: str, database_url: str, tmp_path: Path
) -> None:
    scene.model_type("churn")
    with serving(tmp_path, "main", DATABASE_URL=database_url, REDIS_URL=redis_url) as server:
        for url in (
            f"http://localhost:5678/a?token={TOKEN}",
            f"http://169.254.169.254/latest?token={TOKEN}",
            f"http://[::ffff:10.0.0.1]/a?token={TOKEN}",
            f"https://keeper:{TOKEN}@example.org/a",
        ):
            status, text, fields = trigger(server, key, url)
            assert (status, fields) == (422, {"webhook_url"}), text
            assert TOKEN not in text
        assert scene.rows("select id from ml_training_jobs") == []
        # Names are looked at when it is sent: no request waits for DNS.
        status, text, _ = trigger(server, key, f"https://nowhere.invalid/a?token={TOKEN}")
        assert status == 202, text
        assert TOKEN not in server.log.read_text()


def test_the_request_id_comes_back_in_the_callback(
    scene: Scene, key: str, redis_url: str, database_url: str, tmp_path: Path
) -> None:
    scene.model_type("churn")
    with serving(
        tmp_path,
        "main",
        DATABASE_URL=database_url,
        REDIS_URL=redis_url,
        REFIT_ENVIRONMENT="development",
    ) as server:
        answer = server.ask(
            "POST",
            f"{PATH}?action=trigger_retraining",
            json.dumps({"webhook_url": "http://localhost:5678/called"}).encode(),
            key=key,
            headers={"X-Request-Id": "nightly-42"},
        )
    assert answer.status == 202, answer.text
    job = scene.store.claim_training_job(UUID(answer.body["jobs"][0]["id"]), "worker-1")
    assert job is not None
    scene.store.finish_training_job(job, {"status": "failed", "error": FAILURE})

    (claimed,) = claim(scene)

    assert claimed.payload["request_id"] == "nightly-42"
    assert claimed.payload["environment"] == "development"


# On this machine ---------------------------------------------------------------------------


def test_up_signs_with_a_secret_of_its_own_and_calls_this_machine(
    up_home: Path,
    tmp_path: Path,
    clean_environ: dict[str, str],
    receiver: Receiver,
) -> None:
    port = free_port()
    with up(up_home, port, clean_environ, tmp_path) as running:
        running.wait_for("Ctrl-C stops everything")
        running.wait_for("worker_started")
        server = Server(address=f"http://127.0.0.1:{port}", log=running.err)
        key = (up_home / "admin-key").read_text().strip()
        url = receiver.url(f"/called?token={TOKEN}", host="localhost")
        answer = server.post(
            "trigger_retraining",
            {"webhook_url": url, "force": True, "model_types": ["content_performance"]},
            key=key,
        )
        assert answer.status == 202, answer.text
        server.post("cancel_job", {"id": answer.body["jobs"][0]["id"]}, key=key)

        (received,) = receiver.wait_for(1)

        printed = running.out.read_text() + running.err.read_text()
    path = up_home / "webhook-secret"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    secret = path.read_text().strip()
    body = received.verified(secret)
    assert body["type"] in {"training.cancelled", "training.completed", "training.skipped"}
    assert TOKEN not in printed
    assert secret not in printed
