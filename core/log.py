"""Logs: one JSON object a line on standard error, or readable lines on a terminal."""

from __future__ import annotations

import logging
import sys
from typing import TextIO

import structlog
from structlog.typing import Processor

from core.errors import ConfigurationError

_LEVELS = {"DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"}


def configure_logging(level: str = "INFO", *, stream: TextIO | None = None) -> None:
    """Send what is logged, by structlog or the standard library, to one stream in one form.

    Parameters
    ----------
    level : str
        The least level that is shown; LOG_LEVEL.
    stream : TextIO, optional
        Standard error when not given.

    Raises
    ------
    ConfigurationError
        When the level is none.
    """
    name = level.upper()
    if name not in _LEVELS:
        raise ConfigurationError(
            f"LOG_LEVEL is {level!r}.", hint="Use DEBUG, INFO, WARNING, ERROR or CRITICAL."
        )
    target = sys.stderr if stream is None else stream
    number = logging.getLevelNamesMapping()[name]
    processors = _processors()
    renderer = _renderer(target)
    structlog.configure(
        processors=[*processors, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.WriteLoggerFactory(file=target),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(target)
    # The handler's level counts for all: psycopg's logger, for one, sets a level of its own.
    handler.setLevel(number)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
            foreign_pre_chain=processors,
        )
    )
    logging.basicConfig(handlers=[handler], level=number, force=True)
    # A line for each request that it sends is for whoever debugs it.
    logging.getLogger("httpx").setLevel(max(number, logging.WARNING))


def _processors() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        # As plain text: structlog's other forms show local variables, with keys and passwords.
        structlog.processors.format_exc_info,
    ]


def _renderer(stream: TextIO) -> Processor:
    if stream.isatty():
        return structlog.dev.ConsoleRenderer(timestamp_key="time")
    return structlog.processors.JSONRenderer(ensure_ascii=False, default=str)
