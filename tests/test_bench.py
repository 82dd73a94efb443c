"""The benches run, on few rows: what they measure there means nothing."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from bench import dashboard, http, idle, jobs, read, retrain, summaries

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


def test_the_bench_of_idle_processes_counts_what_redis_is_asked(
    database_url: str, redis_url: str
) -> None:
    found = idle.run(database_url, redis_url, poll_ms=100, window_s=2, settling_s=0.5)

    # Ten polls a second at most, by one worker; the scheduler asks nothing while nothing is due.
    assert 0 < found["sent"] <= 60 * 20
    assert found["inside_scripts"] >= found["sent"]


def test_the_bench_of_jobs_ends_each_and_compares_with_bare_updates(
    database_url: str, redis_url: str, tmp_path: Path
) -> None:
    found = jobs.run(database_url, redis_url, tmp_path, jobs=20)

    assert found["jobs"] == 20
    assert found["ratio"] == pytest.approx(
        found["jobs_per_second"] / found["bare_updates_jobs_per_second"], abs=0.01
    )


def test_the_bench_of_jobs_tells_what_one_costs_after_many(
    database_url: str, redis_url: str, tmp_path: Path
) -> None:
    found = jobs.run_with_histories({30: database_url}, redis_url, tmp_path, jobs=20, rounds=1)

    assert found["milliseconds_per_job"]["30"] > 0
    assert found["growth"] == 0


def test_the_bench_of_summaries_times_each(database_url: str) -> None:
    found = summaries.run(database_url, checks=ROWS, jobs=ROWS, calls=20)

    assert found["get_model_performance_summary_all_types"]["p50"] > 0
    assert found["get_training_job_stats_one_type"]["p95"] > 0


def test_the_bench_of_requests_compares_with_a_function_that_does_nothing(
    database_url: str, redis_url: str, tmp_path: Path
) -> None:
    found = http.measure(
        database_url, redis_url, tmp_path, types=200, seconds=0.5, rounds=1, starts=1
    )

    ratios = http.ratios(found)
    assert ratios["start"] > 1
    assert {"status", "new", "coalesced", "coalesced_onto_one"} <= ratios.keys()
    assert all(0 < ratios[name] < 1 for name in ("status", "new", "coalesced"))
    assert found["new"]["p99_ms"] >= found["new"]["p50_ms"] > 0


def test_the_bench_of_the_dashboard_weighs_and_times_its_page(
    database_url: str, redis_url: str, tmp_path: Path
) -> None:
    if not shutil.which("chromium"):  # in CI nothing may be skipped
        pytest.skip("Chromium is missing: on Debian, apt-get install chromium")
    found = dashboard.measure(database_url, redis_url, tmp_path, checks=2000, jobs=1000, visits=2)
    assert 0 < found["html_bytes"] < found["bytes"] < dashboard.WANTED_BYTES
    assert found["paint_ms"]["p50"] > 0
