"""What a worker logs of a piece of work can be found by the request that asked for it."""

from __future__ import annotations

import json
from uuid import UUID

from tests.worker.lab import Lab, Row, RunningWorker, eventually


def test_every_line_of_a_job_names_job_model_type_and_request(
    lab: Lab, worker: RunningWorker
) -> None:
    name = lab.model_type(lab.table(20))
    job_id = lab.ask_for_training(name, request_id="request-of-a-job")
    lab.ended_job(job_id)

    lines = lines_of(worker, "request-of-a-job", 2)

    assert [line["event"] for line in lines] == ["job_claimed", "job_finished"]
    assert {(line["job_id"], line["model_type"]) for line in lines} == {(str(job_id), name)}


def test_every_line_of_an_operation_names_operation_and_request(
    lab: Lab, worker: RunningWorker
) -> None:
    name = lab.model_type()
    operation_id = lab.store.request_check(model_types=[name], request_id="request-of-a-check")
    lab.doorbell.ring("check_performance", operation_id)
    lab.ended_operation(operation_id)

    lines = lines_of(worker, "request-of-a-check", 2)

    assert [line["event"] for line in lines] == ["operation_claimed", "operation_finished"]
    assert {UUID(line["operation_id"]) for line in lines} == {operation_id}


def lines_of(worker: RunningWorker, request_id: str, count: int) -> list[Row]:
    def found() -> list[Row] | None:
        lines = [json.loads(line) for line in worker.log.splitlines() if line.startswith("{")]
        ours = [line for line in lines if line.get("request_id") == request_id]
        return ours if len(ours) >= count else None

    return eventually(found)
