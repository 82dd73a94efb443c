"""Training jobs that a test meets in a stage of its choice, and what must have come of them."""

from __future__ import annotations

from uuid import UUID

from core.domain import JobStatus
from tests.faults.engines import LINGERS_IN_STORING, LINGERS_IN_TRAINING
from tests.worker.lab import Lab, Row, RunningWorker, eventually

STAGES = ("load", "train", "validate", "deploy")
_ENGINES = {"train": LINGERS_IN_TRAINING, "validate": LINGERS_IN_STORING}
_ROWS = 400


def model_type_for(lab: Lab, stage: str) -> str:
    """A model type whose first training can be met in a stage: small, and quick otherwise."""
    return lab.model_type(
        lab.table(_ROWS), engine=_ENGINES.get(stage, "linear"), feature_columns=["size"]
    )


def wait_for_stage(lab: Lab, job_id: UUID, stage: str) -> None:
    def is_there() -> bool:
        job = lab.job(job_id)
        assert not JobStatus(job["status"]).is_final, job
        return bool(job["stage"] == stage)

    eventually(is_there)


def assert_happened_once(lab: Lab, model_type: str, job: Row, *, handed_back: int = 0) -> None:
    """One model version, one deployment, and each step of the way was taken and recorded once.

    ``handed_back``: how often a worker gave the job back in good order.
    """
    assert (job["status"], job["result"]["deployed"]) == ("succeeded", True), job
    models = lab.store.list_models(model_type=model_type)["items"]
    assert [model["version"] for model in models] == [1]
    assert len(lab.store.list_deployments(model_type=model_type)["items"]) == 1
    recorded = [
        row["action"]
        for row in lab.rows(
            "select action from workflow_audit_logs where model_type = %s"
            " and entity in ('training_job', 'validation', 'deployment')",
            model_type,
        )
    ]
    earlier = ["training_job.running", "training_job.queued"] * (job["attempt"] - 1 + handed_back)
    assert sorted(recorded) == sorted(
        [
            "training_job.created",
            *earlier,
            "training_job.running",
            "validation.created",
            "deployment.created",
            "training_job.succeeded",
        ]
    ), recorded


def ended_by(worker: RunningWorker, row: Row) -> bool:
    """Whether this worker holds the work, or was the last to hold it."""
    _host, pid, _ = row["lease_owner"].split(":")
    return int(pid) == worker.process.pid
