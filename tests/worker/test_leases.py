"""Heartbeats and what ends a child."""

from __future__ import annotations

import time
from collections.abc import Sequence
from threading import Event

import pytest

from core.errors import DatabaseUnavailable, JobCancelled, LeaseLost
from core.worker.leases import LeaseKeeper, WorkerLeaving
from core.worker.messages import Progress

LOADING = Progress(stage="load", progress=0.1, line="Loading.")
TRAINING = Progress(stage="train", progress=0.3)


class Heart:
    """Notes what each heartbeat passes on; beats as it is told."""

    def __init__(self) -> None:
        self.beats: list[list[Progress]] = []
        self.stop = False
        self.error: Exception | None = None

    def __call__(self, said: Sequence[Progress]) -> bool:
        if self.error is not None:
            raise self.error
        self.beats.append(list(said))
        return self.stop


@pytest.fixture
def heart() -> Heart:
    return Heart()


@pytest.fixture
def keeper(heart: Heart) -> LeaseKeeper:
    return LeaseKeeper(heart, Event())


def test_the_first_tick_renews_and_the_next_has_time(heart: Heart, keeper: LeaseKeeper) -> None:
    keeper.tick()
    keeper.tick()

    assert heart.beats == [[]]


def test_what_the_child_says_is_passed_on_at_once_and_once(
    heart: Heart, keeper: LeaseKeeper
) -> None:
    keeper.tick()
    keeper.hear(LOADING)
    keeper.hear(TRAINING)
    keeper.tick()
    keeper.pass_on()

    assert heart.beats == [[], [LOADING, TRAINING]]


def test_the_last_words_of_a_short_child_are_passed_on(heart: Heart, keeper: LeaseKeeper) -> None:
    keeper.hear(LOADING)

    keeper.pass_on()

    assert heart.beats == [[LOADING]]


def test_words_outlive_a_heartbeat_that_failed(heart: Heart, keeper: LeaseKeeper) -> None:
    keeper.hear(LOADING)
    heart.error = DatabaseUnavailable("away")
    keeper.tick()
    heart.error = None

    keeper.pass_on()

    assert heart.beats == [[LOADING]]


def test_a_cancellation_ends_the_child(heart: Heart, keeper: LeaseKeeper) -> None:
    heart.stop = True

    with pytest.raises(JobCancelled):
        keeper.tick()


def test_a_worker_that_leaves_ends_the_child(heart: Heart) -> None:
    leaving = Event()
    keeper = LeaseKeeper(heart, leaving)
    leaving.set()

    with pytest.raises(WorkerLeaving):
        keeper.tick()
    assert heart.beats == []


@pytest.mark.parametrize("answer_takes", [0.0, 0.4])
def test_a_lease_that_cannot_be_renewed_is_given_up_before_it_ends(
    monkeypatch: pytest.MonkeyPatch, answer_takes: float
) -> None:
    monkeypatch.setattr("core.worker.leases.LEASE_SECONDS", 1.5)
    monkeypatch.setattr("core.worker.leases.HEARTBEAT_SECONDS", 0.2)
    beats: list[float] = []

    def away(said: Sequence[Progress]) -> bool:
        beats.append(time.monotonic())
        time.sleep(answer_takes)  # as a frozen database makes every call take its whole bound
        raise DatabaseUnavailable("away")

    taken = time.monotonic()
    keeper = LeaseKeeper(away, Event())

    def tick_on() -> None:
        while True:  # as run_in_child does, which ends the child when a tick raises
            keeper.tick()
            time.sleep(0.02)

    with pytest.raises(LeaseLost, match="as long as the lease"):
        tick_on()

    assert time.monotonic() - taken <= 1.5
    assert len(beats) >= 3
