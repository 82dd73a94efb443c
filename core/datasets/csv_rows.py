"""The rows of a CSV file under safe names, in types that PostgreSQL knows, each with its time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from core.datasets.csv_parsing import ParsedCsv
from core.datasets.names import safe_names
from core.errors import DataError, InvalidRequest

MADE_TIME = "event_time"
DEFAULT_ORIGIN = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class TimedRows:
    """A file's rows; ``names`` are those of its headings, in their order."""

    table: pa.Table
    names: tuple[str, ...]
    time: str  # the column that says when each row happened


def timed_rows(
    path: Path,
    parsed: ParsedCsv,
    *,
    time_column: str | None,
    every: timedelta | None,
    origin: datetime | None = None,
    reserved: Iterable[str] = (),
    taken: Iterable[str] = (),
) -> TimedRows:
    """Name and type the columns, and find or make the one with the rows' times.

    Parameters
    ----------
    path : Path
        Of the file, for messages.
    parsed : ParsedCsv
    time_column : str or None
        Its heading or name; None without ``every``: the only column with times.
    every : timedelta or None
        Instead: row i (from 0) happened at ``origin + i * every``, in a column in front.
    origin : datetime or None
        None: 2000-01-01 UTC.
    reserved, taken : iterables of str
        SQL's reserved words, and names that other columns have.

    Raises
    ------
    InvalidRequest
        It is not clear when the rows happened.
    DataError
        The time column holds something else, or nothing.
    """
    made = [MADE_TIME] if every else []
    names = safe_names(parsed.headings, reserved=reserved, taken=[*taken, *made])
    data = _typed(parsed, names)
    if every:
        data = _with_times(data, every, origin or DEFAULT_ORIGIN)
        return TimedRows(table=data, names=tuple(names), time=MADE_TIME)
    time = _time_column(path, parsed, names, data, time_column)
    return TimedRows(table=data, names=tuple(names), time=time)


def check_times(time_column: str | None, every: timedelta | None, origin: datetime | None) -> None:
    """Refuse arguments about the rows' times that contradict each other.

    Raises
    ------
    InvalidRequest
    """
    if time_column and every:
        raise InvalidRequest("Give a time column or an interval between rows, not both.")
    if origin and not every:
        raise InvalidRequest("An origin makes sense only with an interval between rows.")
    if origin and origin.tzinfo is None:
        raise InvalidRequest(f"The origin {origin.isoformat()} must carry a time zone.")
    if every is not None and every <= timedelta(0):
        raise InvalidRequest("The interval between rows must be more than nothing.")


def _typed(parsed: ParsedCsv, names: list[str]) -> pa.Table:
    """The columns under their names, in types that PostgreSQL knows."""
    columns = [_storable(column) for column in parsed.table.columns]
    return pa.table(dict(zip(names, columns, strict=True)))


def _storable(column: pa.ChunkedArray) -> pa.ChunkedArray:
    kind = column.type
    if pa.types.is_timestamp(kind):
        return column.cast(pa.timestamp("us"), safe=False).cast(pa.timestamp("us", "UTC"))
    if pa.types.is_null(kind) or pa.types.is_time(kind):
        return column.cast(pa.string())
    return column


def _with_times(data: pa.Table, every: timedelta, origin: datetime) -> pa.Table:
    microsecond = timedelta(microseconds=1)
    try:
        _ = origin + every * data.num_rows
    except OverflowError as exc:
        raise InvalidRequest("With this interval the last rows lie after the year 9999.") from exc
    first = (origin - datetime(1970, 1, 1, tzinfo=UTC)) // microsecond
    times = first + (every // microsecond) * np.arange(data.num_rows, dtype=np.int64)
    return data.add_column(0, MADE_TIME, pa.array(times).cast(pa.timestamp("us", "UTC")))


def _time_column(
    path: Path, parsed: ParsedCsv, names: list[str], data: pa.Table, wanted: str | None
) -> str:
    times: list[str] = [f.name for f in data.schema if pa.types.is_temporal(f.type)]
    known = ", ".join(times) or "none"
    if wanted is None:
        if len(times) != 1:
            raise InvalidRequest(
                f"It is not clear when the rows of {path} happened (columns with times: {known}).",
                hint="Name the time column with --time, or space the rows with --every 30m.",
            )
        name = times[0]
    elif wanted in parsed.headings:
        name = names[parsed.headings.index(wanted)]
    elif wanted in names:
        name = wanted
    else:
        raise InvalidRequest(
            f"{path} has no column {wanted!r}.", hint=f"There are: {', '.join(parsed.headings)}."
        )
    column = data.column(name)
    if name not in times:
        example = next((v.as_py() for v in column if v.is_valid), None)
        raise DataError(
            f"The time column {wanted!r} of {path} holds {example!r}, which is not a time.",
            hint=" ".join(
                [
                    *([why] if (why := parsed.column_notes.get(names.index(name))) else []),
                    "Times are written like 2026-01-31 or 2026-01-31T12:00:00Z.",
                    f"Columns with times: {known}. Or space the rows with --every 30m.",
                ]
            ),
        )
    if column.null_count:
        row = pc.index(pc.is_null(column), value=True).as_py() + 1
        raise DataError(f"Row {row} of {path} has no value in the time column {wanted or name!r}.")
    return name
