"""Messages twice and in any order, and many who want the same at once: everything happens once."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from threading import Barrier
from uuid import UUID

import pytest

from core.database import PostgresDatabase
from core.store import LOCAL_ADMIN, Store
from core.webhooks.signing import make_secret
from tests.faults.obstacles import swaps_locked
from tests.faults.stages import assert_happened_once, model_type_for
from tests.webhooks.receiver import receiving
from tests.worker.lab import Lab, Row, eventually

# Together 100 pieces of work, each rung for DELIVERIES times in an order of chance.
TRAININGS = 25
FAILURES = 45  # trainings that find too few rows
CHECKS = 30  # of model types without a champion
DELIVERIES = 2
SEED = 20261125

TRIGGERS = 50
MODELS = 10
DEPLOYS = 20  # two of each model
TOO_FEW_ROWS = 20


def audited(lab: Lab, entity: str, entity_id: UUID | str) -> Counter[str]:
    """What the audit log says of a thing, counted."""
    rows = lab.rows(
        "select action from workflow_audit_logs where entity = %s and entity_id = %s",
        entity,
        str(entity_id),
    )
    return Counter(row["action"].partition(".")[2] for row in rows)


@pytest.mark.timeout(240)
def test_what_is_delivered_twice_and_in_any_order_has_one_effect_each(
    lab: Lab, engines: dict[str, str], tmp_path: Path
) -> None:
    with receiving() as receiver, ExitStack() as stack:
        few = lab.table(TOO_FEW_ROWS)
        trained = [model_type_for(lab, "load") for _ in range(TRAININGS)]
        failed = [lab.model_type(few) for _ in range(FAILURES)]
        jobs = {
            name: lab.ask_for_training(name, ring=False, webhook_url=receiver.url())
            for name in trained + failed
        }
        checks = [lab.store.request_check(model_types=[failed[n]]) for n in range(CHECKS)]
        messages = [("retrain", job_id) for job_id in jobs.values()]
        messages += [("check_performance", check_id) for check_id in checks]
        messages *= DELIVERIES
        random.Random(SEED).shuffle(messages)
        for actor, work_id in messages:
            assert lab.doorbell.ring(actor, work_id)
        for _ in range(2):
            stack.enter_context(
                lab.worker(
                    tmp_path,
                    REFIT_WEBHOOK_SECRET=make_secret(),
                    REFIT_WEBHOOK_ALLOWED_HOSTS="127.0.0.1",
                    **engines,
                )
            )

        for name in trained:
            job = lab.ended_job(jobs[name], within=120)
            assert job["attempt"] == 1
            assert_happened_once(lab, name, job)
        for name in failed:
            job = lab.ended_job(jobs[name], within=120)
            assert (job["status"], job["attempt"]) == ("failed", 1)
            assert audited(lab, "training_job", job["id"]) == Counter(
                created=1, running=1, failed=1
            )
        for check_id in checks:
            operation = lab.ended_operation(check_id)
            assert (operation["status"], operation["attempt"]) == ("succeeded", 1)
            assert audited(lab, "operation", check_id) == Counter(created=1, running=1, succeeded=1)
        eventually(lambda: lab.doorbell.waiting() == 0)
        calls = [json.loads(call.body) for call in receiver.wait_for(len(jobs))]

    assert Counter(call["data"]["job_id"] for call in calls) == Counter(
        str(job_id) for job_id in jobs.values()
    )
    assert lab.row("select count(*) from ml_webhook_deliveries")["count"] == len(jobs)
    assert lab.row("select count(*) from ml_models")["count"] == TRAININGS
    assert lab.row("select count(*) from ml_model_deployments")["count"] == TRAININGS
    assert lab.row("select sum(occurrences) from ml_alerts")["sum"] == FAILURES


def at_once(count: int, lab: Lab, ask: Callable[[Store, int], Row]) -> list[Row]:
    """Ask over so many connections at the same moment."""
    database = PostgresDatabase(lab.database_url, max_connections=count)
    store, barrier = Store(database, actor=LOCAL_ADMIN), Barrier(count)

    def wait_and_ask(number: int) -> Row:
        store.get_health()  # connected
        barrier.wait(timeout=30)
        return ask(store, number)

    try:
        with ThreadPoolExecutor(count) as pool:
            return list(pool.map(wait_and_ask, range(count)))
    finally:
        database.close()


def test_many_triggers_at_once_make_one_job_and_none_is_forgotten(lab: Lab) -> None:
    name = model_type_for(lab, "load")

    def trigger(store: Store, number: int) -> Row:
        return store.trigger_retraining(
            model_types=[name], webhook_url=f"https://receiver.example.org/{number}"
        )

    answers = [answer["jobs"][0] for answer in at_once(TRIGGERS, lab, trigger)]

    assert Counter(job["coalesced"] for job in answers) == {False: 1, True: TRIGGERS - 1}
    assert len({job["id"] for job in answers}) == 1
    (job,) = lab.store.list_training_jobs(model_type=name)["items"]
    assert audited(lab, "training_job", job["id"]) == Counter(created=1)
    assert lab.row("select count(*) from private.training_job_callbacks")["count"] == TRIGGERS


def approved_models(lab: Lab, name: str) -> list[UUID]:
    """Versions that are each approved against the same champion: none."""
    lab.retrain(name, auto_deploy=False)
    (row,) = lab.store.list_models(model_type=name)["items"]
    ids = [UUID(row["id"])]
    for _ in range(MODELS - 1):
        job_id = lab.ask_for_training(name, ring=False)
        claimed = lab.store.claim_training_job(job_id, "here:1:1")
        assert claimed is not None
        ended = lab.store.finish_training_job(
            claimed,
            {
                "status": "succeeded",
                "model": row,
                "validation": {
                    "champion_deployment_id": None,
                    "verdict": "approved",
                    "auto_deployable": False,
                    "samples": 100,
                    "gates": [],
                    "reason": "As good as the first.",
                },
            },
        )
        ids.append(UUID(ended["result"]["model_id"]))
    return ids


def test_of_many_deploys_at_once_one_wins_and_the_others_are_told(
    lab: Lab, engines: dict[str, str], tmp_path: Path
) -> None:
    name = model_type_for(lab, "load")
    with ExitStack() as stack:
        for _ in range(2):
            stack.enter_context(
                lab.worker(tmp_path, REFIT_WORKER_THREADS=str(DEPLOYS // 2), **engines)
            )
        model_ids = approved_models(lab, name)
        wanted = [model_ids[n % MODELS] for n in range(DEPLOYS)]
        asked = [lab.store.request_deployment(model_ids=[model_id]) for model_id in wanted]
        with swaps_locked(lab):
            for operation_id in asked:
                lab.doorbell.ring("deploy_model", operation_id)
            eventually(lambda: swaps_that_wait(lab) >= DEPLOYS // 2)
        ended = [lab.ended_operation(operation_id) for operation_id in asked]

    (champion,) = lab.rows("select * from ml_model_deployments")
    assert champion["status"] == "active"
    for model_id, operation in zip(wanted, ended, strict=True):
        if model_id == champion["model_id"]:
            (deployment,) = operation["result"]["deployments"]
            assert deployment["id"] == str(champion["id"])
        else:
            assert (operation["status"], operation["error"]["type"]) == (
                "failed",
                "stale_validation",
            )
    changed = [d["changed"] for op in ended for d in op["result"]["deployments"]]
    assert sorted(changed) == [False, True]


def swaps_that_wait(lab: Lab) -> int:
    rows = lab.rows(
        "select pid from pg_stat_activity where datname = current_database()"
        " and wait_event_type = 'Lock' and query ~ 'finish_operation'"
    )
    return len(rows)
