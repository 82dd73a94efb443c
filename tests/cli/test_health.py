"""`refit health`: what is down, by name, and by the exit status."""

from __future__ import annotations

import json
from pathlib import Path

from core.cli.served_address import FILE_NAME, find_served_address, served_address
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


def test_the_address_that_up_left_is_asked_and_a_stale_one_is_not(
    refit: Refit, addresses: dict[str, str], tmp_path: Path, redis_url: str
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    elsewhere = str(free_port())
    with serving(
        tmp_path, "main", DATABASE_URL=addresses["DATABASE_URL"], REDIS_URL=redis_url
    ) as server:
        with served_address(home, server.address):
            running = refit("health", "--json", PORT=elsewhere)
            copy = (home / FILE_NAME).read_text()
        stopped = refit("health", PORT=elsewhere)
        # What an `up` leaves that was killed: the file, without the lock.
        (home / FILE_NAME).write_text(f"http://127.0.0.1:{elsewhere}")
        stale = refit("health", "--json", PORT=server.address.rpartition(":")[2])

    assert (running.exit_code, json.loads(running.stdout)["status"]) == (0, "ok")
    assert copy == server.address
    assert stopped.exit_code == 1
    assert f"nothing answers at http://127.0.0.1:{elsewhere}" in stopped.stdout
    assert (stale.exit_code, json.loads(stale.stdout)["status"]) == (0, "ok")


def test_a_configured_address_is_asked_first(
    refit: Refit, addresses: dict[str, str], tmp_path: Path, redis_url: str
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    away = f"http://127.0.0.1:{free_port()}"
    with (
        serving(
            tmp_path, "main", DATABASE_URL=addresses["DATABASE_URL"], REDIS_URL=redis_url
        ) as server,
        served_address(home, away),
    ):
        well = refit("health", "--json", API_BASE_URL=f"{server.address}/api/")
        other = refit("health", API_BASE_URL=f"{server.address}/nothing")
        gone = refit("health", API_BASE_URL=f"{away}/api")

    assert (well.exit_code, json.loads(well.stdout)["status"]) == (0, "ok")
    assert other.exit_code == gone.exit_code == 1
    assert "tells no health" in other.stdout
    assert f"nothing answers at {away}" in gone.stdout


def test_the_last_up_of_a_home_is_the_one_that_is_found(tmp_path: Path) -> None:
    with served_address(tmp_path, "http://127.0.0.1:1"):
        with served_address(tmp_path, "http://127.0.0.1:2"):
            assert find_served_address(tmp_path) == "http://127.0.0.1:2"
        with served_address(tmp_path, "http://127.0.0.1:3"):
            pass
    assert find_served_address(tmp_path) is None
    assert list(tmp_path.iterdir()) == []


def test_without_servers_it_says_so_and_starts_none(refit: Refit, tmp_path: Path) -> None:
    answer = refit("health", "--worker", DATABASE_URL=None, REDIS_URL=None)

    assert answer.exit_code == 1
    assert "no local servers run" in answer.stderr
    assert not (tmp_path / "home").exists()
