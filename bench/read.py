"""Reading a million rows of eleven columns: core.datasets against pandas.read_sql.

Run it with ``python -m bench.read``. Both read the same rows of one local PostgreSQL,
in the same order, with the same types, each in a process of its own,
in turn; the best of five counts. The yardstick is ``pandas.read_sql`` as pandas documents it: the
plain query over SQLAlchemy, on psycopg 3. For comparison there is also the fastest way to call it,
which pandas warns of: a bare psycopg connection, ``numeric`` cast in the query. Peak memory is what
the process needs beyond its state before the read, over the size of the frame. CPU seconds are
the reading process's own: they tell a busy machine from a slow read.
"""

from __future__ import annotations

import json
import multiprocessing
import resource
import tempfile
import time
import warnings
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pandas as pd
import psycopg
import sqlalchemy

from core.datasets import fingerprint, read_rows
from core.domain import ModelType, Task
from core.embedded.postgres import EmbeddedPostgres

ROUNDS = 5
ROWS = 1_000_000
WANTED_RATIO = 6.0
WANTED_MEMORY = 3.0
WANTED_FINGERPRINT = 0.1
BEFORE_ALL = datetime(2000, 1, 1, tzinfo=UTC)
AFTER_ALL = datetime(2100, 1, 1, tzinfo=UTC)
FEATURES = ("pieces", "weight", "width", "height", "age", "price", "city")
MODEL_TYPE = ModelType(
    name="bench",
    source_relation="public.bench",
    key_columns=("id",),
    time_column="happened_at",
    label_time_column="labelled_at",
    target_column="label",
    feature_columns=FEATURES,
    task=Task.CLASSIFICATION,
    metric="accuracy",
)
YARDSTICK = """
    select id, happened_at, labelled_at, label, pieces, weight, width, height, age, {price}, city
    from public.bench
    where label is not null and labelled_at <= {visible_at}
    order by happened_at, id
"""


def make_table(url: str, rows: int) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        there = "select from pg_roles where rolname = 'refit_reader'"
        if connection.execute(there).fetchone() is None:
            connection.execute("create role refit_reader nologin")
        connection.execute(
            f"""
            create table public.bench as
            select i::bigint as id,
                timestamptz '2020-01-01 00:00+00' + i * interval '1 minute' as happened_at,
                timestamptz '2020-01-02 00:00+00' + i * interval '1 minute' as labelled_at,
                (random() < 0.5)::int as label, (random() * 1000)::int as pieces,
                random() as weight, random() as width, random() as height,
                random() as age, random()::numeric(10, 4) as price,
                'city ' || (random() * 20)::int as city
            from generate_series(1, {rows}) as i
            """
        )
        connection.execute("alter table public.bench add primary key (id)")
        connection.execute("create index on public.bench (happened_at)")
        connection.execute("grant select on public.bench to refit_reader")
        connection.execute("vacuum (analyze) public.bench")
        connection.execute("checkpoint")


def read_with_refit(url: str, visible_at: datetime) -> pd.DataFrame:
    return read_rows(url, MODEL_TYPE, visible_at=visible_at)


def read_with_pandas(url: str, visible_at: datetime) -> pd.DataFrame:
    engine = sqlalchemy.create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    query = sqlalchemy.text(YARDSTICK.format(price="price", visible_at=":visible_at"))
    with engine.connect() as connection:
        return pd.read_sql(query, connection, params={"visible_at": visible_at})


def read_with_bare_psycopg(url: str, visible_at: datetime) -> pd.DataFrame:
    query = YARDSTICK.format(price="price::float8 as price", visible_at="%(visible_at)s")
    with psycopg.connect(url) as connection, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pandas would rather have SQLAlchemy
        frame: pd.DataFrame = pd.read_sql(  # type: ignore[call-overload]  # nor do its stubs like it
            query, connection, params={"visible_at": visible_at}
        )
        return frame


READERS = {"refit": read_with_refit, "pandas": read_with_pandas, "bare": read_with_bare_psycopg}


def peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def measure(url: str, reader: str, answer: Connection) -> None:
    """In a process of its own: a read's time, its peak memory, and the frame's size."""
    read = READERS[reader]
    read(url, BEFORE_ALL)  # no rows: libraries are loaded, the server's caches are warm
    before = peak_bytes()
    start, cpu_start = time.perf_counter(), time.process_time()
    frame = read(url, AFTER_ALL)
    found: dict[str, Any] = {
        "seconds": time.perf_counter() - start,
        "cpu_seconds": time.process_time() - cpu_start,
        "shape": frame.shape,
    }
    size = int(frame.memory_usage(deep=True).sum())
    found |= {"frame_bytes": size, "peak": (peak_bytes() - before) / size}
    start = time.perf_counter()
    found["fingerprint"] = fingerprint(frame, MODEL_TYPE).content_hash
    found["fingerprint_seconds"] = time.perf_counter() - start
    answer.send(found)


def measured(url: str, reader: str) -> dict[str, Any]:
    receiver, sender = multiprocessing.Pipe(duplex=False)
    context = multiprocessing.get_context("spawn")
    child = context.Process(target=measure, args=(url, reader, sender))
    child.start()
    sender.close()
    found: dict[str, Any] = receiver.recv()
    child.join()
    return found


def run(url: str, rows: int, *, rounds: int = ROUNDS) -> dict[str, Any]:
    """What was measured, as it is printed."""
    make_table(url, rows)
    results: dict[str, list[dict[str, Any]]] = {name: [] for name in READERS}
    for _ in range(rounds):
        for reader, found in results.items():
            found.append(measured(url, reader))
    best = {name: min(found, key=lambda f: f["seconds"]) for name, found in results.items()}
    refit, pandas, bare = best["refit"], best["pandas"], best["bare"]
    assert all(tuple(found["shape"]) == (rows, 11) for found in best.values())
    assert len({f["fingerprint"] for found in results.values() for f in found}) == 1
    return {
        "rows": rows,
        "columns": 11,
        "refit_seconds": round(refit["seconds"], 3),
        "pandas_read_sql_seconds": round(pandas["seconds"], 3),
        "bare_psycopg_seconds": round(bare["seconds"], 3),
        "refit_cpu_seconds": round(refit["cpu_seconds"], 3),
        "pandas_read_sql_cpu_seconds": round(pandas["cpu_seconds"], 3),
        "rows_per_second": round(rows / refit["seconds"]),
        "ratio": round(pandas["seconds"] / refit["seconds"], 2),
        "ratio_to_bare_psycopg": round(bare["seconds"] / refit["seconds"], 2),
        "frame_megabytes": round(refit["frame_bytes"] / 1e6, 1),
        "peak_over_frame": round(max(f["peak"] for f in results["refit"]), 2),
        "pandas_peak_over_frame": round(max(f["peak"] for f in results["pandas"]), 2),
        "fingerprint_over_read": round(
            min(f["fingerprint_seconds"] for f in results["refit"]) / refit["seconds"], 3
        ),
    }


def main(rows: int = ROWS) -> int:
    """Print what was measured; 1 when a goal is missed."""
    with tempfile.TemporaryDirectory(prefix="refit-bench-") as folder:
        home = Path(folder)
        home.chmod(0o711)  # as root the server runs under another account
        server = EmbeddedPostgres(home / "postgres", options={"fsync": "off"})
        url = server.start()
        try:
            found = run(url, rows)
        finally:
            server.stop()
    wanted = {
        "ratio": found["ratio"] >= WANTED_RATIO,
        "peak_over_frame": found["peak_over_frame"] < WANTED_MEMORY,
        "fingerprint_over_read": found["fingerprint_over_read"] < WANTED_FINGERPRINT,
    }
    print(json.dumps(found, indent=2))
    missed = [name for name, reached in wanted.items() if not reached]
    if missed:
        print(f"Not as good as wanted: {', '.join(missed)}.")
    return int(bool(missed))


if __name__ == "__main__":
    raise SystemExit(main())
