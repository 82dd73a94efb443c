"""Playing the worker, who is not there in these tests."""

from __future__ import annotations

import time
from typing import Any
from uuid import UUID

import psycopg

from core.domain import ClaimedOperation
from core.store import Store

WORKER = "worker-of-the-test"


def next_operation(database_url: str, model_type: str) -> UUID:
    """The check of this model type that nobody has taken, as soon as there is one."""
    query = """
        select id from ml_operations
        where status = 'queued' and parameters -> 'model_types' ? %s
        order by created_at desc limit 1
    """
    with psycopg.connect(database_url, autocommit=True) as connection:
        for _ in range(1000):
            if row := connection.execute(query, [model_type]).fetchone():
                operation_id: UUID = row[0]
                return operation_id
            time.sleep(0.01)
    raise AssertionError(f"nobody asked for a check of {model_type}")


def claim(store: Store, operation_id: UUID) -> ClaimedOperation:
    claimed = store.claim_operation(operation_id, WORKER)
    assert claimed is not None
    return claimed


def finish_check(store: Store, claimed: ClaimedOperation) -> None:
    """Find every champion degraded; a model type without one has too little data."""
    store.finish_operation(
        claimed,
        {
            "status": "succeeded",
            "results": [check_result(t.model_type.name, t.champion) for t in claimed.targets],
        },
    )


def check_result(name: str, champion: Any) -> dict[str, Any]:
    if champion is None:
        return {
            "model_type": name,
            "model_id": None,
            "verdict": "insufficient_data",
            "needs_retraining": True,
            "reason": "No model serves.",
        }
    return {
        "model_type": name,
        "model_id": str(champion.model_id),
        "deployment_id": str(champion.deployment_id),
        "verdict": "degraded",
        "needs_retraining": True,
        "low_power": False,
        "metric": "accuracy",
        "baseline": 0.9,
        "current": 0.8,
        "degradation": 0.1,
        "confidence_interval": [0.05, 0.15],
        "p_value": 0.001,
        "samples": 600,
        "threshold": 0.03,
        "window_start": "2026-02-01T00:00:00+00:00",
        "window_end": "2026-02-08T00:00:00+00:00",
        "reason": "It fell from 0.9 to 0.8.",
    }
