"""Callbacks of real workers: soon, once, again after a kill, and nowhere a trace of the address."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event

import psycopg
import pytest
from psycopg import sql

from core.worker.callbacks import AT_ONCE, POLL_SECONDS
from tests.webhooks.receiver import OK, Receiver, receiving, says
from tests.worker.lab import Lab, Row, RunningWorker, eventually, open_lab

TOKEN = "7c9f1e"
TARGET = f"/webhook/ml?token={TOKEN}&sig=%2b%2B"


@pytest.fixture
def lab(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[Lab]:
    folder = tmp_path / "artifacts"
    folder.mkdir()
    with open_lab(database_url, redis_url, folder) as lab:
        yield lab


@contextmanager
def sender(lab: Lab, folder: Path, secret: str, **changes: str) -> Iterator[RunningWorker]:
    """A worker that may call this machine."""
    variables = {
        "REFIT_WEBHOOK_SECRET": secret,
        "REFIT_WEBHOOK_ALLOWED_HOSTS": "127.0.0.1",
        **changes,
    }
    with lab.worker(folder, **variables) as worker:
        yield worker


def cancelled_job(lab: Lab, *urls: str) -> None:
    """A job that was cancelled before anybody began, for each of the addresses."""
    for url in urls:
        job_id = lab.ask_for_training(
            lab.model_type("no_table"), ring=False, webhook_url=url, request_id="request-7"
        )
        lab.store.cancel_job(job_id)


def deliveries(lab: Lab, status: str) -> list[Row]:
    return lab.rows(
        "select * from ml_webhook_deliveries where status = %s::ml_delivery_status", status
    )


def wait_for_delivered(lab: Lab, count: int) -> None:
    eventually(lambda: len(deliveries(lab, "delivered")) == count)


def lapse(lab: Lab) -> None:
    """Let what is waiting, or held, be due now."""
    lab.owner.execute(
        "update ml_webhook_deliveries set next_attempt_at = now() where status = 'pending'"
    )


def says_nothing(connection: socket.socket) -> None:
    connection.recv(1)


def test_the_end_of_a_training_is_told_at_once_and_its_address_nowhere_else(
    lab: Lab, receiver: Receiver, secret: str, tmp_path: Path
) -> None:
    receiver.answers = [says(503), OK]
    with sender(lab, tmp_path, secret, LOG_LEVEL="DEBUG") as worker:
        time.sleep(0.5)  # the first look found nothing: only a wake comes before the next
        job_id = lab.ask_for_training(
            lab.model_type(), force=True, webhook_url=receiver.url(TARGET), request_id="request-7"
        )
        job = lab.ended_job(job_id)
        ended = time.monotonic()
        receiver.wait_for(1)
        assert time.monotonic() - ended < POLL_SECONDS / 4
        eventually(lambda: worker.events("callback_not_delivered"))
        lapse(lab)
        receiver.wait_for(2)
        wait_for_delivered(lab, 1)
        told = worker.wait_until_logged("callback_delivered")
        log = worker.log

    first, second = receiver.received
    assert first.line == second.line == f"POST {TARGET} HTTP/1.1"
    assert (first.id, first.body) == (second.id, second.body)
    body = second.verified(secret)
    assert body["type"] == "training.completed"
    data = body["data"]
    assert isinstance(data, dict)
    assert (data["job_id"], data["request_id"]) == (str(job_id), "request-7")
    assert data["result"] == job["result"]
    assert (told["request_id"], told["attempt"]) == ("request-7", 2)
    assert told["origin"] == f"http://127.0.0.1:{receiver.port}"
    assert TOKEN not in log
    assert secret not in log


def test_a_callback_whose_sender_was_killed_is_sent_again_under_the_same_id(
    lab: Lab, receiver: Receiver, secret: str, tmp_path: Path
) -> None:
    receiver.answers = [says_nothing, OK]
    cancelled_job(lab, receiver.url())
    with sender(lab, tmp_path, secret) as first:
        receiver.wait_for(1)
        first.kill()
    (held,) = deliveries(lab, "pending")
    assert held["lease_token"] is not None

    lapse(lab)  # rather than wait for the lease
    with sender(lab, tmp_path, secret):
        wait_for_delivered(lab, 1)

    assert [r.id for r in receiver.received] == [str(held["id"])] * 2
    assert receiver.received[1].verified(secret)["type"] == "training.cancelled"


def test_a_callback_that_n8n_took_before_its_answer_was_lost_counts_as_delivered(
    lab: Lab, receiver: Receiver, secret: str, tmp_path: Path
) -> None:
    too_early, taken = says(409), says_nothing
    receiver.answers = [too_early, taken, says(409)]
    target = "/webhook-waiting/7?signature=5f%2b1&x"
    cancelled_job(lab, receiver.url(target))
    with sender(lab, tmp_path, secret) as first:
        receiver.wait_for(1)
        eventually(lambda: first.events("callback_not_delivered"))
        lapse(lab)
        receiver.wait_for(2)
        first.kill()
    lapse(lab)
    with sender(lab, tmp_path, secret):
        wait_for_delivered(lab, 1)

    assert [r.line for r in receiver.received] == [f"POST {target} HTTP/1.1"] * 3


def test_two_workers_send_each_callback_once(
    lab: Lab, receiver: Receiver, secret: str, tmp_path: Path
) -> None:
    count = 24
    with sender(lab, tmp_path, secret), sender(lab, tmp_path, secret):
        cancelled_job(lab, *(receiver.url(f"/{number}") for number in range(count)))
        wait_for_delivered(lab, count)

    assert len(receiver.received) == count
    assert len({received.id for received in receiver.received}) == count
    assert len({received.line for received in receiver.received}) == count


def test_a_receiver_that_hangs_holds_nobody_else_up(
    lab: Lab, receiver: Receiver, secret: str, tmp_path: Path
) -> None:
    with receiving(says_nothing) as hanging:
        cancelled_job(lab, *[hanging.url()] * (AT_ONCE - 1))
        with sender(lab, tmp_path, secret):
            hanging.wait_for(AT_ONCE - 1)
            cancelled_job(lab, *[receiver.url()] * 3)
            wait_for_delivered(lab, 3)

            assert hanging.connections == AT_ONCE - 1


def test_a_worker_that_is_asked_to_leave_hands_its_callbacks_back(
    lab: Lab, receiver: Receiver, secret: str, tmp_path: Path
) -> None:
    receiver.answers = [says_nothing]
    cancelled_job(lab, receiver.url())
    with sender(lab, tmp_path, secret) as worker:
        receiver.wait_for(1)
        started = time.monotonic()
        assert worker.end() == 0
        assert time.monotonic() - started < 8

    (left,) = deliveries(lab, "pending")
    assert (left["lease_token"], left["last_error"]) == (None, "The worker was asked to end.")
    assert lab.row("select next_attempt_at <= now() as due from ml_webhook_deliveries")["due"]


def test_what_was_delivered_while_the_database_was_away_is_noted_later_and_sent_once(
    lab: Lab,
    receiver: Receiver,
    secret: str,
    tmp_path: Path,
    postgres_admin: psycopg.Connection,
) -> None:
    gone = Event()

    def waits(connection: socket.socket) -> None:
        gone.wait(timeout=30)
        connection.sendall(OK)

    receiver.answers = [waits]
    name = lab.database_url.rpartition("/")[2]
    open_to_all = sql.SQL("alter database {} allow_connections {}")
    cancelled_job(lab, receiver.url())
    with sender(lab, tmp_path, secret):
        receiver.wait_for(1)
        postgres_admin.execute(open_to_all.format(sql.Identifier(name), sql.SQL("false")))
        postgres_admin.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity "
            "where datname = %s and pid <> %s",
            (name, lab.owner.info.backend_pid),
        )
        gone.set()
        time.sleep(1)  # it cannot be noted meanwhile
        assert len(deliveries(lab, "pending")) == 1
        postgres_admin.execute(open_to_all.format(sql.Identifier(name), sql.SQL("true")))
        wait_for_delivered(lab, 1)

    assert len(receiver.received) == 1


def test_without_a_secret_callbacks_wait_and_say_so(
    lab: Lab, receiver: Receiver, secret: str, tmp_path: Path
) -> None:
    cancelled_job(lab, receiver.url())
    with lab.worker(tmp_path, REFIT_WEBHOOK_ALLOWED_HOSTS="127.0.0.1") as worker:
        worker.wait_until_logged("callbacks_wait")
        told = worker.wait_until_logged("callback_not_delivered")
        assert "REFIT_WEBHOOK_SECRET is not set" in told["reason"]
    assert receiver.connections == 0

    lapse(lab)
    with sender(lab, tmp_path, secret):
        wait_for_delivered(lab, 1)


def test_a_callback_to_this_machine_is_refused_unless_it_is_allowed(
    lab: Lab, receiver: Receiver, secret: str, tmp_path: Path
) -> None:
    cancelled_job(lab, receiver.url())
    with sender(lab, tmp_path, secret, REFIT_WEBHOOK_ALLOWED_HOSTS=""):
        (refused,) = eventually(lambda: deliveries(lab, "failed"))

    assert "Its address is not public" in refused["last_error"]
    assert receiver.connections == 0


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("REFIT_WEBHOOK_SECRET", f"whsec_{TOKEN}"),
        ("N8N_WEBHOOK_URL", f"n8n.internal/{TOKEN}"),
    ],
)
def test_a_worker_does_not_start_with_a_variable_that_makes_no_sense(
    lab: Lab, tmp_path: Path, variable: str, value: str
) -> None:
    worker = RunningWorker(tmp_path, lab.variables(**{variable: value}))

    assert worker.process.wait(timeout=60) == 2
    assert worker.log.startswith(f"error: {variable}")
    assert TOKEN not in worker.log
