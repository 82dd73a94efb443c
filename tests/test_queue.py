"""The doorbell."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from uuid import uuid4

import pytest
import redis
from dramatiq import Message

from core.errors import ConfigurationError
from core.queue import NAMESPACE, QUEUE, Doorbell, make_broker


@pytest.fixture
def doorbell(redis_url: str) -> Iterator[Doorbell]:
    doorbell = Doorbell(redis_url)
    yield doorbell
    doorbell.close()


def test_a_message_carries_an_id_and_nothing_else(doorbell: Doorbell, redis_url: str) -> None:
    work_id = uuid4()

    assert doorbell.ring("retrain", work_id) is True

    with redis.Redis.from_url(redis_url) as client:
        (sent,) = client.hvals(f"{NAMESPACE}:{QUEUE}.msgs")
    message = Message.decode(sent)
    assert message.actor_name == "retrain"
    assert message.args == (str(work_id),)
    assert message.kwargs == {}


def test_messages_that_wait_are_counted(doorbell: Doorbell) -> None:
    assert doorbell.waiting() == 0
    for _ in range(3):
        doorbell.ring("retrain", uuid4())

    assert doorbell.waiting() == 3


def test_the_ids_that_wait_are_told_those_next_in_turn_first(doorbell: Doorbell) -> None:
    assert doorbell.waiting_ids(5) == set()
    ids = [str(uuid4()) for _ in range(3)]
    for work_id in ids:
        doorbell.ring("retrain", work_id)

    assert doorbell.waiting_ids(5) == set(ids)
    assert doorbell.waiting_ids(2) == set(ids[:2])


def test_a_closed_doorbell_rings_again(doorbell: Doorbell) -> None:
    doorbell.ring("retrain", uuid4())

    doorbell.close()

    assert doorbell.ring("retrain", uuid4()) is True
    assert doorbell.waiting() == 2


def test_a_queue_that_refuses_is_no_error(redis_url: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        away = Doorbell(f"redis://127.0.0.1:{taken.getsockname()[1]}/0")

        assert away.ring("retrain", uuid4()) is False
        assert away.waiting() is None
        assert away.waiting_ids(5) is None
    away.close()


def test_many_rings_wait_for_a_queue_that_swallows_them_only_once() -> None:
    with ExitStack() as stack:
        silent = stack.enter_context(socket.socket())
        silent.bind(("127.0.0.1", 0))
        silent.listen(0)
        for _ in range(3):  # the backlog is full: nobody is let in any more
            client = stack.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(silent.getsockname())
        away = Doorbell(f"redis://127.0.0.1:{silent.getsockname()[1]}/0")

        started = time.monotonic()
        rung = [away.ring("retrain", uuid4()) for _ in range(20)]
        took = time.monotonic() - started
    away.close()

    assert rung == [False] * 20
    assert took < 5


@pytest.mark.parametrize("make", [Doorbell, make_broker])
@pytest.mark.parametrize("address", ["localhost:6379", "http://secret@localhost", ""])
def test_an_address_of_something_else_names_the_variable(make: type, address: str) -> None:
    with pytest.raises(ConfigurationError, match="REDIS_URL is no address") as caught:
        make(address)

    assert "secret" not in str(caught.value)
