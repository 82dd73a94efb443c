"""The benches run, on few rows: what they measure there means nothing."""

from __future__ import annotations

from pathlib import Path

from bench import read, retrain

ROWS = 2_000


def test_the_bench_of_reading_measures_each_reader(database_url: str) -> None:
    found = read.run(database_url, ROWS, rounds=1)

    assert (found["rows"], found["columns"]) == (ROWS, 11)
    assert found.keys() >= {"ratio", "ratio_to_bare_psycopg", "peak_over_frame", "rows_per_second"}
    assert found["refit_seconds"] > 0
    assert found["pandas_read_sql_seconds"] > 0


def test_the_bench_of_retraining_measures_a_whole_job_and_the_bare_fits(
    database_url: str, tmp_path: Path
) -> None:
    file = tmp_path / "made.csv"
    retrain.make_file(file, rows=ROWS)

    found = retrain.run(database_url, tmp_path, file, rounds=1)

    assert found["job"] > found["judged_fit"] > 0
    assert found["job_over_both_fits"] < found["job_over_judged_fit"]
    assert found["goal_by_judged_fit"] < found["goal_by_both_fits"]
