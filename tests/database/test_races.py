"""Two at once, with a connection each: one wins, the other is told so, nobody waits for ever."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from threading import Barrier
from typing import Any
from uuid import UUID

import psycopg
import pytest

from core.database import PostgresDatabase
from core.domain import OperationKind
from core.errors import IllegalTransition, LeaseLost, RefitError, StaleValidation
from core.retention import DEFAULT_DAYS
from core.store import Store
from tests.database.factories import (
    ADMIN,
    FAILURE,
    JOB_ENDS,
    Row,
    Scene,
    check_of,
    deployment_outcome,
    digest,
    judgement,
    trained_model,
)

ROUNDS = 5


@pytest.fixture(autouse=True)
def churn(scene: Scene) -> None:
    scene.model_type("churn")


@pytest.fixture
def crowd(database_url: str) -> Iterator[Store]:
    """A store with a connection for each of twenty threads."""
    database = PostgresDatabase(database_url, max_connections=20)
    yield Store(database, actor=ADMIN)
    database.close()


def at_once(*actions: Callable[[], Any]) -> list[Any]:
    """What each action gave, or the error that it raised; they start together."""
    barrier = Barrier(len(actions))

    def start(action: Callable[[], Any]) -> Any:
        barrier.wait(10)
        try:
            return action()
        except RefitError as exc:
            return exc

    with ThreadPoolExecutor(len(actions)) as pool:
        return list(pool.map(start, actions))


def test_of_two_workers_one_gets_the_job(scene: Scene, crowd: Store) -> None:
    for _ in range(ROUNDS):
        job_id = scene.queued_job()

        first, second = at_once(
            partial(crowd.claim_training_job, job_id, "worker-1"),
            partial(crowd.claim_training_job, job_id, "worker-2"),
        )

        assert [first, second].count(None) == 1
        scene.store.finish_training_job(first or second, {"status": "cancelled"})


def test_of_two_workers_one_gets_the_operation(scene: Scene, crowd: Store) -> None:
    for _ in range(ROUNDS):
        operation_id = scene.store.request_check()

        claimed = at_once(
            partial(crowd.claim_operation, operation_id, "worker-1"),
            partial(crowd.claim_operation, operation_id, "worker-2"),
        )

        assert claimed.count(None) == 1


def test_twenty_requests_make_one_job(scene: Scene, crowd: Store) -> None:
    scene.model_type("visits")
    orders = [["churn", "visits"], ["visits", "churn"]]

    answers = at_once(
        *(
            partial(crowd.trigger_retraining, model_types=orders[n % 2], force=n == 7)
            for n in range(20)
        )
    )

    jobs = [job for answer in answers for job in answer["jobs"]]
    assert len(jobs) == 40
    assert len({j["id"] for j in jobs}) == 2
    assert [j["coalesced"] for j in jobs].count(False) == 2
    assert scene.rows("select distinct force from ml_training_jobs") == [{"force": True}]


def test_a_request_meets_a_job_that_ends(scene: Scene, crowd: Store) -> None:
    for _ in range(ROUNDS):
        job_id = scene.queued_job()

        _, answer = at_once(
            partial(crowd.cancel_job, job_id),
            partial(crowd.trigger_retraining, model_types=["churn"]),
        )

        # Joined while it stood, or a new one after it: never nothing, never two.
        active = scene.rows("select id from ml_training_jobs where status = 'queued'")
        joined = answer["jobs"][0]["coalesced"]
        assert len(active) == (0 if joined else 1)
        for row in active:
            scene.store.cancel_job(row["id"])


def test_a_forced_request_meets_a_check_that_ends(scene: Scene, crowd: Store) -> None:
    for _ in range(ROUNDS):
        job = scene.running_job()

        at_once(
            partial(crowd.finish_training_job, job, JOB_ENDS["skipped"]),
            partial(crowd.trigger_retraining, model_types=["churn"], force=True),
        )

        # Behind it or after it: the forced job is there, once.
        queued = scene.rows("select id, force from ml_training_jobs where status = 'queued'")
        assert [row["force"] for row in queued] == [True]
        scene.store.cancel_job(queued[0]["id"])


def test_a_check_meets_the_swap_of_its_champion(scene: Scene, crowd: Store) -> None:
    for round_ in range(ROUNDS):
        old = scene.champion(text=f"old-{round_}")
        check = scene.running_operation(OperationKind.CHECK)
        new = scene.challenger(text=f"new-{round_}")
        swap = scene.running_operation(OperationKind.DEPLOYMENT, model_ids=[new["id"]])

        at_once(
            partial(
                crowd.finish_operation, check, {"status": "succeeded", "results": [check_of(old)]}
            ),
            partial(crowd.finish_operation, swap, deployment_outcome(swap)),
        )

        assert scene.alerts(status="open") == []


def test_of_two_approved_challengers_one_is_deployed(scene: Scene, crowd: Store) -> None:
    scene.champion()
    for round_ in range(ROUNDS):
        before = scene.champion_id()
        models = [scene.challenger(text=f"{round_}-{n}") for n in range(2)]
        operations = [
            scene.running_operation(OperationKind.DEPLOYMENT, model_ids=[m["id"]]) for m in models
        ]

        answers = at_once(
            *(
                partial(crowd.finish_operation, operation, deployment_outcome(operation))
                for operation in operations
            )
        )

        assert sorted(a["status"] for a in answers) == ["failed", "succeeded"]
        loser = next(a for a in answers if a["status"] == "failed")
        assert loser["error"]["type"] == StaleValidation.problem
        winner = next(a for a in answers if a["status"] == "succeeded")
        assert scene.champion_id() == winner["result"]["deployments"][0]["id"] != before
    active = scene.rows("select from ml_model_deployments where status = 'active'")
    assert len(active) == 1


def test_two_trainings_that_end_at_once_get_versions_of_their_own(
    scene: Scene, crowd: Store
) -> None:
    jobs = [scene.running_job(environment=e, force=True) for e in ("development", "staging")]

    at_once(
        *(
            partial(
                crowd.finish_training_job,
                j,
                {"status": "succeeded", "model": trained_model(str(n))},
            )
            for n, j in enumerate(jobs)
        )
    )

    assert scene.rows("select version from ml_models order by version") == [
        {"version": 1},
        {"version": 2},
    ]


def test_going_back_and_deploying_leave_one_champion(scene: Scene, crowd: Store) -> None:
    for round_ in range(ROUNDS):
        scene.champion(text=f"earlier-{round_}")
        scene.champion(text=f"champion-{round_}")
        challenger = scene.challenger(text=f"challenger-{round_}")
        operation = scene.running_operation(OperationKind.DEPLOYMENT, model_ids=[challenger["id"]])

        back, deployed = at_once(
            partial(crowd.rollback_model, "churn", reason="Bad."),
            partial(crowd.finish_operation, operation, deployment_outcome(operation)),
        )

        active = scene.rows(
            "select d.id, m.quarantined_at from ml_model_deployments as d "
            "join ml_models as m on m.id = d.model_id where d.status = 'active'"
        )
        assert [str(a["id"]) for a in active] == [back["deployment"]["id"]]
        assert active[0]["quarantined_at"] is None
        # First back, then the swap: stale. First the swap: it was rolled back in its turn.
        assert deployed["status"] in {"failed", "succeeded"}


def test_two_who_go_back_at_once_go_back_twice(scene: Scene, crowd: Store) -> None:
    for text in ("first", "second"):
        scene.champion(text=text)

    answers = at_once(*[partial(crowd.rollback_model, "churn", reason="Bad.")] * 2)

    refused = [a for a in answers if isinstance(a, IllegalTransition)]
    assert len(refused) == 1
    assert len(scene.rows("select from ml_model_deployments where status = 'active'")) == 1


def test_a_finish_meets_the_sweep_that_takes_its_job_back(scene: Scene, crowd: Store) -> None:
    for round_ in range(ROUNDS):
        job = scene.running_job(force=True)
        scene.owner.execute(
            "update ml_training_jobs set lease_expires_at = now() - interval '1 s' where id = %s",
            (job.id,),
        )
        outcome = {"status": "succeeded", "model": trained_model(str(round_))}

        finished, swept = at_once(
            partial(crowd.finish_training_job, job, outcome),
            partial(crowd.sweep_lost_work, "worker-2"),
        )

        models = scene.rows("select from ml_models where artifact_hash = %s", digest(str(round_)))
        if isinstance(finished, LeaseLost):
            assert models == []
            assert [r["id"] for r in swept] == [str(job.id)]
            scene.store.cancel_job(job.id)
        else:
            assert finished["status"] == "succeeded"
            assert swept == []
            assert len(models) == 1


def test_one_sweeper_works_and_the_others_have_nothing_to_do(
    scene: Scene, crowd: Store, database_url: str
) -> None:
    with psycopg.connect(database_url) as sweeping:
        sweeping.execute("select public.sweep_lost_work('worker-1')")
        job_id = scene.queued_job()
        scene.lost_job(job_id)

        # The first has not committed yet: the second neither waits nor sweeps beside it.
        assert crowd.sweep_lost_work("worker-2") == []
        assert scene.job(job_id)["status"] == "running"
        sweeping.commit()

    assert [r["id"] for r in crowd.sweep_lost_work("worker-2")] == [str(job_id)]


def test_many_sweepers_take_a_job_back_once(scene: Scene, crowd: Store) -> None:
    job_id = scene.queued_job()
    for _ in range(2):
        scene.lost_job(job_id)
        rings = at_once(*(partial(crowd.sweep_lost_work, f"worker-{n}") for n in range(8)))
        assert [r["id"] for ring in rings for r in ring] == [str(job_id)]
    assert scene.job(job_id)["attempt"] == 2


def train(store: Store, name: str, check: Row) -> None:
    """A training of any end; the job of another may be running already."""
    answer = store.trigger_retraining(model_types=[name], force=True)
    job = store.claim_training_job(UUID(answer["jobs"][0]["id"]), "w")
    if job is None:
        return
    outcome: Row = {"status": "failed", "error": FAILURE, "check": check}
    if job.champion is not None:
        champion_id = str(job.champion.deployment_id)
        outcome = {
            "status": "succeeded",
            "check": check,
            "model": trained_model(),
            "validation": judgement(champion_deployment_id=champion_id),
        }
    store.finish_training_job(job, outcome)


def check_all(store: Store, checks: list[Row]) -> None:
    operation = store.claim_operation(store.request_check(), "w")
    assert operation is not None
    store.finish_operation(operation, {"status": "succeeded", "results": checks})


def look_after(store: Store) -> None:
    store.sweep_lost_work("w")
    store.run_housekeeping(DEFAULT_DAYS)


def repeat(action: Callable[[], object]) -> None:
    """Again and again; what may be refused is, and anything else is an error."""
    for _ in range(8):
        with suppress(IllegalTransition, LeaseLost):
            action()


def test_everything_at_once_locks_nobody_out(scene: Scene, crowd: Store) -> None:
    scene.model_type("visits")
    checks = {name: check_of(scene.champion(name)) for name in ("visits", "churn")}
    tasks: list[Callable[[], object]] = [
        partial(check_all, crowd, list(checks.values())),
        partial(check_all, crowd, list(checks.values())[::-1]),
        partial(train, crowd, "churn", checks["churn"]),
        partial(train, crowd, "visits", checks["visits"]),
        partial(look_after, crowd),
        partial(crowd.rollback_model, "churn", reason="Bad."),
    ]

    ended = at_once(*(partial(repeat, task) for task in tasks))

    assert ended == [None] * len(tasks)
    active = scene.rows(
        "select model_type from ml_model_deployments where status = 'active' order by 1"
    )
    assert active == [{"model_type": "churn"}, {"model_type": "visits"}]
