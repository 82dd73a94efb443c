"""A CSV file as rows and a model type, without a database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from core.backtest.csv_request import CsvRequest, safe_name_of
from core.backtest.data import BacktestData
from core.backtest.history import History
from core.backtest.timeline import first_training, span_until
from core.datasets.catalog import Column, ColumnKind, Relation
from core.datasets.csv_import import KEY
from core.datasets.csv_parsing import parse_csv
from core.datasets.csv_rows import check_times, timed_rows
from core.datasets.definition import definition_by
from core.datasets.tables import sql_type
from core.domain import ModelType
from core.errors import InvalidRequest

_KINDS = {
    "boolean": ColumnKind.BOOLEAN,
    "bigint": ColumnKind.INTEGER,
    "double precision": ColumnKind.FLOAT,
    "timestamptz": ColumnKind.TIMESTAMPTZ,
    "date": ColumnKind.DATE,
    "text": ColumnKind.TEXT,
}
_SAMPLE = 100_000


def read_csv_data(asked: CsvRequest) -> BacktestData:
    """Read the file as an import into the database would, and define its model type likewise.

    The window of a training is the span before the start; nothing holds trainings up.

    Parameters
    ----------
    asked : CsvRequest

    Returns
    -------
    BacktestData
        All rows, those without a label included; ``notes`` say what was guessed.

    Raises
    ------
    InvalidRequest, DataError
        The file, its columns or ``--start`` cannot be used.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> lines = [f"2026-01-{day:02},{day % 3},{day % 2}" for day in range(1, 29)]
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder) / "sales.csv"
    ...     _ = path.write_text(chr(10).join(["day,price,sold", *lines]))
    ...     data = read_csv_data(CsvRequest.read(path, target="sold", time="day", every=None,
    ...         step="1d", start=0.5))
    >>> len(data.frame), data.start.isoformat()
    (28, '2026-01-14T00:00:00+00:00')
    """
    check_times(asked.time, asked.every, None)
    parsed = parse_csv(asked.path)
    rows = timed_rows(asked.path, parsed, time_column=asked.time, every=asked.every, taken=(KEY,))
    table = _with_key(rows.table)
    names = dict(zip(parsed.headings, rows.names, strict=True))
    name = safe_name_of(asked.path.stem)
    relation = Relation(
        oid=0,
        schema="public",
        name=name,
        kind="table",
        columns=tuple(_column(field) for field in table.schema),
        primary_key=(KEY,),
        row_security=False,
    )
    found = definition_by(
        _TableCounts(table),
        relation,
        target=names.get(asked.target, safe_name_of(asked.target)),
        time_column=rows.time,
    )
    model_type = ModelType(
        name=name,
        source_relation=str(asked.path),
        key_columns=found.key_columns,
        time_column=found.time_column,
        target_column=found.target_column,
        feature_columns=found.feature_columns,
        task=found.task,
        metric=found.metric,
        title=asked.path.name,
        cool_down=timedelta(0),
        monthly_retraining_budget=None,
    )
    frame = _frame(table)
    history = History(frame, model_type)
    if not len(history):
        raise InvalidRequest(f"No row of {asked.path} has a value in {asked.target!r}.")
    start = first_training(history.happened, asked.start)
    return BacktestData(
        frame=frame,
        model_type=replace(model_type, training_window=span_until(history.happened, start)),
        start=start,
        step=asked.step,
        notes=(*parsed.notes, *parsed.column_notes.values(), *found.notes),
    )


def _column(field: pa.Field) -> Column:
    kind = sql_type(field.type)
    return Column(name=field.name, type=kind, base_type=kind, kind=_KINDS[kind], nullable=True)


class _TableCounts:
    """Counted in memory, as :mod:`core.datasets.definition` wants it."""

    def __init__(self, table: pa.Table) -> None:
        self._table = table

    def in_sample(self, columns: Sequence[str]) -> tuple[int, dict[str, int]]:
        sample = self._table.slice(0, _SAMPLE)
        return sample.num_rows, {name: _distinct(sample, name) for name in columns}

    def distinct(self, column: str, *, at_most: int | None = None) -> int:
        found = _distinct(self._table, column)
        return found if at_most is None else min(found, at_most)


def _distinct(table: pa.Table, column: str) -> int:
    found: int = pc.count_distinct(table.column(column), mode="only_valid").as_py()
    return found


def _with_key(table: pa.Table) -> pa.Table:
    return table.add_column(0, KEY, pa.array(range(1, table.num_rows + 1), pa.int64()))


def _frame(table: pa.Table) -> pd.DataFrame:
    """As a reading from the database gives it: dates are times of UTC."""
    columns = {}
    for name, column in zip(table.column_names, table.columns, strict=True):
        if pa.types.is_date(column.type):
            columns[name] = column.cast(pa.timestamp("us")).cast(pa.timestamp("us", "UTC"))
        elif pa.types.is_boolean(column.type) and column.null_count:
            columns[name] = column.cast(pa.float64())
        else:
            columns[name] = column
    frame: pd.DataFrame = pa.table(columns).to_pandas()
    return frame
