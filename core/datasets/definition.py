"""A first model-type definition for a person's table: what they left out follows from the data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from core.datasets.catalog import Column, ColumnKind, Relation
from core.datasets.connection import read_only
from core.datasets.identifiers import quote_identifier
from core.domain import ModelType, Task
from core.errors import DataError, InvalidRequest

CLASSES_AT_MOST = 20  # an integer target with more values than this is a quantity
NAMES_AT_MOST = 100  # a text target with more values than this is no set of classes
# An integer column that is different in every row is a number given to it, not a property of it;
# among few rows that may be chance. A sample tells, however large the table.
ID_ROWS_AT_LEAST = 100
_ID_SAMPLE = 100_000
_NO_FEATURES = frozenset({ColumnKind.UNSUPPORTED, ColumnKind.IDENTIFIER, ColumnKind.JSON})
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
    notes: tuple[str, ...] = ()  # which columns were left out of the features, and why


class Counts(Protocol):
    """What has to be counted of the rows to define a model type."""

    def in_sample(self, columns: Sequence[str]) -> tuple[int, dict[str, int]]:
        """How many rows a large sample has, and how many different values of each column."""

    def distinct(self, column: str, *, at_most: int | None = None) -> int:
        """How many values a column has; counting may stop at ``at_most``."""


def suggest_definition(
    database_url: str,
    relation: Relation,
    *,
    target: str,
    time_column: str,
    label_time_column: str | None = None,
    key_columns: Sequence[str] = (),
    feature_columns: Sequence[str] = (),
    task: Task | None = None,
) -> Definition:
    """Fill in what a person left out of a model type's definition.

    Keys default to the primary key; features to all other columns that a model can learn from:
    no arrays, documents or identifiers, and no integers that are different in every row. The task
    follows the target: text, booleans and integers of at most 20 values are classes, other
    numbers are quantities. The metric is accuracy or RMSE.

    Raises
    ------
    DataError
        A column does not exist or has the wrong type, there is no key, or no feature is left.
    InvalidRequest
        The task does not fit the target: a regression on text, or over 100 different names.
    """
    return definition_by(
        _RelationCounts(database_url, relation),
        relation,
        target=target,
        time_column=time_column,
        label_time_column=label_time_column,
        key_columns=key_columns,
        feature_columns=feature_columns,
        task=task,
    )


def definition_by(
    counts: Counts,
    relation: Relation,
    *,
    target: str,
    time_column: str,
    label_time_column: str | None = None,
    key_columns: Sequence[str] = (),
    feature_columns: Sequence[str] = (),
    task: Task | None = None,
) -> Definition:
    """:func:`suggest_definition` of rows that may lie elsewhere than in a database."""
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
    features: tuple[str, ...] = tuple(feature_columns)
    notes: tuple[str, ...] = ()
    if not features:
        taken = {*keys, time_column, label_time_column, target}
        others = [c for c in relation.columns if c.name not in taken]
        features, notes = _features(counts, others)
    if not features:
        raise DataError(
            f"{relation.qualified_name} has no column left to predict {target!r} from.",
            hint=" ".join(notes) or None,
        )
    for name in (*keys, *features):
        relation.column(name)
    found = _task(counts, relation, column, task)
    return Definition(
        source_relation=relation.qualified_name,
        key_columns=keys,
        time_column=time_column,
        label_time_column=label_time_column,
        target_column=target,
        feature_columns=features,
        task=found,
        metric=_DEFAULT_METRICS[found],
        notes=notes,
    )


def check_task(relation: Relation, model_type: ModelType) -> None:
    """Check that the target's type is one that the task can predict.

    Raises
    ------
    InvalidRequest
        The task is regression and the target is text.
    """
    target = relation.column(model_type.target_column)
    if model_type.task is Task.REGRESSION and target.kind is ColumnKind.TEXT:
        raise _text_is_no_quantity(relation, target)


def _features(counts: Counts, columns: Sequence[Column]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names of the features among columns, and notes on those that are none."""
    notes = []
    unusable = [c for c in columns if c.kind in _NO_FEATURES]
    if unusable:
        listed = ", ".join(f"{c.name} ({c.type})" for c in unusable)
        notes.append(f"Left out of the features, for their type: {listed}.")
    ids = _ids(counts, [c.name for c in columns if c.kind is ColumnKind.INTEGER])
    if ids:
        notes.append(
            f"Left out of the features: {', '.join(ids)}, a different number in every row, like "
            "an id. Name the features yourself if it should be one."
        )
    left_out = {c.name for c in unusable} | set(ids)
    return tuple(c.name for c in columns if c.name not in left_out), tuple(notes)


