"""A training that fails once its rows were chosen keeps why they were."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.web.reasons import job_with_reasons
from tests.worker.conftest import lab, worker
from tests.worker.lab import Lab, Row

__all__ = ["lab", "worker"]

pytestmark = pytest.mark.usefixtures("worker")

ENGINES = """
import os

def make_none():
    raise ValueError("no engine today")

def make_dead():
    os._exit(3)
"""


@pytest.fixture(scope="module")
def variables(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder: Path = tmp_path_factory.mktemp("broken_engines")
    (folder / "broken_engines.py").write_text(ENGINES)
    return {
        "PYTHONPATH": str(folder),
        "REFIT_ENGINES": "broken_engines:make_none,broken_engines:make_dead",
    }


def failed(lab: Lab, engine: str) -> Row:
    job = lab.retrain(lab.model_type(lab.table(800), engine=f"broken_engines:{engine}"))
    assert job["status"] == "failed"
    assert job["result"] is None
    return job


@pytest.mark.parametrize("engine", ["make_none", "make_dead"])
def test_a_training_that_fails_or_dies_keeps_its_plan(lab: Lab, engine: str) -> None:
    job = failed(lab, engine)

    plan = job["plan"]
    assert plan["train_rows"] + plan["calibration_rows"] + plan["holdout_rows"] == 800
    assert "First model: the newest" in plan["reason"]
    told = " ".join(job_with_reasons(job)["why"])
    learnt = plan["train_rows"] + plan["calibration_rows"]
    assert f"It was to learn from {learnt:,} cases" in told
    assert "It learnt" not in told


def test_a_training_that_did_not_get_as_far_as_a_plan_has_none(lab: Lab) -> None:
    job = lab.retrain(lab.model_type(lab.table(20)))

    assert (job["status"], job["plan"]) == ("failed", None)
