"""Where `refit backtest` begins when labels take their time."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from core.backtest.timeline import first_training, make_timeline
from core.errors import InvalidRequest
from core.store import Store
from tests.backtest.streams import BEGIN, WEEK, make_model_type, make_stream
from tests.cli.conftest import Refit


@pytest.fixture
def slow_labels(store: Store, database_url: str) -> str:
    """A model type whose labels count a month after their rows; returns its name."""
    with psycopg.connect(database_url, autocommit=True) as owner:
        owner.execute(
            "create table stream (id bigint primary key, at timestamptz not null,"
            " first double precision, second double precision, answer text)"
        )
        owner.execute("grant select on stream to refit_reader")
        with owner.cursor() as cursor, cursor.copy("copy stream from stdin") as copy:
            for row in make_stream(change_week=None).itertuples(index=False):
                copy.write_row(row)
    kind = make_model_type()
    store.create_model_type(
        {
            "name": kind.name,
            "task": "classification",
            "source_relation": kind.source_relation,
            "key_columns": list(kind.key_columns),
            "time_column": kind.time_column,
            "target_column": kind.target_column,
            "feature_columns": list(kind.feature_columns),
            "metric": kind.metric,
            "engine": kind.engine,
            "label_delay": "30 days",
        }
    )
    return kind.name


def test_the_first_training_waits_for_the_labels_of_its_rows(
    refit: Refit, slow_labels: str, tmp_path: Path
) -> None:
    figures = tmp_path / "figures.json"

    done = refit("backtest", slow_labels, "--step", "28d", "--json", str(figures))

    assert done.exit_code == 0, done.output
    begun = datetime.fromisoformat(json.loads(figures.read_text())["events"][0]["as_of"])
    assert begun == BEGIN + 0.1 * 16 * WEEK + timedelta(days=30, minutes=-30 * 1.6)


def test_labels_that_come_after_all_rows_leave_nothing_to_replay() -> None:
    frame = make_stream(weeks=2)
    known = (frame["at"] + timedelta(days=30)).dt.tz_localize(None).to_numpy()
    last = frame["at"].dt.tz_localize(None).to_numpy()[-1]

    with pytest.raises(InvalidRequest, match=r"first training \(no time\)"):
        make_timeline(first_training(known, 0.1), last, WEEK)
