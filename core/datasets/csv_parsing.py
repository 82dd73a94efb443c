"""From any CSV file to an Arrow table with types: delimiter, encoding, ragged rows."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import pyarrow as pa
from pyarrow import csv as arrow_csv

from core.datasets.csv_columns import better_column
from core.errors import DataError, InvalidRequest

_DELIMITERS = ",;\t|"
_SAMPLE_CHARACTERS = 1 << 16
_LARGEST_BLOCK = 1 << 30
_NUMBER = re.compile(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?")
# A comma before three digits may be a mark of thousands: any other count, or points for thousands,
# tells that it is the decimal mark, and a point after it that it is not.
_DECIMAL_COMMA = re.compile(r"[+-]?(\d+,(\d{1,2}|\d{4,})|\d{1,3}(\.\d{3})+,\d+)")
_EITHER_COMMA = re.compile(r"[+-]?\d+,\d{3}")
_THOUSANDS_COMMA = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d+|,\d{3})")
# What stands for "no value"; words that a person may mean, such as "None" or "-", stay words.
_NULLS = ["", "NA", "N/A", "#N/A", "NaN", "nan", "NULL", "null"]


@dataclass(frozen=True, kw_only=True)
class ParsedCsv:
    """A file's content with types, under the headings as they stand in it."""

    headings: tuple[str, ...]
    table: pa.Table  # columns c0, c1, …: headings may repeat
    notes: tuple[str, ...]  # what a person should know of the file
    column_notes: Mapping[int, str] = field(default_factory=dict)  # and of a column, by position


def parse_csv(path: Path) -> ParsedCsv:
    """Read a CSV file: UTF-8 (or UTF-16 by its mark, or Latin-1), any of , ; tab | between cells.

    Raises
    ------
    InvalidRequest
        There is no such file.
    DataError
        It is empty, has no rows or no headings, or a row has another number of cells.
    """
    text, notes = _decode(_read(path), path)
    if not text.strip():
        raise DataError(f"{path} is empty.")
    delimiter = _delimiter(path, text)
    rows = (row for _, row in _records(path, text, delimiter))
    headings = tuple(h.strip() for h in next(rows))
    sample = list(islice(rows, 1000))
    if not sample:
        raise DataError(f"{path} has headings and no rows.")
    if all(_NUMBER.fullmatch(h) for h in headings):
        raise DataError(
            f"The first line of {path} holds numbers, not headings.",
            hint="Put a line with the columns' names in front.",
        )
    decimal = "." if delimiter == "," else _decimal_mark(sample)
    table, column_notes = _typed(path, text, delimiter, headings, decimal)
    return ParsedCsv(headings=headings, table=table, notes=tuple(notes), column_notes=column_notes)


def _decimal_mark(sample: list[list[str]]) -> str:
    cells = [cell.strip() for row in sample for cell in row]
    if any(_DECIMAL_COMMA.fullmatch(cell) for cell in cells):
        return ","
    thousands = any(_THOUSANDS_COMMA.fullmatch(cell) for cell in cells)
    return "," if not thousands and any(_EITHER_COMMA.fullmatch(c) for c in cells) else "."


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as exc:
        reason = exc.strerror or str(exc)
        raise InvalidRequest(f"{path} cannot be read: {reason}.") from exc


def _decode(content: bytes, path: Path) -> tuple[str, list[str]]:
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16"), []
    try:
        text, notes = content.decode("utf-8-sig"), []
    except UnicodeDecodeError:
        text = content.decode("latin-1")
        notes = [f"{path.name} is not UTF-8; it was read as Latin-1 (Western European)."]
    if "\x00" in text:
        raise DataError(f"{path} holds NUL characters; it is not a text file.")
    return text.lstrip("\r\n"), notes


def _delimiter(path: Path, text: str) -> str:
    """The one that splits the first lines into equally many cells, the more the better."""
    head = text[:_SAMPLE_CHARACTERS]
    complete = head.rfind("\n") + 1 if len(text) > len(head) else len(head)
    best, cells = ",", 1
    for delimiter in _DELIMITERS:
        records = _records(path, head[: complete or len(head)], delimiter)
        try:
            widths = [len(row) for _, row in islice(records, 50)]
        except DataError:
            continue  # a wrong delimiter can make nonsense of the quotes
        if widths[0] > cells and widths.count(widths[0]) >= len(widths) / 2:
            best, cells = delimiter, widths[0]
    return best


def _records(path: Path, text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """The rows that are not empty, each with the number of its last line."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        for row in reader:
            if row:
                yield reader.line_num, row
    except csv.Error as exc:
        raise DataError(
            f"{path} is not a CSV file from line {reader.line_num} on: {exc}.",
            hint="Look for a double quote that is never closed.",
        ) from exc


def _typed(
    path: Path, text: str, delimiter: str, headings: tuple[str, ...], decimal: str
) -> tuple[pa.Table, dict[int, str]]:
    """The table with types, and what to know of its columns."""
    content, width = text.encode(), len(headings)
    try:
        guessed = _to_arrow(content, delimiter, width, decimal_point=decimal)
        unsure = [f.name for f in guessed.schema if _is_number(f.type)]
        # Arrow makes 1067 of the postal code 01067: numbers are looked at as they are written.
        written = _to_arrow(content, delimiter, width, as_text=unsure) if unsure else guessed
    except pa.ArrowInvalid as exc:
        raise _bad_row(path, text, delimiter, width, exc) from exc
    notes, columns = {}, {}
    for position, name in enumerate(guessed.column_names):
        as_written = (written if name in unsure else guessed).column(name)
        found = better_column(guessed.column(name), as_written, decimal=decimal)
        columns[name] = found.values
        if found.note:
            notes[position] = f"The column {headings[position]!r} {found.note}."
    return pa.table(columns), notes


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))


def _to_arrow(
    content: bytes,
    delimiter: str,
    width: int,
    *,
    decimal_point: str = ".",
    as_text: Sequence[str] = (),
) -> pa.Table:
    """Columns c0, c1, … with inferred types, or those of ``as_text`` alone and unconverted."""
    return arrow_csv.read_csv(
        pa.BufferReader(content),
        # One block: types are inferred from all rows, not from the first megabyte.
        read_options=arrow_csv.ReadOptions(
            column_names=[f"c{n}" for n in range(width)],
            skip_rows_after_names=1,
            block_size=min(max(len(content) + 1, 1 << 16), _LARGEST_BLOCK),
        ),
        parse_options=arrow_csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
        convert_options=arrow_csv.ConvertOptions(
            null_values=_NULLS,
            strings_can_be_null=True,
            decimal_point=decimal_point,
            include_columns=list(as_text),
            column_types=dict.fromkeys(as_text, pa.string()),
        ),
    )


def _bad_row(path: Path, text: str, delimiter: str, width: int, exc: pa.ArrowInvalid) -> DataError:
    """Look the offending line up with the standard library, which counts lines."""
    for line, row in _records(path, text, delimiter):
        if len(row) != width:
            return DataError(
                f"Line {line} of {path} has {len(row)} cells, the headings are {width}.",
                hint="Put cells that hold the delimiter or a line break in double quotes.",
            )
    return DataError(f"{path} is not a CSV file that can be read: {str(exc).splitlines()[0]}.")
