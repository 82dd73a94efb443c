"""A person's data: reading it, describing it, importing it, and writing predictions beside it."""

from __future__ import annotations

from core.datasets.catalog import Column, ColumnKind, Relation
from core.datasets.csv_import import ImportedTable, import_csv
from core.datasets.definition import Definition, suggest_definition
from core.datasets.fingerprint import fingerprint
from core.datasets.intervals import parse_interval
from core.datasets.reading import needed_columns, read_rows
from core.datasets.relations import check_access, describe_relation
from core.datasets.writing import write_predictions

__all__ = [
    "Column",
    "ColumnKind",
    "Definition",
    "ImportedTable",
    "Relation",
    "check_access",
    "describe_relation",
    "fingerprint",
    "import_csv",
    "needed_columns",
    "parse_interval",
    "read_rows",
    "suggest_definition",
    "write_predictions",
]
