"""Making a table of any CSV file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from core.datasets.connection import READER, Transaction, transaction
from core.datasets.csv_parsing import ParsedCsv, parse_csv
from core.datasets.identifiers import (
    NAME_BYTES,
    RelationName,
    quote_identifier,
    quote_literal,
)
from core.datasets.names import safe_name, safe_names
from core.datasets.tables import protect_table, relation_kind, sql_type
from core.errors import DataError, InvalidRequest

_MARK = "Imported by Refit:"  # begins the comment of a table that an import may replace
KEY = "row_id"
MADE_TIME = "event_time"
DEFAULT_ORIGIN = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class ImportedTable:
    """What an import made."""

    relation: str  # for ModelType.source_relation
    rows: int
    columns: tuple[str, ...]  # without the key, in the file's order; a made time column comes first
    time_column: str
    key_columns: tuple[str, ...]
    names: dict[str, str] = field(default_factory=dict)  # the file's heading → the column's name
    types: Mapping[str, str] = field(default_factory=dict)  # the column's name → its SQL type
    notes: tuple[str, ...] = ()  # what a person should know, e.g. about the encoding


def import_csv(
    database_url: str,
    path: Path | str,
    *,
    table: str | None = None,
    time_column: str | None = None,
    every: timedelta | None = None,
    origin: datetime | None = None,
    replace: bool = False,
) -> ImportedTable:
    """Make a table of a CSV file in schema ``public``, in one transaction.

    Types are inferred from all rows: integers, floats, booleans, timestamps (ISO 8601; those
    without a zone are UTC), dates, else text. Marks of thousands and dates like 31.01.2026 are
    understood where a whole column is clear about them; digits with leading zeros stay text.
    Headings become safe names by the rule of
    :func:`core.datasets.names.safe_names`. A ``row_id`` that counts from 1 in the file's order is
    the primary key, and goes on by itself for rows added later. Row-level security is switched
    **on**, with one policy that lets ``refit_reader`` read: else Supabase's Data API would show
    the table to anybody who has the project's publishable key.

    Parameters
    ----------
    database_url
        Address of the database; its user will own the table.
    path
        The file.
    table
        Name of the table; None: made from the file's name.
    time_column
        Heading (or its safe name) of the column that says when each row happened. None without
        ``every``: the file's only column of timestamps or dates.
    every
        Instead of a time column: row *i* (from 0) happened at ``origin + i · every``, in a new
        column ``event_time``.
    origin
        Time of the first row; None: 2000-01-01 UTC.
    replace
        Drop a table of that name first, if it was imported too.

    Raises
    ------
    InvalidRequest
        The file is not there, the table is there already, or the arguments contradict each other.
    DataError
        The file's content cannot be used.
    """
    path = Path(path)
    _check_arguments(time_column, every, origin)
    parsed = parse_csv(path)
    with transaction(database_url) as tx:
        reserved = _reserved_words(tx)
        relation = _table_name(path, table, reserved)
        _make_room(tx, relation, replace=replace)
        made = [KEY, MADE_TIME] if every else [KEY]
        names = safe_names(parsed.headings, reserved=reserved, taken=made)
        data = _typed(parsed, names)
        if every:
            time, data = MADE_TIME, _with_times(data, every, origin or DEFAULT_ORIGIN)
        else:
            time = _time_column(path, parsed, names, data, time_column)
        _create(tx, relation, data, time, source=path.name)
    return _imported(relation, parsed, names, data, time)


def _imported(
    relation: RelationName, parsed: ParsedCsv, names: list[str], data: pa.Table, time: str
) -> ImportedTable:
    return ImportedTable(
        relation=str(relation),
        rows=data.num_rows,
        columns=tuple(data.column_names),
        time_column=time,
        key_columns=(KEY,),
        names=dict(zip(parsed.headings, names, strict=True)),
        types={f.name: sql_type(f.type) for f in data.schema},
        notes=(*parsed.notes, *parsed.column_notes.values()),
    )


def _check_arguments(
    time_column: str | None, every: timedelta | None, origin: datetime | None
) -> None:
    if time_column and every:
        raise InvalidRequest("Give a time column or an interval between rows, not both.")
    if origin and not every:
        raise InvalidRequest("An origin makes sense only with an interval between rows.")
    if origin and origin.tzinfo is None:
        raise InvalidRequest(f"The origin {origin.isoformat()} must carry a time zone.")
    if every is not None and every <= timedelta(0):
        raise InvalidRequest("The interval between rows must be more than nothing.")


def _reserved_words(tx: Transaction) -> set[str]:
    sql = "select word::text as word from pg_catalog.pg_get_keywords() where catcode in ('R', 'T')"
    return {row["word"] for row in tx.fetch_rows(sql)}


def _table_name(path: Path, table: str | None, reserved: set[str]) -> RelationName:
    if table is None:
        table_name = safe_name(path.stem, fallback="imported", reserved=reserved)
        relation = RelationName(schema="public", name=table_name)
    else:
        relation = RelationName.parse(table)
    if relation.schema != "public":
        raise InvalidRequest(
            f"A file is imported into schema public, not into {relation.schema}.",
            hint="Leave the schema out.",
        )
    if len(relation.name.encode()) > NAME_BYTES:
        raise InvalidRequest(f"The table name {relation.name!r} is over {NAME_BYTES} bytes.")
    if relation.name.startswith("ml_") or relation.name == "workflow_audit_logs":
        raise InvalidRequest(
            f"{relation} would stand among Refit's own tables.",
            hint="Choose a name that does not begin with ml_.",
        )
    return relation


def _make_room(tx: Transaction, relation: RelationName, *, replace: bool) -> None:
    kind = relation_kind(tx, relation)
    if kind is None:
        return
    if kind != "table":
        raise InvalidRequest(f"{relation} exists and is a {kind}.", hint="Choose another name.")
    if not replace:
        raise InvalidRequest(
            f"The table {relation} exists already.",
            hint="Choose another name with --table, or --replace it.",
        )
    if not _was_imported(tx, relation):
        raise InvalidRequest(
            f"The table {relation} was not made by an import, so it is not replaced.",
            hint="Choose another name with --table, or drop the table yourself.",
        )
    tx.execute(f"drop table {relation.quoted}")


def _was_imported(tx: Transaction, relation: RelationName) -> bool:
    comment = "pg_catalog.obj_description($1::text::regclass, 'pg_class')"
    rows = tx.fetch_rows(f"select {comment} as comment", relation.quoted)
    return (rows[0]["comment"] or "").startswith(_MARK)


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


def _create(
    tx: Transaction, relation: RelationName, data: pa.Table, time: str, *, source: str
) -> None:
    columns = [f"{quote_identifier(f.name)} {sql_type(f.type)}" for f in data.schema]
    key = f"{KEY} bigint generated by default as identity primary key"
    tx.execute(
        f"create table {relation.quoted} ({', '.join([key, *columns])})",
        f"comment on table {relation.quoted} is {quote_literal(f'{_MARK} {source}')}",
    )
    tx.ingest(relation.name, data, db_schema_name=relation.schema)
    tx.execute(
        f"alter table {relation.quoted} alter column {quote_identifier(time)} set not null",
        f"create index on {relation.quoted} ({quote_identifier(time)})",
    )
    protect_table(tx, relation, reader=READER)
    tx.execute(f"analyze {relation.quoted}")
