"""Lists as CSV files."""

from __future__ import annotations

import csv
from io import StringIO
from types import SimpleNamespace
from typing import Any, cast

import pytest

from functions.dashboard.csv_export import MOST_ROWS, Cell, export_csv
from functions.dashboard.formats import Formats
from functions.dashboard.visit import Visit

VISIT = cast("Visit", SimpleNamespace(gettext=lambda text: text, format=Formats(locale="en")))


def exported(*cells: Cell) -> bytes:
    """A file of one column with these cells."""
    page = {"items": [{"cell": cell} for cell in cells], "next_cursor": None}
    return export_csv(VISIT, "list", {"Cell": lambda row: row["cell"]}, lambda _: page).body


def read(body: bytes) -> list[list[str]]:
    return list(csv.reader(StringIO(body.decode("utf-8-sig"), newline="")))


def test_a_file_is_utf8_with_a_mark_and_lines_that_end_as_the_standard_says() -> None:
    assert exported("café", 'two "words", with\nlines') == (
        b'\xef\xbb\xbfCell\r\ncaf\xc3\xa9\r\n"two ""words"", with\nlines"\r\n'
    )


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_a_text_that_a_spreadsheet_would_run_is_made_a_text(begin: str) -> None:
    formula = f'{begin}HYPERLINK("https://example.org")'
    assert read(exported(formula)) == [["Cell"], [f"'{formula}"]]


def test_numbers_stay_numbers_and_what_is_missing_is_empty() -> None:
    cells = read(exported(-0.25, -3, 0, True, None, float("nan"), "a-b", "2026-11-24"))
    assert [row[0] if row else "" for row in cells[1:]] == [
        *("-0.25", "-3", "0", "true", "", "", "a-b", "2026-11-24")
    ]


def test_all_pages_are_walked_by_their_cursors() -> None:
    pages: dict[str | None, dict[str, Any]] = {
        None: {"items": [{"n": 1}, {"n": 2}], "next_cursor": "second"},
        "second": {"items": [{"n": 3}], "next_cursor": None},
    }
    download = export_csv(VISIT, "list", {"N": lambda row: row["n"]}, pages.__getitem__)
    assert read(download.body) == [["N"], ["1"], ["2"], ["3"]]
    assert download.name.startswith("list-20")
    assert download.name.endswith(".csv")


@pytest.mark.parametrize(("rows", "said"), [(MOST_ROWS, False), (MOST_ROWS + 1, True)])
def test_a_file_is_bounded_and_says_where_it_is_cut_off(rows: int, said: bool) -> None:
    cells = [row[0] for row in read(exported(*range(rows)))[1:]]
    assert cells[:MOST_ROWS] == [str(n) for n in range(MOST_ROWS)]
    expected = "Only the newest 10,000 rows are in this file. Choose filters to see the rest."
    assert cells[MOST_ROWS:] == ([expected] if said else [])
