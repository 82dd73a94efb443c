"""Reading the rows of a model type: one query, one read-only transaction, Arrow all the way."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from core.datasets.access import row_security_needed
from core.datasets.catalog import Column, Relation, find_relation
from core.datasets.columns import instant, select_item
from core.datasets.connection import Transaction, reading
from core.datasets.identifiers import quote_identifier
from core.domain import ModelType
from core.errors import InvalidRequest

WindowBy = Literal["time", "label_time"]
Condition = tuple[str, dict[str, str]]  # SQL, and the settings that it reads


def read_rows(
    database_url: str,
    model_type: ModelType,
    *,
    visible_at: datetime,
    start: datetime | None = None,
    end: datetime | None = None,
    window_by: WindowBy = "time",
    least_delay: timedelta | None = None,
    labelled: bool = True,
    unknown_at: datetime | None = None,
    columns: Sequence[str] | None = None,
) -> pd.DataFrame:
    """The rows of a model type that could be seen at ``visible_at``, by time and then keys.

    Parameters
    ----------
    database_url
        Address of the database; the connecting user must be a member of ``refit_reader``.
    model_type
        Where the rows are and what its columns mean.
    visible_at
        Judge as if it were this time. A labelled row is visible when its label time, or else its
        time plus the label delay, is not later, and its target is not null.
    start, end
        Only rows with ``start < t ≤ end``; None leaves that side open. Without labels an open
        ``end`` means ``visible_at``.
    window_by
        What ``t`` is: the row's time, or the time at which its label became known (without a
        label-time column: its time plus the label delay).
    least_delay
        With the label's time for ``t``: it is never less than the row's time plus this.
    labelled
        False gives rows to predict: all rows of the window, whatever their target.
    unknown_at
        Only rows whose label was not known at this time: they have no target or no label time,
        or their label became known later.
    columns
        Which of the model type's columns to return, in this order; None: those of
        :func:`needed_columns`.

    Returns
    -------
    pandas.DataFrame
        With a RangeIndex. Times are ``datetime64[us, UTC]`` (those without a time zone, and
        dates, are taken as UTC); text is ``str``; exact numbers are float64 (text when they are
        keys); durations are seconds. Integers and booleans that hold nulls are float64 with NaN.
        Rows without a finite time are left out.

    Raises
    ------
    DataError
        A relation, column, type, privilege or policy is not as it must be.
    DatabaseUnavailable
        The database is away.
    """
    instants = {"visible_at": visible_at, "start": start, "end": end, "unknown_at": unknown_at}
    if not labelled and end is None:
        instants["end"] = visible_at
    wanted = list(dict.fromkeys(columns if columns is not None else needed_columns(model_type)))
    with reading(database_url) as tx:
        relation = find_relation(tx, model_type.source_relation)
        conditions = _conditions(
            relation, model_type, instants, window_by, least_delay, labelled=labelled
        )
        names = dict.fromkeys((*wanted, model_type.time_column, *model_type.key_columns))
        sql = _query(relation, model_type, names, [text for text, _ in conditions])
        security = row_security_needed(tx, relation, {*needed_columns(model_type), *wanted})
        settings = {name: value for _, read in conditions for name, value in read.items()}
        tx.configure({"row_security": security} | settings)
        table = tx.fetch_table(sql)
    return _to_frame(_in_order(table, model_type).select(wanted))


def needed_columns(model_type: ModelType) -> tuple[str, ...]:
    """Keys, time, label time, target, features, entity and slices, each once."""
    optional = (model_type.label_time_column, model_type.entity_column)
    label_time, entity = ((name,) if name else () for name in optional)
    return tuple(
        dict.fromkeys(
            (
                *model_type.key_columns,
                model_type.time_column,
                *label_time,
                model_type.target_column,
                *model_type.feature_columns,
                *entity,
                *model_type.slice_columns,
            )
        )
    )


def probe(tx: Transaction, relation: Relation, model_type: ModelType) -> None:
    """Read one row as :func:`read_rows` would; DataError when that cannot be done.

    Parameters
    ----------
    tx
        A transaction of ``refit_reader``.
    """
    wanted = needed_columns(model_type)
    relation.require_time(model_type.time_column)
    if model_type.label_time_column:
        relation.require_time(model_type.label_time_column, "label-time column")
    sql = _query(relation, model_type, wanted, ["true"]) + " limit 1"
    tx.configure({"row_security": row_security_needed(tx, relation, wanted)})
    tx.fetch_table(sql)


def _query(
    relation: Relation, model_type: ModelType, names: Iterable[str], conditions: list[str]
) -> str:
    items = [select_item(relation, relation.column(name), model_type=model_type) for name in names]
    return (
        f"select {', '.join(items)} from {relation.relation_name.quoted}"
        f" where {' and '.join(conditions)}"
    )


def _conditions(
    relation: Relation,
    model_type: ModelType,
    instants: dict[str, datetime | None],
    window_by: WindowBy,
    least_delay: timedelta | None,
    *,
    labelled: bool,
) -> list[Condition]:
    """What a row has to fulfil.

    Values travel as transaction-local settings: a query with parameters cannot be streamed by
    COPY, and holding its whole result costs twice the time and four times the memory.
    """
    time = relation.require_time(model_type.time_column)
    label_time, delay = time, model_type.label_delay
    if model_type.label_time_column:
        label_time = relation.require_time(model_type.label_time_column, "label-time column")
        delay = delay * 0
    by, shift = (label_time, delay) if window_by == "label_time" else (time, delay * 0)
    conditions: list[Condition] = [(f"isfinite({quote_identifier(time.name)})", {})]
    target = quote_identifier(model_type.target_column)
    if labelled:
        conditions.append((f"{target} is not null", {}))
        conditions += _bound(label_time, "<=", "visible_at", instants["visible_at"], delay)
    starts = _bound(by, ">", "start", instants["start"], shift)
    if least_delay is not None:
        starts += _bound(time, ">", "row_start", instants["start"], least_delay)
        conditions += _bound(time, "<=", "row_end", instants["end"], least_delay)
    conditions += _either(starts)
    conditions += _bound(by, "<=", "end", instants["end"], shift)
    for text, read in _bound(label_time, "<=", "unknown_at", instants["unknown_at"], delay):
        conditions.append((f"({target} is not null and {text}) is not true", read))
    return conditions


def _bound(
    column: Column, comparison: str, name: str, moment: datetime | None, earlier: timedelta
) -> list[Condition]:
    """The column against a moment less a delay; nothing where there is no moment."""
    if moment is None:
        return []
    setting = f"refit.{name}"
    text = f"{quote_identifier(column.name)} {comparison} {instant(column, setting)}"
    return [(text, {setting: _as_text(name, moment - earlier)})]


def _either(conditions: list[Condition]) -> list[Condition]:
    """One condition that holds where any of these does."""
    if len(conditions) < 2:
        return conditions
    settings = {name: value for _, read in conditions for name, value in read.items()}
    return [(f"({' or '.join(text for text, _ in conditions)})", settings)]


def _as_text(name: str, moment: datetime) -> str:
    if moment.tzinfo is None:
        raise InvalidRequest(f"{name} must carry a time zone; {moment.isoformat()} has none.")
    return moment.astimezone(UTC).isoformat()


def _in_order(table: pa.Table, model_type: ModelType) -> pa.Table:
    """Sorted by time, then keys.

    Done here and not by the server: rows mostly lie in time order already, which costs nothing to
    see, and sorting text would follow the database's collation.
    """
    times = table.column(model_type.time_column).cast(pa.int64()).to_numpy()
    if np.all(times[1:] > times[:-1]):
        return table
    names = dict.fromkeys((model_type.time_column, *model_type.key_columns))
    return table.take(pc.sort_indices(table, sort_keys=[(name, "ascending") for name in names]))


def _to_frame(table: pa.Table) -> pd.DataFrame:
    """To pandas; Arrow's memory is given up column by column where it can be."""
    for position, name in enumerate(table.column_names):
        column = table.column(position)
        if pa.types.is_boolean(column.type) and column.null_count:
            table = table.set_column(position, name, pc.cast(column, pa.float64()))
    frame: pd.DataFrame = table.to_pandas(split_blocks=True, self_destruct=True)
    return frame
