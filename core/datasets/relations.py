"""What a person's table offers: its description, its access, and a first model-type definition."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.datasets.catalog import Column, ColumnKind, Relation, find_relation
from core.datasets.connection import read_only, reading
from core.datasets.identifiers import quote_identifier
from core.datasets.reading import probe
from core.domain import ModelType, Task
from core.errors import DataError

CLASSES_AT_MOST = 20  # an integer target with more values than this is a quantity
_FEATURE_KINDS = frozenset(ColumnKind) - {
    ColumnKind.UNSUPPORTED,
    ColumnKind.IDENTIFIER,
    ColumnKind.JSON,
}
_QUANTITY_KINDS = {ColumnKind.FLOAT, ColumnKind.NUMERIC, ColumnKind.DURATION}
_DEFAULT_METRICS = {Task.CLASSIFICATION: "accuracy", Task.REGRESSION: "rmse"}


@dataclass(frozen=True, kw_only=True)
class Definition:
    """The parts of a model type that follow from its relation and target."""

    source_relation: str
    key_columns: tuple[str, ...]
    time_column: str
    label_time_column: str | None
    target_column: str
    feature_columns: tuple[str, ...]
    task: Task
    metric: str


def describe_relation(database_url: str, relation: str) -> Relation:
    """Describe a table or view by its name (``name``, ``schema.name``, or quoted as in SQL).

    Raises
    ------
    DataError
        There is no such relation; the hint has near names.
    """
    with read_only(database_url) as tx:
        return find_relation(tx, relation)


def check_access(database_url: str, model_type: ModelType) -> None:
    """Check that ``refit_reader`` can read every row and column of a model type.

    Raises
    ------
    DataError
        Something is missing; the hint holds the exact GRANT or POLICY, or near names.
    """
    with reading(database_url) as tx:
        probe(tx, find_relation(tx, model_type.source_relation), model_type)


def suggest_definition(
    database_url: str,
    relation: Relation,
    *,
    target: str,
    time_column: str,
    label_time_column: str | None = None,
    key_columns: Sequence[str] = (),
    feature_columns: Sequence[str] = (),
) -> Definition:
    """Fill in what a person left out of a model type's definition.

    Keys default to the primary key; features to all other columns that a model can use; the task
    follows the target: text, booleans and integers of at most 20 values are classes, other
    numbers are quantities. The metric is accuracy or RMSE.

    Raises
    ------
    DataError
        A column does not exist or has the wrong type, there is no key, or no feature is left.
    """
    column = relation.column(target)
    relation.require_time(time_column)
    if label_time_column:
        relation.require_time(label_time_column, "label-time column")
    keys = tuple(key_columns) or relation.primary_key
    if not keys:
        raise DataError(
            f"{relation.qualified_name} is a {relation.kind} without a primary key.",
            hint="Name the columns that tell its rows apart as key columns.",
        )
    taken = {*keys, time_column, label_time_column, target}
    features = tuple(feature_columns) or tuple(
        c.name for c in relation.columns if c.kind in _FEATURE_KINDS and c.name not in taken
    )
    if not features:
        raise DataError(f"{relation.qualified_name} has no column left to predict {target!r} from.")
    for name in (*keys, *features):
        relation.column(name)
    task = _task(database_url, relation, column)
    return Definition(
        source_relation=relation.qualified_name,
        key_columns=keys,
        time_column=time_column,
        label_time_column=label_time_column,
        target_column=target,
        feature_columns=features,
        task=task,
        metric=_DEFAULT_METRICS[task],
    )


def _task(database_url: str, relation: Relation, target: Column) -> Task:
    if target.kind in {ColumnKind.TEXT, ColumnKind.BOOLEAN}:
        return Task.CLASSIFICATION
    if target.kind in _QUANTITY_KINDS:
        return Task.REGRESSION
    if target.kind is ColumnKind.INTEGER:
        few = _distinct(database_url, relation, target.name) <= CLASSES_AT_MOST
        return Task.CLASSIFICATION if few else Task.REGRESSION
    raise DataError(
        f"The target {target.name!r} of {relation.qualified_name} is {target.type}, "
        "which cannot be predicted.",
        hint="A target is a number, a boolean or a text.",
    )


def _distinct(database_url: str, relation: Relation, column: str) -> int:
    """How many values a column has; counting stops one above ``CLASSES_AT_MOST``.

    Read as the connecting user, who defines the model type: nothing but a number comes back.
    """
    name = quote_identifier(column)
    with read_only(database_url) as tx:
        rows = tx.fetch_rows(
            f"select count(*) as n from (select distinct {name}"
            f" from {relation.relation_name.quoted}"
            f" where {name} is not null limit {CLASSES_AT_MOST + 1}) as capped"
        )
    return int(rows[0]["n"])
