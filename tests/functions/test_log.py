"""What the log looks like, for machines and for people."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from datetime import datetime

import pytest
import structlog

from core.errors import ConfigurationError
from core.log import configure_logging


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def unchanged_logging() -> Iterator[None]:
    """Logging is the process's: it must be as before for the other tests."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers.clear()  # pytest's own, which would be closed
    yield
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


def log_something() -> None:
    key = "rft_secret"
    structlog.contextvars.bind_contextvars(request_id="r1")
    structlog.get_logger("test").info("started", job="7")
    structlog.get_logger("test").debug("not shown")
    logging.getLogger("psycopg.pool").warning("waiting %d s", 3)
    try:
        _ = len(key) / 0
    except ZeroDivisionError:
        structlog.get_logger("test").exception("broke")
    structlog.contextvars.clear_contextvars()


def test_each_line_is_json_with_time_level_event_and_fields() -> None:
    stream = io.StringIO()
    configure_logging("INFO", stream=stream)

    log_something()

    started, waiting, broke = (json.loads(line) for line in stream.getvalue().splitlines())
    assert (started["level"], started["event"], started["job"]) == ("info", "started", "7")
    assert (waiting["level"], waiting["event"]) == ("warning", "waiting 3 s")
    assert (broke["level"], broke["event"]) == ("error", "broke")
    assert "ZeroDivisionError" in broke["exception"]
    for line in (started, waiting, broke):
        assert line["request_id"] == "r1"
        assert datetime.fromisoformat(line["time"]).tzinfo is not None


def test_a_terminal_gets_lines_to_read_without_local_variables() -> None:
    stream = Terminal()
    configure_logging("info", stream=stream)

    log_something()

    shown = stream.getvalue()
    assert "started" in shown
    assert "waiting 3 s" in shown
    assert "ZeroDivisionError" in shown
    assert "{" not in shown
    assert "rft_secret" not in shown


def test_a_level_that_there_is_not_is_named() -> None:
    with pytest.raises(ConfigurationError, match="LOG_LEVEL is 'LOUD'"):
        configure_logging("LOUD")
