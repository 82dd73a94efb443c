"""What a person or a program reads: tables, sentences and JSON on stdout, notes on stderr."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import typer
from rich import box
from rich.console import Console
from rich.table import Table


def say(text: str = "") -> None:
    """One line of result."""
    typer.echo(text)


def note(text: str) -> None:
    """One line beside the result: what happens meanwhile."""
    typer.echo(text, err=True)


def print_json(value: Any) -> None:
    """The result as JSON: dates in ISO 8601, everything else that is no JSON as text."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False, default=_as_json))


def _as_json(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def make_console(*, stderr: bool = False) -> Console:
    """A console that shows data as it is: a bracket in a name is no markup."""
    return Console(stderr=stderr, markup=False, highlight=False, emoji=False)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table; columns whose name begins with ``#`` hold numbers."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for name in columns:
        right = name.startswith("#")
        table.add_column(name.lstrip("#"), justify="right" if right else "left", overflow="fold")
    for row in rows:
        table.add_row(*("–" if cell is None else str(cell) for cell in row))
    make_console().print(table)


def local_time(moment: str | datetime | None) -> str:
    """A time in the local zone, to the minute; a dash for none."""
    if moment is None:
        return "–"
    if isinstance(moment, str):
        moment = datetime.fromisoformat(moment)
    return moment.astimezone().strftime("%Y-%m-%d %H:%M")


def number(value: float | None, digits: int = 4) -> str:
    """A figure with at most ``digits`` decimals; a dash for none.

    >>> number(0.70001), number(None), number(1234.5)
    ('0.7', '–', '1234.5')
    """
    if value is None:
        return "–"
    return f"{value:.{digits}f}".rstrip("0").rstrip(".")


def interval_text(interval: Sequence[float] | None, level: str) -> str:
    """``(90 % interval 0.01 to 0.03)``; empty for none."""
    if interval is None:
        return ""
    return f" ({level} interval {number(interval[0])} to {number(interval[1])})"
