from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pandas as pd
import psycopg
import pyarrow as pa
import pytest

from core.datasets import read_rows, write_predictions
from core.datasets.connection import transaction
from core.datasets.predicted import without_prediction
from core.domain import ModelType
from core.errors import DataError, InvalidRequest
from tests.datasets.conftest import day, make_type

SHAPE = (
    "id bigint, placed_at timestamptz, prediction text, confidence float8, model_id uuid,"
    " predicted_at timestamptz"
)
MODEL = "00000000-0000-0000-0000-0000000000a1"


def predictions(**changes: Any) -> pd.DataFrame:
    columns = {
        "id": [1, 2],
        "placed_at": pd.to_datetime(["2026-01-01", "2026-01-02"], utc=True),
        "prediction": ["yes", "no"],
        "confidence": [0.75, 0.5],
        "model_id": MODEL,
        "predicted_at": datetime(2026, 1, 3, tzinfo=UTC),
    }
    return pd.DataFrame(columns | changes)


def test_a_table_is_made_and_filled(database_url: str, db: psycopg.Connection) -> None:
    written = write_predictions(database_url, "scores", predictions(), key_columns=["id"])

    assert written == 2
    assert db.execute("select id, prediction, confidence from public.scores").fetchall() == [
        (1, "yes", 0.75),
        (2, "no", 0.5),
    ]
    types = db.execute(
        "select string_agg(format_type(atttypid, atttypmod), ', ' order by attnum)"
        " from pg_attribute where attrelid = 'scores'::regclass and attnum > 0"
    ).fetchone()
    assert types == (
        "bigint, timestamp with time zone, text, double precision, uuid, timestamp with time zone",
    )
    secured = db.execute("select relrowsecurity from pg_class where relname = 'scores'")
    assert secured.fetchone() == (True,)


def test_writing_again_updates_and_another_model_adds(
    database_url: str, db: psycopg.Connection
) -> None:
    other = MODEL.replace("a1", "b2")
    for frame in (
        predictions(),
        predictions(),
        predictions(confidence=[0.9, None]),
        predictions(model_id=other),
    ):
        write_predictions(database_url, "public.scores", frame, key_columns=["id"])
    assert db.execute(
        "select confidence, count(*) from scores group by 1 order by 1 nulls last"
    ).fetchall() == [(0.5, 1), (0.75, 1), (0.9, 1), (None, 1)]


def test_an_existing_table_of_ones_own_types_is_filled(
    database_url: str, db: psycopg.Connection
) -> None:
    db.execute('create schema "Out put"')
    db.execute(
        """
        create table "Out put"."The scores" (
            note text default 'x', id numeric, "model_id" text, prediction varchar(5),
            confidence real, predicted_at timestamptz, placed_at date, unique (model_id, id)
        )
        """
    )
    write_predictions(database_url, '"Out put"."The scores"', predictions(), key_columns=["id"])
    assert db.execute('select note, id, model_id from "Out put"."The scores"').fetchone() == (
        "x",
        1,
        MODEL,
    )


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("id bigint, model_id uuid, unique (id, model_id)", "lacks placed_at, prediction"),
        (
            f"{SHAPE}, must text not null, unique (id, model_id)",
            "requires must",
        ),
        (
            f"{SHAPE}, unique (id)",
            "no unique key of id, model_id",
        ),
    ],
)
def test_a_table_of_another_shape_is_refused(
    database_url: str, db: psycopg.Connection, table: str, message: str
) -> None:
    db.execute(f"create table public.scores ({table})")
    with pytest.raises(InvalidRequest, match=message):
        write_predictions(database_url, "scores", predictions(), key_columns=["id"])
    assert db.execute("select count(*) from public.scores").fetchone() == (0,)


def test_a_value_that_does_not_fit_writes_nothing(
    database_url: str, db: psycopg.Connection
) -> None:
    write_predictions(
        database_url, "scores", predictions(prediction=[1.0, 2.0]), key_columns=["id"]
    )
    bad = predictions(id=[8, 9], prediction=["3.5", "many"])
    with pytest.raises(DataError, match="many"):
        write_predictions(database_url, "scores", bad, key_columns=["id"])
    assert db.execute("select count(*) from public.scores").fetchone() == (2,)


def test_a_view_and_a_missing_schema_are_refused(database_url: str, db: psycopg.Connection) -> None:
    db.execute("create view public.v as select 1 as id")
    with pytest.raises(InvalidRequest, match="is a view"):
        write_predictions(database_url, "v", predictions(), key_columns=["id"])
    with pytest.raises(DataError, match='schema "nowhere" does not exist'):
        write_predictions(database_url, "nowhere.t", predictions(), key_columns=["id"])


def test_keys_must_tell_rows_apart(database_url: str) -> None:
    with pytest.raises(DataError, match="more than one row"):
        write_predictions(database_url, "t", predictions(id=[1, 1]), key_columns=["id"])
    with pytest.raises(DataError, match="no value in one of its key columns"):
        write_predictions(database_url, "t", predictions(id=[1, None]), key_columns=["id"])
    with pytest.raises(DataError, match="lack the columns confidence"):
        write_predictions(
            database_url, "t", predictions().drop(columns="confidence"), key_columns=["id"]
        )
    with pytest.raises(InvalidRequest, match=r"'confidence'.*Rename"):
        write_predictions(database_url, "t", predictions(), key_columns=["confidence"])


