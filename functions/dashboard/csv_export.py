"""A list as a file for spreadsheets: all its pages, up to a bound, and nothing that runs there."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from io import StringIO
from itertools import islice
from math import isfinite
from typing import Any

from functions.dashboard.visit import Download, Visit

Json = Mapping[str, Any]
Cell = str | int | float | bool | None
# The column's name, the same in every language, and its cell of a row of the list.
Columns = Mapping[str, Callable[[Json], Cell]]
# One page of the list from a cursor on: {items, next_cursor}.
Fetch = Callable[[str | None], Json]

MOST_ROWS = 10_000
# Excel takes UTF-8 for what it is only with this mark at the beginning.
_MARK = "\ufeff"
# A spreadsheet takes what begins so for a formula, and formulas send data away.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def export_csv(visit: Visit, name: str, columns: Columns, fetch: Fetch) -> Download:
    """Give a list as a CSV file (RFC 4180, UTF-8), its newest rows first.

    Parameters
    ----------
    visit : Visit
        Whose language the last line is in, where the list is cut off.
    name : str
        What the file is called, with today's date and ``.csv`` behind it.
    columns : mapping
        From names, in English with underscores, to what makes the cell of a row.
    fetch : callable
        Gives the page of the list that begins at a cursor; ask for as long pages as it gives.

    Returns
    -------
    Download
        With at most 10,000 rows. Where there are more, a last line says so.
    """
    _ = visit.gettext
    items = _walk(fetch)
    rows = [[cell(item) for cell in columns.values()] for item in islice(items, MOST_ROWS)]
    if next(items, None) is not None:
        cut_off = _("Only the newest {rows} rows are in this file. Choose filters to see the rest.")
        rows.append([cut_off.format(rows=visit.format.number(MOST_ROWS))])
    return Download(
        name=f"{name}-{datetime.now(UTC):%Y-%m-%d}.csv",
        content_type="text/csv; charset=utf-8",
        body=_write([list(columns), *rows]),
    )


def _walk(fetch: Fetch) -> Iterator[Json]:
    """The items of all pages; a page is asked for when it is needed."""
    cursor: str | None = None
    while True:
        page = fetch(cursor)
        yield from page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            return


def _write(rows: list[list[Cell]]) -> bytes:
    text = StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerows([_written(cell) for cell in row] for row in rows)
    return (_MARK + text.getvalue()).encode()


def _written(cell: Cell) -> str | int | float:
    """A cell that no spreadsheet takes for a formula; numbers, negative ones too, stay numbers."""
    match cell:
        case None:
            return ""
        case bool():
            return str(cell).lower()
        case float():
            return cell if isfinite(cell) else ""
        case int():
            return cell
    return f"'{cell}" if cell.startswith(_FORMULA) else cell
