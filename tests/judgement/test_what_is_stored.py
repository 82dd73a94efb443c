"""What a training and a check store, so that both can be understood, and repeated, later."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from core.web.reasons import job_with_reasons
from tests.worker.conftest import lab, worker
from tests.worker.lab import DAY, Lab

__all__ = ["lab", "worker"]

pytestmark = pytest.mark.usefixtures("worker")


@pytest.fixture(scope="module")
def variables() -> dict[str, str]:
    return {}


@pytest.mark.parametrize(
    ("settings", "rows", "said"),
    [
        ({"training_window": "20 days"}, 1734, "First model: the newest 347 of 1,734 rows"),
        ({"training_window": "20 days", "window_strategy": "expanding"}, 2600, "of 2,600 rows"),
        ({"window_strategy": "adaptive"}, None, "rows before the holdout"),
    ],
    ids=["sliding", "expanding", "adaptive"],
)
def test_a_job_keeps_its_plan_and_why_its_window_is_that_one(
    lab: Lab, settings: dict[str, Any], rows: int | None, said: str
) -> None:
    table = lab.table(0)
    lab.add_rows(table, 2600, until=datetime.now(UTC) - DAY / 1000)
    name = lab.model_type(table, **settings)

    job = lab.retrain(name)

    plan = job["plan"]
    assert plan == lab.model(job["result"]["model_id"])["plan"]
    assert plan["strategy"] == settings.get("window_strategy", "sliding")
    assert said in plan["reason"]
    used = plan["train_rows"] + plan["calibration_rows"] + plan["holdout_rows"]
    if rows is not None:
        assert used == pytest.approx(rows, abs=2)
        assert plan["figures"]["rows"] == used
    else:
        window = plan["figures"]["window"]
        assert [one["rows"] for one in window["candidates"]]
        assert window["chosen_rows"] == used - plan["holdout_rows"]
    told = " ".join(job_with_reasons(job)["why"])
    assert f"It learnt from {plan['train_rows'] + plan['calibration_rows']:,} cases" in told


def test_a_check_needs_none_of_the_rows_that_the_model_learnt_from(lab: Lab) -> None:
    name = lab.model_type(lab.table(2600))
    lab.champion(name)
    table = lab.table_of(name)
    lab.add_rows(table, 1200, over=2 * DAY)
    lab.rows(f"update {table} set size = size + 2 where id > 2600 returning id")

    def check() -> Any:
        # Of a state that nobody has left yet, the first check says the most.
        lab.rows("delete from private.detector_state returning deployment_id")
        lab.rows("delete from private.drift_windows returning deployment_id")
        (result,) = lab.check(name)["result"]["results"]
        return result

    before = check()
    lab.rows(f"delete from {table} where id <= 2600 returning id")
    after = check()

    assert before["drift"]["alarm"]
    assert before["sequential"]["labels"] == 1200
    for found in ("drift", "sequential", "estimate", "baseline", "current", "p_value", "verdict"):
        assert _without_times(after[found]) == _without_times(before[found]), found


def _without_times(found: Any) -> Any:
    if not isinstance(found, dict):
        return found
    return {name: value for name, value in found.items() if name != "window_end"}
