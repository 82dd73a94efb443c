from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pandas as pd
import psycopg
import pyarrow as pa

from core.datasets import fingerprint, read_rows
from core.domain import ModelType
from tests.datasets.conftest import day, make_type

TYPE = make_type(time_column="at")


def frame(**changes: object) -> pd.DataFrame:
    columns: dict[str, object] = {
        "at": pd.to_datetime(["2026-01-01", "2026-01-02", "2026-01-03"], utc=True),
        "n": [1, 2, 3],
        "x": [0.5, np.nan, 0.0],
        "s": ["a", None, "bc"],
        "b": [True, False, True],
    }
    return pd.DataFrame(columns | changes)


def hashed(data: pd.DataFrame) -> str:
    return fingerprint(data, TYPE).content_hash


def test_it_names_rows_and_time_span() -> None:
    found = fingerprint(frame(), TYPE)
    assert found.rows == 3
    assert found.time_start == datetime(2026, 1, 1, tzinfo=UTC)
    assert found.time_end == datetime(2026, 1, 3, tzinfo=UTC)
    assert len(found.content_hash) == 64


def test_how_values_are_kept_in_memory_does_not_matter() -> None:
    same = hashed(frame())
    negative_nan = np.array([0.5, -np.nan, -0.0])
    chunked = pa.chunked_array([["x", "a"], [None, "bc"]]).slice(1)

    assert hashed(frame().iloc[::-1].iloc[::-1]) == same
    assert hashed(frame()[["s", "b", "x", "n", "at"]]) == same
    assert hashed(frame().astype({"n": "int16", "x": "float32"})) == same
    assert hashed(frame().astype({"s": "category"})) == same
    assert hashed(frame().astype({"s": "object", "n": "Int64"})) == same
    assert hashed(frame().astype({"at": "datetime64[ns, Asia/Tokyo]"})) == same
    assert hashed(frame(x=negative_nan)) == same
    assert hashed(frame(s=pd.array(chunked, dtype="str"))) == same


def test_every_value_matters() -> None:
    variants = [
        frame(),
        frame(n=[1, 2, 4]),
        frame(n=[2, 1, 3]),
        frame(x=[0.5, 0.0, 0.0]),
        frame(s=["a", "", "bc"]),
        frame(s=["ab", None, "c"]),
        frame(b=[True, True, True]),
        frame(at=pd.to_datetime(["2026-01-01", "2026-01-02", "2026-01-04"], utc=True)),
        frame().rename(columns={"n": "m"}),
        frame().drop(columns="b"),
        frame().iloc[:2],
        frame().iloc[:0],
    ]
    assert len({hashed(v) for v in variants}) == len(variants)


def test_the_frame_stays_as_it_is() -> None:
    data = frame(x=[-0.0, 1.0, 2.0])
    fingerprint(data, TYPE)
    assert np.signbit(data["x"][0])


def test_reading_the_same_rows_twice_gives_the_same(
    database_url: str, db: psycopg.Connection, orders: ModelType
) -> None:
    first = read_rows(database_url, orders, visible_at=day(20))
    db.execute("cluster public.orders using orders_pkey")
    db.execute("update public.orders set city = city where id = 1")  # moves to the end on disk
    second = read_rows(database_url, orders, visible_at=day(20))
    db.execute("update public.orders set city = 'elsewhere' where id = 1")
    third = read_rows(database_url, orders, visible_at=day(20))

    assert fingerprint(first, orders) == fingerprint(second, orders)
    assert fingerprint(first, orders) != fingerprint(third, orders)
    empty = read_rows(database_url, orders, visible_at=day(1))
    assert fingerprint(empty, orders).time_start is None
