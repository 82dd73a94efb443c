"""Which rows have a prediction in a person's table already."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.datasets.catalog import find_relation
from core.datasets.connection import transaction
from core.datasets.identifiers import RelationName, quote_identifier
from core.datasets.staging import STAGE, as_arrow, fill_stage
from core.datasets.tables import relation_kind
from core.errors import InvalidRequest


def without_prediction(database_url: str, table: str, keys: pd.DataFrame) -> NDArray[np.bool_]:
    """Which rows have no prediction in the table yet, whatever model it is by; shape (n,).

    Parameters
    ----------
    table
        ``name`` or ``schema.name``; one that is not there holds no predictions.
    keys
        The key columns of n rows.

    Raises
    ------
    InvalidRequest
        The table has no such key columns.
    """
    name = RelationName.parse(table)
    with transaction(database_url) as tx:
        if keys.empty or relation_kind(tx, name) is None:
            return np.ones(len(keys), dtype=bool)
        types = {c.name: c.type for c in find_relation(tx, str(name)).columns}
        if lacking := [key for key in keys.columns if key not in types]:
            raise InvalidRequest(
                f"The table {name} has other columns: it lacks {', '.join(lacking)}.",
                hint="Name a table that is not there yet; it will be made.",
            )
        # Names of our own: a key may be called as the number of the row is here.
        staged = keys.set_axis([f"key_{n}" for n in range(keys.shape[1])], axis="columns")
        fill_stage(tx, as_arrow(staged.assign(row=np.arange(len(keys)))))
        same = " and ".join(
            f"t.{quote_identifier(key)} = s.{own}::{types[key]}"
            for key, own in zip(keys.columns, staged.columns, strict=True)
        )
        found = tx.fetch_table(
            f"select s.row from {STAGE} s"
            f" where not exists (select from {name.quoted} t where {same})"
        )
    new = np.zeros(len(keys), dtype=bool)
    new[found.column("row").to_numpy()] = True
    return new