def _ids(counts: Counts, columns: Sequence[str]) -> list[str]:
    """The columns that are different in every row of a sample."""
    if not columns:
        return []
    rows, distinct = counts.in_sample(columns)
    if rows < ID_ROWS_AT_LEAST:
        return []
    return [name for name in columns if distinct[name] == rows]


def _task(counts: Counts, relation: Relation, target: Column, asked: Task | None) -> Task:
    if target.kind is ColumnKind.TEXT:
        if asked is Task.REGRESSION:
            raise _text_is_no_quantity(relation, target)
        _require_few_names(counts, relation, target)
        return Task.CLASSIFICATION
    if target.kind is ColumnKind.BOOLEAN:
        return asked or Task.CLASSIFICATION
    if target.kind in _QUANTITY_KINDS:
        return asked or Task.REGRESSION
    if target.kind is ColumnKind.INTEGER:
        if asked:
            return asked
        few = counts.distinct(target.name, at_most=CLASSES_AT_MOST + 1) <= CLASSES_AT_MOST
        return Task.CLASSIFICATION if few else Task.REGRESSION
    raise DataError(
        f"The target {target.name!r} of {relation.qualified_name} is {target.type}, "
        "which cannot be predicted.",
        hint="A target is a number, a boolean or a text.",
    )


def _text_is_no_quantity(relation: Relation, target: Column) -> InvalidRequest:
    return InvalidRequest(
        f"The target {target.name!r} of {relation.qualified_name} is {target.type}: "
        "a regression predicts numbers.",
        hint="Use the task classification, or make a view that turns the target into a number.",
    )


def _require_few_names(counts: Counts, relation: Relation, target: Column) -> None:
    names = counts.distinct(target.name)
    if names > NAMES_AT_MOST:
        raise InvalidRequest(
            f"The target {target.name!r} of {relation.qualified_name} has {names:,} different "
            f"values, too many to be classes (at most {NAMES_AT_MOST}).",
            hint="Name another target, or make a view that groups its values.",
        )


class _RelationCounts:
    """Counted as the connecting user, who defines the model type: only numbers come back."""

    def __init__(self, database_url: str, relation: Relation) -> None:
        self._database_url = database_url
        self._table = relation.relation_name.quoted

    def in_sample(self, columns: Sequence[str]) -> tuple[int, dict[str, int]]:
        names = [quote_identifier(name) for name in columns]
        counted = [f"count(distinct {name}) as n{i}" for i, name in enumerate(names)]
        row = self._row(
            f"select count(*) as rows, {', '.join(counted)} from (select {', '.join(names)}"
            f" from {self._table} limit {_ID_SAMPLE}) as sample",
        )
        return row["rows"], {name: row[f"n{i}"] for i, name in enumerate(columns)}

    def distinct(self, column: str, *, at_most: int | None = None) -> int:
        name = quote_identifier(column)
        limit = "" if at_most is None else f" limit {at_most}"
        found = f"select distinct {name} from {self._table} where {name} is not null{limit}"
        return self._row(f"select count(*) as n from ({found}) as found")["n"]

    def _row(self, sql: str) -> dict[str, int]:
        with read_only(self._database_url) as tx:
            return tx.fetch_rows(sql)[0]
