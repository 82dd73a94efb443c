"""The worker itself, walked through the same stream: it decides what the replay says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from core.backtest.records import Policy
from core.backtest.replay import replay
from tests.backtest.streams import BEGIN, WEEK, make_model_type, make_stream
from tests.conftest import temporary_database, with_database
from tests.worker.lab import Lab, RunningWorker, empty_queue, open_lab

WEEKS = 14


@pytest.fixture
def lab(
    postgres_url: str,
    postgres_admin: psycopg.Connection,
    template_database: str,
    valkey_url: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Lab]:
    folder = tmp_path_factory.mktemp("artifacts")
    with temporary_database(postgres_admin, template=template_database) as name:
        database_url = with_database(postgres_url, name)
        with open_lab(database_url, empty_queue(valkey_url), folder) as lab:
            yield lab


@pytest.fixture
def worker(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningWorker]:
    with lab.worker(tmp_path_factory.mktemp("worker")) as worker:
        yield worker


def as_told(job: dict[str, Any]) -> tuple[Any, ...]:
    """What a job of the worker did: verdict, value, whether it trained, and what became of that."""
    check, result = job["check_result"], job["result"] or {}
    deployed = bool(result.get("deployed"))
    outcome = "deployed" if deployed else result.get("verdict")
    return (
        (check or {}).get("verdict", "insufficient_data"),
        None if check is None or check["current"] is None else round(check["current"], 9),
        outcome,
        None if result.get("improvement") is None else round(result["improvement"], 9),
    )


def test_the_worker_does_what_the_replay_says(lab: Lab, worker: RunningWorker) -> None:
    frame = make_stream(WEEKS, change_week=9)
    lab.owner.execute(
        "create table stream (id bigint primary key, at timestamptz not null,"
        " first double precision, second double precision, answer text)"
    )
    lab.owner.execute("grant select on stream to refit_reader")
    with lab.owner.cursor() as cursor, cursor.copy("copy stream from stdin") as copy:
        for row in frame.itertuples(index=False):
            copy.write_row(row)
    name = lab.model_type(
        "stream",
        time_column="at",
        target_column="answer",
        feature_columns=["first", "second"],
        training_window="42 days",
        monthly_retraining_budget=None,
        replay=True,
    )

    said = replay(
        frame,
        make_model_type(name=name),
        start=BEGIN + 6 * WEEK,
        step=WEEK,
        policies=(Policy.REFIT,),
    )
    did = [as_told(lab.retrain(name, as_of=moment)) for moment in said.timeline.moments]

    expected = [
        (
            event.verdict,
            None if event.current is None else round(event.current, 9),
            str(event.action) if event.retrained else None,
            None if event.improvement is None else round(event.improvement, 9),
        )
        for event in said.events
    ]
    assert did == expected
    assert sum(event.retrained for event in said.events) >= 2  # there was something to decide