def test_nothing_to_write_writes_nothing(database_url: str, db: psycopg.Connection) -> None:
    assert write_predictions(database_url, "t", predictions().iloc[:0], key_columns=["id"]) == 0
    assert db.execute("select to_regclass('public.t')").fetchone() == (None,)


def test_names_are_never_sql(database_url: str, db: psycopg.Connection) -> None:
    name = 'k"; drop table scores; --'
    frame = predictions().rename(columns={"id": name})
    assert write_predictions(database_url, "scores", frame, key_columns=[name]) == 2
    assert write_predictions(database_url, "scores", frame, key_columns=[name]) == 2
    assert db.execute("select count(*) from public.scores").fetchone() == (2,)


def test_categories_and_unknown_confidences_are_stored(
    database_url: str, db: psycopg.Connection
) -> None:
    frame = predictions(
        prediction=pd.Categorical(["yes", "no"]), confidence=[None, None], city=[None, None]
    )
    write_predictions(database_url, "scores", frame, key_columns=["id"])
    assert db.execute("select prediction, confidence, city from scores").fetchone() == (
        "yes",
        None,
        None,
    )
    bad = predictions(prediction=[1, "x"])
    with pytest.raises(DataError, match="cannot be stored"):
        write_predictions(database_url, "scores", bad, key_columns=["id"])


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("smallint", pd.array([1, 2], dtype="int16")),
        ("int", pd.array([1, 2], dtype="int32")),
        ("int", pd.array([1, 2], dtype="Int32")),
        ("bigint", pd.array([1, 2], dtype="uint32")),
        ("bigint", pd.array([1, 2], dtype="uint64")),
        ("numeric", pd.array([1, 2], dtype="int8")),
        ("real", pd.array([0.1, 0.2], dtype="float32")),
        ("boolean", pd.array([True, False], dtype="bool")),
        ("date", pd.array([date(2026, 1, 1), date(2026, 1, 2)], dtype=object)),
        ("timestamp", pd.to_datetime(["2026-01-01", "2026-01-02"]).as_unit("ns")),
        ("uuid", pd.array([MODEL, MODEL.replace("a1", "b2")], dtype="str")),
        ("varchar(40)", pd.Categorical(["x", "y"])),
    ],
)
def test_keys_of_every_width_are_stored_in_a_table_made_or_found(
    database_url: str, db: psycopg.Connection, kind: str, values: Any
) -> None:
    frame = predictions(id=values)
    assert write_predictions(database_url, "made", frame, key_columns=["id"]) == 2

    db.execute(f"create table public.scores ({SHAPE.replace('bigint', kind)})")
    db.execute("alter table public.scores add primary key (id, model_id)")
    for _ in range(2):
        write_predictions(database_url, "scores", frame, key_columns=["id"])
    assert db.execute("select count(*) from scores").fetchone() == (2,)
    same = db.execute(f"select count(*) from scores s join made m on s.id = m.id::{kind}")
    assert same.fetchone() == (2,)


def test_a_number_above_every_integer_of_the_database_is_an_error_of_the_data(
    database_url: str,
) -> None:
    frame = predictions(id=pd.array([1, 2**63], dtype="uint64"))
    with pytest.raises(DataError, match="cannot be stored"):
        write_predictions(database_url, "t", frame, key_columns=["id"])


@pytest.mark.parametrize(
    ("column", "values"),
    [("bigint", pa.array([1], pa.int32())), ("bytea", pa.array([{"a": 1}]))],
)
def test_a_copy_that_fails_is_not_called_a_database_that_went_away(
    database_url: str, column: str, values: pa.Array
) -> None:
    def copy() -> None:
        with transaction(database_url) as tx:
            tx.execute(f"create temporary table odd (x {column})")
            tx.ingest("odd", pa.table({"x": values}), temporary=True)

    with pytest.raises(DataError, match="refused"):
        copy()


@pytest.mark.parametrize("kind", ["smallint", "int", "bigint", "real", "numeric", "uuid", "date"])
def test_keys_of_every_type_are_stored_as_they_are_read(
    database_url: str, db: psycopg.Connection, orders: ModelType, kind: str
) -> None:
    key = {
        "uuid": "lpad(id::text, 32, '0')::uuid",
        "date": "date '2026-01-01' + id::int",
        "real": "(id / 10.0)::real",
    }.get(kind, f"id::{kind}")
    db.execute(f"create view public.odd as select {key} as key, placed_at, paid from orders")
    db.execute("grant select on public.odd to refit_reader")
    odd = make_type(
        source_relation="public.odd",
        key_columns=("key",),
        label_time_column=None,
        feature_columns=(),
    )
    read = read_rows(database_url, odd, visible_at=day(30), columns=["key", "placed_at"])
    scored = read.assign(prediction=1, confidence=0.5, model_id=MODEL, predicted_at=day(30))
    assert without_prediction(database_url, "scores", read[["key"]]).all()
    assert write_predictions(database_url, "scores", scored, key_columns=["key"]) == 10
    assert not without_prediction(database_url, "scores", read[["key"]]).any()
    joined = db.execute(f"select count(*) from odd join scores s on odd.key = s.key::{kind}")
    assert joined.fetchone() == (10,)
