"""Labels that take forty days: a check's estimate reads older rows that still wait for theirs."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.worker.conftest import lab, worker
from tests.worker.lab import DAY, Lab

__all__ = ["lab", "worker"]

pytestmark = pytest.mark.usefixtures("worker")

ROWS_A_DAY = 40


@pytest.fixture(scope="module")
def variables() -> dict[str, str]:
    return {}


def test_a_check_reads_the_rows_that_its_estimate_lacks(lab: Lab) -> None:
    now = datetime.now(UTC)
    table = lab.table(0)
    lab.add_rows(table, 140 * ROWS_A_DAY, until=now, over=140 * DAY)
    name = lab.model_type(table, label_delay="40 days", replay=True)
    job = lab.retrain(name, as_of=now - 28 * DAY)
    assert job["status"] == "succeeded", job["error"]

    (result,) = lab.check(name)["result"]["results"]

    estimate = result["estimate"]
    assert estimate["rows_needed"] > 7 * ROWS_A_DAY
    least = min(estimate["rows_needed"], 28 * ROWS_A_DAY)
    assert estimate["rows"] == pytest.approx(least, abs=2)
