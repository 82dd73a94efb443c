"""How a column is read and compared in SQL, by its type."""

from __future__ import annotations

from core.datasets.catalog import Column, ColumnKind, Relation
from core.datasets.identifiers import quote_identifier
from core.domain import ModelType
from core.errors import DataError

# "infinity" has no counterpart in pandas: it becomes null, as "not known yet".
_EXPRESSIONS = {
    ColumnKind.INTEGER: "{0}",
    ColumnKind.FLOAT: "{0}",
    ColumnKind.NUMERIC: "{0}::numeric::float8",
    ColumnKind.BOOLEAN: "{0}",
    ColumnKind.TEXT: "{0}::text",
    ColumnKind.IDENTIFIER: "{0}::text",
    ColumnKind.JSON: "{0}::text",
    ColumnKind.TIMESTAMPTZ: "case when isfinite({0}) then {0} end",
    ColumnKind.TIMESTAMP: "case when isfinite({0}) then {0} at time zone 'UTC' end",
    ColumnKind.DATE: "case when isfinite({0}) then {0}::timestamp at time zone 'UTC' end",
    ColumnKind.DURATION: "extract(epoch from {0})::float8",
}


def select_item(relation: Relation, column: Column, *, model_type: ModelType) -> str:
    """``expression as name`` that gives pandas a type it can work with.

    An exact number that is a key is read as text: float8 would make different keys equal.
    """
    if column.kind is ColumnKind.UNSUPPORTED:
        raise DataError(
            f"The column {column.name!r} of {relation.qualified_name} has the type "
            f"{column.type}, which a model cannot use.",
            hint="Leave it out, or make a view that turns it into numbers or text.",
        )
    name = quote_identifier(column.name)
    if column.name in model_type.key_columns and column.kind is ColumnKind.NUMERIC:
        return f"{name}::text as {name}"
    if column.name == model_type.time_column and column.kind is ColumnKind.TIMESTAMPTZ:
        return name  # rows without a finite time are left out anyway
    return f"{_EXPRESSIONS[column.kind].format(name)} as {name}"


def instant(column: Column, setting: str) -> str:
    """A setting of this transaction as a point in time that compares with the bare column.

    The column itself stays untouched so that its index can be used.
    """
    value = f"(select current_setting('{setting}')::timestamptz)"  # once, not for every row
    if column.kind is ColumnKind.TIMESTAMPTZ:
        return value
    return f"({value} at time zone 'UTC')"
