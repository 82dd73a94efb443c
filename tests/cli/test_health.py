"""`refit health`: what is down, by name, and by the exit status."""

from __future__ import annotations

import json
from pathlib import Path

from core.process_name import process_name
from core.store import Store
from tests.cli.conftest import Refit
from tests.functions.served import free_port, serving


def test_a_workers_health_names_the_part_that_is_down(refit: Refit, store: Store) -> None:
    alone = refit("health", "--worker", "--json")
    store.sweep_lost_work(process_name())
    well = refit("health", "--worker", "--json")
    no_queue = refit("health", "--worker", REDIS_URL=f"redis://127.0.0.1:{free_port()}/0")

    assert (alone.exit_code, json.loads(alone.stdout)["worker"]) == (1, "down")
    assert (well.exit_code, set(json.loads(well.stdout).values())) == (0, {"ok"})
    assert no_queue.exit_code == 1
    assert [line.split() for line in no_queue.stdout.splitlines()] == [
        ["status", "down"],
        ["database", "ok"],
        ["queue", "down"],
        ["worker", "ok"],
        ["artifacts", "ok"],
    ]


def test_a_scheduler_needs_no_artifacts(refit: Refit, store: Store) -> None:
    alone = refit("health", "--scheduler", "--json")
    store.sweep_lost_work(process_name(), "scheduler")
    well = refit("health", "--scheduler", "--json", REFIT_ARTIFACTS_URL=None)

    assert (alone.exit_code, json.loads(alone.stdout)["scheduler"]) == (1, "down")
    assert (well.exit_code, json.loads(well.stdout)) == (
        0,
        dict.fromkeys(("status", "database", "queue", "scheduler"), "ok"),
    )


def test_a_worker_of_another_machine_is_not_ours(refit: Refit, store: Store) -> None:
    store.sweep_lost_work("elsewhere:12:0a1b2c3d")

    answer = refit("health", "--worker", "--json")

    assert (answer.exit_code, json.loads(answer.stdout)["worker"]) == (1, "down")


def test_a_database_and_an_artifact_store_that_are_away_are_named(refit: Refit) -> None:
    away = f"http://127.0.0.1:{free_port()}"

    answer = refit(
        "health",
        "--worker",
        "--json",
        DATABASE_URL=f"postgresql://127.0.0.1:{free_port()}/refit",
        REFIT_ARTIFACTS_URL="s3://models",
        REFIT_S3_ENDPOINT_URL=away,
    )

    assert answer.exit_code == 1
    assert json.loads(answer.stdout) == {
        "status": "down",
        "database": "down",
        "queue": "ok",
        "artifacts": "down",
        "worker": "down",
    }


def test_the_functions_are_asked(
    refit: Refit, addresses: dict[str, str], tmp_path: Path, redis_url: str
) -> None:
    with serving(
        tmp_path, "main", DATABASE_URL=addresses["DATABASE_URL"], REDIS_URL=redis_url
    ) as server:
        port = server.address.rpartition(":")[2]
        well = refit("health", "--json", PORT=port)
    gone = refit("health", PORT=port)

    assert well.exit_code == 0
    assert json.loads(well.stdout)["database"] == "ok"
    assert gone.exit_code == 1
    assert "nothing answers" in gone.stdout


def test_without_servers_it_says_so_and_starts_none(refit: Refit, tmp_path: Path) -> None:
    answer = refit("health", "--worker", DATABASE_URL=None, REDIS_URL=None)

    assert answer.exit_code == 1
    assert "no local servers run" in answer.stderr
    assert not (tmp_path / "home").exists()
