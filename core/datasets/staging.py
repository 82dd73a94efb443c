"""Handing a frame to PostgreSQL: a temporary table that statements of the same transaction join."""

from __future__ import annotations

import pandas as pd
import pyarrow as pa

from core.datasets.connection import Transaction
from core.datasets.identifiers import quote_identifier
from core.datasets.tables import as_copied, sql_type
from core.errors import DataError

STAGE = "pg_temp.refit_stage"


def as_arrow(frame: pd.DataFrame) -> pa.Table:
    """The frame as Arrow in the widths that are copied, without its index.

    Categories become their values, and a column of nothing but nulls text.

    Raises
    ------
    DataError
        A column mixes types, or holds a value that PostgreSQL cannot.
    """
    plain = frame.copy(deep=False)
    for name in plain.columns:
        if isinstance(plain[name].dtype, pd.CategoricalDtype):
            plain[name] = plain[name].astype(plain[name].cat.categories.dtype)
    try:
        table = pa.Table.from_pandas(plain, preserve_index=False)
    except pa.ArrowException as exc:
        raise DataError(f"The predictions cannot be stored: {exc}.") from exc
    return as_copied(table)


def fill_stage(tx: Transaction, data: pa.Table) -> None:
    """Make :data:`STAGE` of ``data``; it lasts until the transaction ends.

    The session's time zone becomes UTC: where a time is cast to a type without a zone, it is
    written as UTC, which is how such columns are read.
    """
    name = STAGE.partition(".")[2]
    columns = ", ".join(f"{quote_identifier(f.name)} {sql_type(f.type)}" for f in data.schema)
    tx.configure({"timezone": "UTC"})
    tx.execute(f"create temporary table {name} ({columns}) on commit drop")
    tx.ingest(name, data, temporary=True)
