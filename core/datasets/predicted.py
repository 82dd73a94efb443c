"""How far predictions in a person's table reach."""

from __future__ import annotations

from datetime import UTC, datetime

from core.datasets.catalog import find_relation
from core.datasets.connection import read_only
from core.datasets.identifiers import RelationName, quote_identifier
from core.datasets.tables import relation_kind


def newest_predicted(database_url: str, table: str, time_column: str) -> datetime | None:
    """Time of the newest row that has a prediction; None without a table or without rows.

    Raises
    ------
    DataError
        The table has no such column, or it holds no times.
    """
    name = RelationName.parse(table)
    with read_only(database_url) as tx:
        if relation_kind(tx, name) is None:
            return None
        column = quote_identifier(find_relation(tx, str(name)).require_time(time_column).name)
        rows = tx.fetch_rows(
            f"select max({column})::timestamptz as newest from {name.quoted}"
            f" where isfinite({column})"
        )
    newest: datetime | None = rows[0]["newest"]
    return newest and newest.astimezone(UTC)
