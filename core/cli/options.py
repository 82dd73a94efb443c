"""Options that several commands share, and how their texts are read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from typing import Annotated

import typer

from core.domain import Environment
from core.errors import InvalidRequest

JsonOutput = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
InEnvironment = Annotated[
    Environment | None,
    typer.Option("--environment", "-e", help="Where it serves; default: REFIT_ENVIRONMENT."),
]
AsOf = Annotated[
    str | None,
    typer.Option("--as-of", help="Judge as if it were this time; for model types with replay."),
]
TimeColumn = Annotated[
    str | None, typer.Option("--time", help="Column that says when each row happened.")
]
RowSpacing = Annotated[
    str | None, typer.Option("--every", help="Or the time between two rows, e.g. 30m.")
]
Wait = Annotated[bool, typer.Option("--wait/--no-wait", help="Wait until it has ended.")]
ModelTypeNames = Annotated[
    list[str] | None, typer.Argument(metavar="[MODEL_TYPE]...", help="Default: all enabled ones.")
]


def read_time(text: str | None, option: str, *, zone: tzinfo | None = None) -> datetime | None:
    """A time as a person writes it: ISO 8601; without a zone it is in ``zone`` (None: local).

    Raises
    ------
    InvalidRequest
        It is no time; the option is named.

    Examples
    --------
    >>> read_time("2026-03-01", "--since", zone=UTC).isoformat()
    '2026-03-01T00:00:00+00:00'
    """
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as exc:
        raise InvalidRequest(
            f"{option} {text!r} is not a time.", hint="Write 2026-03-01 or 2026-03-01T09:30."
        ) from exc
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone) if zone else moment.astimezone()
    return moment.astimezone(UTC)


def read_interval(text: str | None) -> timedelta | None:
    """An interval such as ``90d``; its module is loaded only when there is one to read."""
    if text is None:
        return None
    from core.datasets.intervals import parse_interval

    return parse_interval(text)


def read_cool_down(text: str | None) -> timedelta | None:
    """An interval that may also be ``0``.

    >>> read_cool_down("0")
    datetime.timedelta(0)
    """
    return timedelta(0) if text is not None and text.strip() == "0" else read_interval(text)


def split_names(text: str | None) -> tuple[str, ...]:
    """Names between commas.

    >>> split_names("a, b,")
    ('a', 'b')
    """
    return tuple(part.strip() for part in (text or "").split(",") if part.strip())
