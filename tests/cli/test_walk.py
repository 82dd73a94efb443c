"""A person with a CSV file, nothing configured and no `refit up`: three commands, then use it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from core.cli.workers import is_seen
from core.database import PostgresDatabase
from core.embedded.stack import postgres_of, valkey_of
from core.errors import ArtifactError
from core.serving import load_champion, predict_into, with_local_addresses
from core.settings import Settings
from core.store import LOCAL_ADMIN, Store

Program = Callable[..., "subprocess.CompletedProcess[str]"]
REFIT = (sys.executable, "-c", "from core.cli import main; main()")
ROWS, UNLABELLED = 900, 40  # as tests/cli/conftest.py writes them


@contextmanager
def running_worker(home: Path, environ: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """`refit worker` on the servers of a home, once it has been seen."""
    addresses = {
        "DATABASE_URL": postgres_of(home).url,
        "REDIS_URL": valkey_of(home).url,
        "REFIT_ARTIFACTS_URL": (home / "artifacts").as_uri(),
    }
    database = PostgresDatabase(addresses["DATABASE_URL"])
    process = subprocess.Popen([*REFIT, "worker"], env=environ | addresses)
    try:
        deadline = time.monotonic() + 60
        while not is_seen(Store(database, actor=LOCAL_ADMIN).get_status()):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.1)
        yield process
    finally:
        process.kill()
        process.wait()
        database.close()


def test_from_a_csv_file_to_predictions_of_a_deployed_model(
    program: Program, local_home: Path, churn_csv: Path, clean_environ: dict[str, str]
) -> None:
    environ = {"REFIT_HOME": str(local_home), "REFIT_TRAINING_THREADS": "1"}

    def refit(*arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        done = program(arguments, environ)
        assert done.returncode == code, done.stderr
        return done

    def read(*arguments: str) -> Any:
        return json.loads(refit(*arguments, "--json").stdout)

    # The three commands.
    refit("import-csv", str(churn_csv))
    refit("model-types", "create", "churn", "--source", "public.churn", "--target", "churned")
    trained = refit("retrain", "churn", "--force", "--wait")
    assert "No worker is running: one works for this command." in trained.stderr
    assert trained.stderr.splitlines()[-1] == "churn: succeeded"
    first = (
        "churn: version 1 was trained and deployed, as the first champion. First model: accuracy"
    )
    assert trained.stdout.startswith(first)

    # What it is now.
    status = read("status")
    (champion,) = status["champions"]
    assert (champion["model_type"], champion["model_version"]) == ("churn", 1)
    assert champion["reference"]["value"] > 0.85
    kinds = [(e["kind"], e["model_type"]) for e in read("history")["items"]]
    assert kinds == [("deployment", "churn"), ("training", "churn")]
    summary = read("history")["items"][0]["summary"]
    assert summary.startswith("churn version 1 was deployed to production (")
    assert summary.endswith("); it serves.")

    # The rows without a target are predicted, once.
    first = read("predict", "churn", "--into", "churn_predictions")
    settings = with_local_addresses(Settings(REFIT_HOME=local_home))
    february = datetime(2026, 2, 1, tzinfo=UTC)
    again = predict_into(settings, "churn", "churn_predictions")
    since = predict_into(settings, "churn", "churn_predictions", since=february)
    assert (first["rows"], first["model_version"]) == (UNLABELLED, 1)
    assert again.rows == 0
    assert since.rows == ROWS - 31 * 24 - 1
    with psycopg.connect(postgres_of(local_home).url) as connection:
        found = connection.execute(
            "select count(*), count(distinct row_id), min(confidence), max(confidence),"
            " avg((p.prediction = case when c.usage < 10 then 'yes' else 'no' end)::int)"
            " from churn_predictions p join churn c using (row_id) where p.seen_at = c.seen_at"
        ).fetchone()
    assert found is not None
    assert found[0] == found[1] == since.rows
    assert 0 < found[2] <= found[3] <= 1
    assert found[4] > 0.95

    # A Python program.
    script = """
import core, pandas, sys
assert "sklearn" not in sys.modules and "pandas" in sys.modules
model = core.load_champion("churn")
print(*model.predict(pandas.DataFrame({"plan": ["pro", "pro"], "usage": [3.0, 17.0]})))
"""
    used = subprocess.run(
        [sys.executable, "-c", script],
        env=clean_environ | environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert used.stdout == "yes no\n", used.stderr

    # With a worker of one's own running, commands bring none.
    with running_worker(local_home, clean_environ | environ) as worker:
        validated = refit("validate", "churn")
        deployed = refit("deploy", "churn")
        checked = read("check", "churn")
        worker.terminate()
        assert worker.wait(timeout=20) == 0
    assert "churn version 1: approved" in validated.stdout
    assert deployed.stdout == "churn version 1 serves production (final fit). It did already.\n"
    assert checked["results"][0]["verdict"] == "insufficient_data"
    assert "No worker is running" not in validated.stderr + deployed.stderr

    # A damaged artifact is noticed before it is used.
    (artifact,) = (local_home / "artifacts").rglob(f"{champion['artifact_hash']}.skops")
    artifact.write_bytes(artifact.read_bytes()[:-1])
    with pytest.raises(ArtifactError, match="is damaged"):
        load_champion("churn", settings=settings)
    findings = json.loads(refit("doctor", "--json", code=1).stdout)["findings"]
    assert [f["area"] for f in findings if f["outcome"] == "fail"] == ["champions"]

    # psql takes our place.
    typed = refit("psql", "-At", "-c", "select count(*) from churn")
    assert typed.stdout == f"{ROWS}\n"
    assert program(("psql", "--", "-c", "select oops"), environ).returncode == 1

    # The servers outlive the commands until they are told to stop.
    assert postgres_of(local_home).is_running
    refit("down")
    assert not postgres_of(local_home).is_running
    assert not valkey_of(local_home).is_running


def test_loading_a_champion_starts_no_server(tmp_path: Path, clean_environ: dict[str, str]) -> None:
    script = "import core; core.load_champion('churn')"
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=clean_environ | {"REFIT_HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
        check=False,
    )

    assert "is not running. `refit up` starts it." in done.stderr
    assert not (tmp_path / "home").exists()


def test_help_loads_no_machine_learning_and_is_quick(clean_environ: dict[str, str]) -> None:
    script = """
import json, sys, time
from core.cli import main
sys.argv = ["refit", "--help"]
try:
    main()
except SystemExit:
    print(json.dumps([time.process_time(), sorted(sys.modules)]), file=sys.stderr)
"""
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=clean_environ,
        capture_output=True,
        text=True,
        check=False,
    )

    seconds, modules = json.loads(done.stderr)
    heavy = {"sklearn", "pandas", "numpy", "pyarrow", "psycopg", "dramatiq", "obstore"}
    assert heavy & set(modules) == set()
    assert seconds < 0.5
    assert "import-csv" in done.stdout


@pytest.mark.parametrize("name", ["load_champion", "__version__"])
def test_core_itself_stays_light(name: str, clean_environ: dict[str, str]) -> None:
    script = f"import core, sys; assert 'core.serving' not in sys.modules; core.{name}"

    assert (
        subprocess.run([sys.executable, "-c", script], env=clean_environ, check=False).returncode
        == 0
    )
