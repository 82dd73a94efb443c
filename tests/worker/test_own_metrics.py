"""A metric of the user's own, from training over validation and deployment to checks."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.worker.lab import DAY, Lab

METRICS = '''
"""Metrics of a user's own."""

import numpy as np


class Profit:
    """One for a good one that is found, one lost for a bad one that is taken for good."""

    label = "profit"
    greater_is_better = True
    in_points = True  # a share of a profit near 0 would say nothing

    def __call__(self, truth, predicted, proba, classes):
        gain = np.where(truth == "good", 1.0, -1.0)
        return float(((predicted == "good") * gain).mean())


class Cost:
    """What the mistakes cost: a mean of losses."""

    label = "cost"
    greater_is_better = False

    def losses(self, truth, predicted, proba, classes):
        assert proba.shape == (len(truth), len(classes))
        return np.where(truth == predicted, 0.0, np.where(truth == "good", 5.0, 1.0))

    def __call__(self, truth, predicted, proba, classes):
        return float(self.losses(truth, predicted, proba, classes).mean())


class Broken:
    greater_is_better = True

    def __call__(self, truth, predicted, proba, classes):
        raise RuntimeError("no prices today")
'''

pytestmark = pytest.mark.usefixtures("worker")


@pytest.fixture(scope="module")
def variables(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder: Path = tmp_path_factory.mktemp("own_metrics")
    (folder / "worker_metrics.py").write_text(METRICS)
    return {
        "PYTHONPATH": str(folder),
        "REFIT_METRICS": "worker_metrics:Profit, worker_metrics:Cost, worker_metrics:Broken",
    }


@pytest.mark.parametrize("metric", ["worker_metrics:Profit", "worker_metrics:Cost"])
def test_a_metric_of_ones_own_judges_from_the_training_to_the_check(lab: Lab, metric: str) -> None:
    name = lab.model_type(metric=metric)

    job = lab.retrain(name)

    assert job["status"] == "succeeded", job
    assert (job["result"]["verdict"], job["result"]["deployed"]) == ("approved", True)
    model = lab.model(job["result"]["model_id"])
    assert model["metrics"][metric] == pytest.approx(model["reference"]["value"])
    assert {"accuracy", "log_loss"} < set(model["metrics"])
    assert model["reference"]["metric"] == metric
    has_losses = metric.endswith("Cost")
    assert (model["reference"]["losses_mean"] is not None) is has_losses

    # Without noise no model that knows the world does worse than on its holdout.
    lab.add_rows(lab.table_of(name), 400, over=2 * DAY, noise=0.0)
    (check,) = lab.check(name)["result"]["results"]

    assert check["metric"] == metric
    assert check["verdict"] == "healthy", check["reason"]
    assert metric.partition(":")[2].lower() in check["reason"]
    (asked,) = lab.validate(model_ids=[model["id"]])["result"]["results"]
    assert asked["verdict"] == "approved", asked["reason"]


def test_a_champion_is_replaced_by_what_the_metric_of_ones_own_says(lab: Lab) -> None:
    name = lab.model_type(lab.table(400), metric="worker_metrics:Profit")
    first = lab.champion(name)
    lab.add_rows(lab.table_of(name), 1600, over=2.5 * DAY, flipped=True)

    job = lab.retrain(name)

    assert job["check_result"]["verdict"] == "degraded", job["check_result"]
    assert job["result"]["deployed"], job["result"]
    second = lab.store.get_champion(name)
    assert second is not None
    assert second.model_id != first["model_id"]
    assert second.reference.metric == "worker_metrics:Profit"


def test_a_metric_that_fails_says_why(lab: Lab) -> None:
    job = lab.retrain(lab.model_type(metric="worker_metrics:Broken"))

    assert job["status"] == "failed"
    assert "no prices today" in str(job["error"])


def test_a_metric_that_is_not_allowed_is_never_imported(lab: Lab) -> None:
    job = lab.retrain(lab.model_type(metric="os:getcwd"))

    assert job["status"] == "failed"
    assert '"os:getcwd" is not allowed' in str(job["error"])
