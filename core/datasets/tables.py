"""Tables that Refit makes for a person: types, and who may read them."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from core.datasets.catalog import RELATION_KINDS
from core.datasets.connection import Transaction
from core.datasets.identifiers import RelationName, quote_identifier
from core.errors import DataError


def sql_type(kind: pa.DataType) -> str:
    """The PostgreSQL type that holds every value of an Arrow type."""
    if pa.types.is_boolean(kind):
        return "boolean"
    if pa.types.is_integer(kind):
        return "bigint"
    if pa.types.is_floating(kind):
        return "double precision"
    if pa.types.is_timestamp(kind):
        return "timestamptz"
    if pa.types.is_date(kind):
        return "date"
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return "text"
    raise DataError(f"Values of the type {kind} cannot be stored.")


_COPIED_AS = {
    "boolean": pa.bool_(),
    "bigint": pa.int64(),
    "double precision": pa.float64(),
    "timestamptz": pa.timestamp("us", "UTC"),
    "date": pa.date32(),
    "text": pa.string(),
}


def as_copied(data: pa.Table) -> pa.Table:
    """The same values in the widths of :func:`sql_type`'s types: a binary COPY converts nothing.

    Raises
    ------
    DataError
        A value lies outside its type, such as an integer above 2⁶³.
    """
    kinds = [pa.string() if pa.types.is_null(f.type) else f.type for f in data.schema]
    fields = [
        pa.field(f.name, _COPIED_AS[sql_type(kind)])
        for f, kind in zip(data.schema, kinds, strict=True)
    ]
    try:
        # Times finer than PostgreSQL's microseconds are cut, all else must fit.
        columns = [
            pc.cast(column, f.type, safe=not pa.types.is_timestamp(f.type))
            for column, f in zip(data.columns, fields, strict=True)
        ]
    except pa.ArrowInvalid as exc:
        raise DataError(f"A value cannot be stored: {exc}.") from exc
    return pa.table(columns, schema=pa.schema(fields))


def relation_kind(tx: Transaction, relation: RelationName) -> str | None:
    """``table``, ``view``, …, or None when the name is free."""
    rows = tx.fetch_rows(
        """
        select c.relkind::text as kind
        from pg_catalog.pg_class c
        join pg_catalog.pg_namespace n on n.oid = c.relnamespace
        where n.nspname::text = $1 and c.relname::text = $2
        """,
        relation.schema,
        relation.name,
    )
    return RELATION_KINDS.get(rows[0]["kind"], "database object") if rows else None


def protect_table(tx: Transaction, relation: RelationName, *, reader: str) -> None:
    """Switch row-level security on, with one policy: ``reader`` may read every row."""
    policy = quote_identifier(f"{reader} may read")
    tx.execute(
        f"alter table {relation.quoted} enable row level security",
        f"grant select on {relation.quoted} to {quote_identifier(reader)}",
        f"create policy {policy} on {relation.quoted} for select"
        f" to {quote_identifier(reader)} using (true)",
    )
