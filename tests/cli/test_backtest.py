"""`refit backtest`: a file without any server, and a model type without any trace."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from core.store import Store
from tests.backtest.streams import BEGIN, make_stream
from tests.cli.conftest import Refit


@pytest.fixture
def csv(tmp_path: Path) -> Path:
    """Sixteen weeks whose world changes in the tenth; the spacing of its rows is to be said."""
    path = tmp_path / "Changing World.csv"
    rows = make_stream().rename(columns={"answer": "Answer?"})
    rows[["first", "second", "Answer?"]].to_csv(path, index=False)
    return path


def counts(connection: psycopg.Connection) -> dict[str, int]:
    """How many rows each table of the database has."""
    tables = connection.execute(
        "select schemaname, tablename from pg_tables"
        " where schemaname not in ('pg_catalog', 'information_schema')"
    ).fetchall()
    return {
        f"{schema}.{name}": connection.execute(
            sql.SQL("select count(*) from {}").format(sql.Identifier(schema, name))
        ).fetchone()[0]  # type: ignore[index]
        for schema, name in tables
    }


def test_a_file_is_replayed_without_any_server(refit: Refit, csv: Path, tmp_path: Path) -> None:
    figures, report = tmp_path / "figures.json", tmp_path / "report.html"
    done = refit(
        *("backtest", "--data", str(csv), "--target", "Answer?", "--every", "30m"),
        *("--start", "0.4", "--json", str(figures), "--html", str(report)),
        # Nothing listens there: whatever asked would fail.
        DATABASE_URL="postgresql://nobody@127.0.0.1:1/nothing",
        REDIS_URL="redis://127.0.0.1:1/0",
    )

    assert done.exit_code == 0, done.output
    assert "Refit reached accuracy" in done.output
    assert "deployed" in done.output
    found = json.loads(figures.read_text())
    assert {"rows", "steps", "policies", "events"} <= found.keys()
    assert (found["rows"], found["steps"]) == (16 * 336, len(found["events"]))
    assert list(found["policies"]) == ["never", "refit", "every_step", "naive"]
    for policy in found["policies"].values():
        assert {"accuracy", "retrainings"} <= policy.keys()
    assert found["policies"]["refit"]["accuracy"] > found["policies"]["never"]["accuracy"]
    demo_keys = {"as_of", "verdict", "baseline", "current", "action", "model_version"}
    assert all(demo_keys <= event.keys() for event in found["events"])
    assert report.read_text().startswith("<!doctype html>")
    assert not (tmp_path / "home").exists()


def test_a_model_type_is_replayed_and_nothing_is_written(
    refit: Refit, store: Store, database_url: str, tmp_path: Path
) -> None:
    frame = make_stream()
    with psycopg.connect(database_url, autocommit=True) as owner:
        owner.execute(
            "create table stream (id bigint primary key, at timestamptz not null,"
            " first double precision, second double precision, answer text)"
        )
        owner.execute("grant select on stream to refit_reader")
        with owner.cursor() as cursor, cursor.copy("copy stream from stdin") as copy:
            for row in frame.itertuples(index=False):
                copy.write_row(row)
        store.create_model_type(
            {
                "name": "stream",
                "task": "classification",
                "source_relation": "public.stream",
                "key_columns": ["id"],
                "time_column": "at",
                "target_column": "answer",
                "feature_columns": ["first", "second"],
                "metric": "accuracy",
                "engine": "linear",
                "training_window": "42 days",
            }
        )
        before = counts(owner)

        figures = tmp_path / "figures.json"
        done = refit("backtest", "stream", "--start", "0.375", "--json", str(figures))

        assert done.exit_code == 0, done.output
        assert counts(owner) == before

        kept = refit("backtest", "stream", "--start", "0.375", "--step", "14d", "--store")
        assert kept.exit_code == 0, kept.output
        rows = owner.execute("select report from private.backtest_reports").fetchall()
        assert [row[0]["model_type"] for row in rows] == ["stream"]
    found = json.loads(figures.read_text())
    assert found["events"][0]["as_of"] == (BEGIN + timedelta(weeks=6, minutes=-30)).isoformat()
    assert found["policies"]["refit"]["deployments"] >= 1
    assert sorted(path.name for path in tmp_path.iterdir() if path.suffix) == ["figures.json"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "of one model type or of one file"),
        (("churn", "--data", "CSV", "--target", "Answer?"), "of one model type or of one file"),
        (("--data", "CSV"), "--data needs --target"),
        (("--data", "CSV", "--target", "answers"), "has no column 'answers' for --target"),
        (("--data", "CSV", "--target", "Answer?"), "not clear when the rows"),
        (("--data", "CSV", "--target", "Answer?", "--every", "soon"), "'soon' is not an interval"),
        (("--data", "CSV", "--target", "Answer?", "--every", "30m", "--start", "2"), "--start 2"),
        (("churn", "--every", "30m"), "--every is about a file"),
        (("churn", "--html", "/nowhere/report.html"), "The folder of /nowhere/report.html"),
        (("--data", "CSV", "--target", "Answer?", "--store"), "--store is for a model type"),
        (("churn",), "churn"),
    ],
)
def test_what_cannot_be_replayed_is_refused_in_one_line(
    refit: Refit, csv: Path, arguments: tuple[str, ...], said: str
) -> None:
    done = refit("backtest", *(str(csv) if word == "CSV" else word for word in arguments))
    assert done.exit_code == 1
    assert said in done.output
