"""The scheduler's own loop."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from pydantic import SecretStr

from core.scheduler import run_scheduler
from core.settings import Settings


@pytest.fixture
def handlers() -> Iterator[None]:
    """The process's signal handlers and its logging, put back afterwards."""
    kept = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in kept.items():
        signal.signal(number, handler)
    structlog.reset_defaults()


@pytest.mark.usefixtures("handlers")
def test_a_tick_that_breaks_down_is_logged_and_the_next_one_comes(
    database_url: str,
    redis_url: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    ticks: list[int] = []

    def tick(*args: Any, **changes: Any) -> int:
        ticks.append(len(ticks))
        if len(ticks) == 1:
            raise ValueError("nobody thought of this")
        os.kill(os.getpid(), signal.SIGTERM)
        return 0

    monkeypatch.setattr("core.scheduler.tick", tick)
    monkeypatch.setattr("core.scheduler.TICK_SECONDS", 0.01)
    monkeypatch.setattr("core.scheduler.configure_logging", lambda _: None)

    run_scheduler(Settings(DATABASE_URL=SecretStr(database_url), REDIS_URL=SecretStr(redis_url)))

    assert ticks[:2] == [0, 1]
    output = capfd.readouterr()
    assert "nobody thought of this" in output.out + output.err
