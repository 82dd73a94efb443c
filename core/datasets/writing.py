"""Writing predictions into a person's table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
import pyarrow as pa

from core.datasets.catalog import Relation, find_relation
from core.datasets.connection import READER, Transaction, transaction
from core.datasets.identifiers import RelationName, quote_identifier
from core.datasets.staging import STAGE, as_arrow, fill_stage
from core.datasets.tables import protect_table, relation_kind, sql_type
from core.errors import DataError, InvalidRequest

PREDICTION_COLUMNS = ("prediction", "confidence", "model_id", "predicted_at")


def write_predictions(
    database_url: str, table: str, frame: pd.DataFrame, *, key_columns: Sequence[str]
) -> int:
    """Store predictions, once for each key and model: writing the same again changes nothing.

    The table is made when it is not there, with the primary key (keys, model_id), types by the
    frame, and row-level security on (one policy: ``refit_reader`` may read), so that Supabase's
    Data API shows predictions to nobody until a person adds a policy. A row that is there already
    for the same key and model gets the new values. All happens in one transaction.

    Parameters
    ----------
    database_url
        Address of the database; its user writes.
    table
        ``name`` or ``schema.name``; the schema must exist.
    frame
        The key columns, ``prediction``, ``confidence``, ``model_id`` (a UUID), ``predicted_at``,
        and any others, such as the time of the row.
    key_columns
        Which columns tell the rows apart.

    Returns
    -------
    int
        Rows written.

    Raises
    ------
    InvalidRequest
        The table has other columns, or no unique key of (keys, model_id).
    DataError
        The frame lacks a column, or has a key twice.
    """
    keys = [*key_columns, "model_id"]
    _check_frame(frame, key_columns, keys)
    if frame.empty:
        return 0
    relation = RelationName.parse(table)
    data = _to_arrow(frame)
    with transaction(database_url) as tx:
        if relation_kind(tx, relation) is None:
            _create(tx, relation, data, keys)
        found = find_relation(tx, str(relation))
        _check_table(tx, found, data, keys)
        _upsert(tx, found, data, keys)
    return len(frame)


def _check_frame(frame: pd.DataFrame, key_columns: Sequence[str], keys: list[str]) -> None:
    clash = [name for name in key_columns if name in PREDICTION_COLUMNS]
    if clash:
        raise InvalidRequest(
            f"The key column {clash[0]!r} has the name of a column that Refit writes.",
            hint="Rename it in a view and use that as the model type's relation.",
        )
    missing = [c for c in (*key_columns, *PREDICTION_COLUMNS) if c not in frame.columns]
    if missing:
        raise DataError(f"The predictions lack the columns {', '.join(missing)}.")
    if frame[keys].isna().any(axis=None):
        raise DataError(f"A prediction has no value in one of its key columns {', '.join(keys)}.")
    if frame.duplicated(keys).any():
        first = frame.loc[frame.duplicated(keys), list(key_columns)].iloc[0].to_dict()
        raise DataError(
            f"The key {first} stands for more than one row.",
            hint="Choose key columns that tell the rows of the relation apart.",
        )


def _to_arrow(frame: pd.DataFrame) -> pa.Table:
    """UUIDs as text: PostgreSQL converts them to the column's type."""
    return as_arrow(
        frame.assign(
            model_id=frame["model_id"].map(str), confidence=frame["confidence"].astype("float64")
        )
    )


def _create(tx: Transaction, relation: RelationName, data: pa.Table, keys: list[str]) -> None:
    columns = []
    for column in data.schema:
        kind = "uuid" if column.name == "model_id" else sql_type(column.type)
        columns.append(f"{quote_identifier(column.name)} {kind}")
    key = ", ".join(quote_identifier(name) for name in keys)
    tx.execute(
        f"create table {relation.quoted} ({', '.join(columns)}, primary key ({key}))",
        f"comment on table {relation.quoted} is 'Predictions, written by Refit'",
    )
    protect_table(tx, relation, reader=READER)


def _check_table(tx: Transaction, relation: Relation, data: pa.Table, keys: list[str]) -> None:
    name = relation.qualified_name
    if relation.kind not in {"table", "partitioned table"}:
        raise InvalidRequest(f"{name} is a {relation.kind}; predictions need a table.")
    rows = tx.fetch_rows(_COLUMNS_AND_KEYS, relation.oid)
    there = {row["name"] for row in rows}
    missing = [c for c in data.column_names if c not in there]
    unfilled = [r["name"] for r in rows if r["must_fill"] and r["name"] not in data.column_names]
    if missing or unfilled:
        parts = [f"lacks {', '.join(missing)}"] if missing else []
        parts += [f"requires {', '.join(unfilled)}"] if unfilled else []
        raise InvalidRequest(
            f"The table {name} has other columns: it {' and '.join(parts)}.",
            hint="Name a table that is not there yet; it will be made.",
        )
    if not any(set(row["names"]) == set(keys) for row in tx.fetch_rows(_UNIQUE, relation.oid)):
        key = ", ".join(quote_identifier(k) for k in keys)
        raise InvalidRequest(
            f"The table {name} has no unique key of {', '.join(keys)}.",
            hint=f"Run: alter table {relation.relation_name.quoted} add unique ({key});",
        )


_COLUMNS_AND_KEYS = """
select a.attname::text as name,
    a.attnotnull and not a.atthasdef and a.attidentity = '' as must_fill
from pg_catalog.pg_attribute a
where a.attrelid = $1::oid and a.attnum > 0 and not a.attisdropped
"""
_UNIQUE = """
select array(
    select a.attname::text
    from unnest(i.indkey[0:i.indnkeyatts - 1]) k
    join pg_catalog.pg_attribute a on a.attrelid = i.indrelid and a.attnum = k
) as names
from pg_catalog.pg_index i
where i.indrelid = $1::oid and i.indisunique and i.indimmediate and i.indisvalid
  and i.indpred is null and i.indexprs is null
"""


def _upsert(tx: Transaction, relation: Relation, data: pa.Table, keys: list[str]) -> None:
    """Through a temporary table: COPY cannot update."""
    names = data.column_names
    fill_stage(tx, data)
    types: dict[str, Any] = {c.name: c.type for c in relation.columns}
    columns = ", ".join(quote_identifier(n) for n in names)
    values = ", ".join(f"{quote_identifier(n)}::{types[n]}" for n in names)
    changes = ", ".join(
        f"{quote_identifier(n)} = excluded.{quote_identifier(n)}" for n in names if n not in keys
    )
    tx.execute(
        f"insert into {relation.relation_name.quoted} ({columns})"
        f" select {values} from {STAGE}"
        f" on conflict ({', '.join(quote_identifier(k) for k in keys)}) do update set {changes}"
    )
