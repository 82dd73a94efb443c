"""Which rows have a prediction already: keys of every type, in a table of anybody's making."""

from __future__ import annotations

from typing import Any

import pandas as pd
import psycopg
import pytest

from core.datasets.predicted import without_prediction
from core.errors import InvalidRequest

UUIDS = [f"00000000-0000-0000-0000-00000000000{n}" for n in range(3)]


def test_all_rows_are_without_one_where_there_is_no_table(database_url: str) -> None:
    keys = pd.DataFrame({"id": [1, 2]})

    assert without_prediction(database_url, "scores", keys).tolist() == [True, True]
    assert without_prediction(database_url, "scores", keys.iloc[:0]).tolist() == []


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("bigint", [1, 2, 3]),
        ("integer", pd.array([1, 2, 3], dtype="int32")),
        ("text", ["a", "b", "c"]),
        ("text", UUIDS),
        ("uuid", UUIDS),
        ("numeric(8, 2)", ["1", "2.5", "3.25"]),
        ("date", pd.to_datetime(["2026-01-01", "2026-01-02", "2026-01-03"], utc=True)),
        (
            "timestamp",
            pd.to_datetime(["2026-01-01T01", "2026-01-01T02", "2026-01-01T03"], utc=True),
        ),
    ],
)
def test_keys_compare_as_the_tables_own_type(
    database_url: str, db: psycopg.Connection, kind: str, values: Any
) -> None:
    db.execute(f'create table scores ("row" {kind})')
    db.execute("insert into scores values (%s), (%s)", [str(values[0]), str(values[2])])
    # Another zone than UTC would move a time by the cast to a type without one.
    db.execute(f"alter database {db.info.dbname} set timezone to 'Asia/Tokyo'")

    found = without_prediction(database_url, "scores", pd.DataFrame({"row": values}))

    assert found.tolist() == [False, True, False]


def test_all_key_columns_must_agree(database_url: str, db: psycopg.Connection) -> None:
    db.execute("create table scores (site text, id int)")
    db.execute("insert into scores values ('a', 1), ('b', 2)")
    keys = pd.DataFrame({"id": [1, 2, 2], "site": ["a", "a", "b"]}, index=[7, 8, 9])

    assert without_prediction(database_url, "scores", keys).tolist() == [False, True, False]


def test_a_table_without_the_key_is_named(database_url: str, db: psycopg.Connection) -> None:
    db.execute("create table scores (site text)")
    with pytest.raises(InvalidRequest, match=r"public.scores has other columns: it lacks id\."):
        without_prediction(database_url, "scores", pd.DataFrame({"id": [1]}))
