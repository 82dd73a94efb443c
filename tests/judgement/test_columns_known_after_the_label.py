"""A column that is filled in with the label, seen in rows that the training itself does not use."""

from __future__ import annotations

from datetime import UTC, datetime

import pandas as pd
import pytest

from core.backtest.records import Action, Policy
from core.backtest.replay import Replay, replay
from core.errors import DataError
from tests.backtest.streams import BEGIN, WEEK, make_model_type, make_stream
from tests.worker.conftest import lab, worker
from tests.worker.lab import Lab

__all__ = ["lab", "worker"]


@pytest.fixture(scope="module")
def variables() -> dict[str, str]:
    return {}


def five_days_without_labels(lab: Lab, *also: str) -> str:
    """A model type whose newest rows wait for their label, and lack other columns too."""
    table = lab.table(0)
    lab.add_rows(table, 2000, until=datetime.now(UTC))
    empty = ", ".join(f"{name} = null" for name in ("label", *also))
    lab.rows(
        f"update {table} set {empty} where happened_at > now() - interval '5 days' returning id"
    )
    return lab.model_type(table)


@pytest.mark.usefixtures("worker")
def test_a_training_stops_at_a_column_that_is_filled_in_with_the_label(lab: Lab) -> None:
    job = lab.retrain(five_days_without_labels(lab, "colour"))

    assert (job["status"], job["error"]["type"]) == ("failed", "data")
    assert "is empty in 100 of 100 rows that wait for" in job["error"]["detail"]
    (row,) = lab.rows(
        "select findings from ml_training_data_quality where training_job_id = %s", job["id"]
    )
    found = {one["name"]: one for one in row["findings"]}
    assert found["known_after_label"]["column"] == "colour"
    assert found["known_after_label"]["figures"]["labelled_empty"] == 0
    assert [name for name, one in found.items() if one["blocking"]] == ["known_after_label"]


@pytest.mark.usefixtures("worker")
def test_rows_that_merely_wait_for_their_label_stop_nothing(lab: Lab) -> None:
    job = lab.retrain(five_days_without_labels(lab))

    assert job["status"] == "succeeded", job["error"]


def test_a_backtest_sees_it_in_rows_that_have_no_label_to_this_day() -> None:
    frame = make_stream(weeks=8, change_week=None)
    waits = frame.index % 3 == 0
    leaked = frame.assign(answer=frame["answer"].mask(waits), second=frame["second"].mask(waits))
    kind = make_model_type(label_delay=2 * WEEK)

    def replayed(rows: pd.DataFrame) -> Replay:
        return replay(rows, kind, start=BEGIN + 6 * WEEK, step=WEEK, policies=(Policy.REFIT,))

    with pytest.raises(DataError, match='"second" is empty in 100 of 100 rows'):
        replayed(leaked)
    assert replayed(leaked.assign(second=frame["second"])).events[0].action is Action.DEPLOYED
