"""Making a table of any CSV file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa

from core.datasets.connection import READER, Transaction, transaction
from core.datasets.csv_parsing import ParsedCsv, parse_csv
from core.datasets.csv_rows import TimedRows, check_times, timed_rows
from core.datasets.identifiers import (
    NAME_BYTES,
    RelationName,
    quote_identifier,
    quote_literal,
)
from core.datasets.names import safe_name
from core.datasets.tables import protect_table, relation_kind, sql_type
from core.errors import InvalidRequest

_MARK = "Imported by Refit:"  # begins the comment of a table that an import may replace
KEY = "row_id"


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
    check_times(time_column, every, origin)
    parsed = parse_csv(path)
    with transaction(database_url) as tx:
        reserved = _reserved_words(tx)
        relation = _table_name(path, table, reserved)
        _make_room(tx, relation, replace=replace)
        rows = timed_rows(
            path,
            parsed,
            time_column=time_column,
            every=every,
            origin=origin,
            reserved=reserved,
            taken=(KEY,),
        )
        _create(tx, relation, rows.table, rows.time, source=path.name)
    return _imported(relation, parsed, rows)


def _imported(relation: RelationName, parsed: ParsedCsv, rows: TimedRows) -> ImportedTable:
    return ImportedTable(
        relation=str(relation),
        rows=rows.table.num_rows,
        columns=tuple(rows.table.column_names),
        time_column=rows.time,
        key_columns=(KEY,),
        names=dict(zip(parsed.headings, rows.names, strict=True)),
        types={f.name: sql_type(f.type) for f in rows.table.schema},
        notes=(*parsed.notes, *parsed.column_notes.values()),
    )


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
