"""The whole demo on a small data set: killed in the middle, then run to its end."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from core.embedded.postgres import EmbeddedPostgres
from core.embedded.valkey import EmbeddedValkey
from tests.demo.conftest import CHANGE_AT_ROW, ROWS, RunDemo, kill_servers

START_SHARE = 0.4
STEP = timedelta(days=14)
HOUR = timedelta(hours=1)
FIRST_ROW = datetime(2000, 1, 1, tzinfo=UTC)
CHANGE_AT = FIRST_ROW + CHANGE_AT_ROW * HOUR
TRAINED_ROWS = int(START_SHARE * ROWS)


@dataclass(frozen=True, kw_only=True)
class Walked:
    """What a run left behind."""

    output: str
    figures: dict[str, Any]
    database: psycopg.Connection


@pytest.fixture(scope="module")
def arguments(changing_csv: Path) -> list[object]:
    return [
        *("--data", changing_csv, "--target", "Answer?", "--every", "1h"),
        *("--step", "14d", "--start", START_SHARE, "--exit"),
    ]


@pytest.fixture(scope="module")
def walked(
    start_demo: RunDemo, arguments: list[object], demo_home: Path, tmp_path_factory: Any
) -> Iterator[Walked]:
    """The second run on a home; everything of the first was killed with -9 in the middle."""
    with start_demo(*arguments) as killed:
        assert killed.stdout is not None
        while not (line := killed.stdout.readline()).startswith("1 |"):
            assert line, "it ended before its second step"
        killed.kill()
        kill_servers(demo_home)
    path = tmp_path_factory.mktemp("figures") / "out.json"
    with start_demo(*arguments, "--json", path) as process:
        output, _ = process.communicate(timeout=120)
    assert process.returncode == 0, output
    postgres = EmbeddedPostgres(demo_home / "postgres")
    assert postgres.pid is None
    assert EmbeddedValkey(demo_home / "valkey").pid is None
    with psycopg.connect(postgres.start(), autocommit=True) as database:
        yield Walked(output=output, figures=json.loads(path.read_text()), database=database)
    postgres.stop()


def test_figures_have_the_shape_that_is_promised(walked: Walked) -> None:
    figures = walked.figures
    steps = -(-(ROWS - TRAINED_ROWS) * HOUR // STEP)

    assert list(figures) == ["rows", "steps", "policies", "events"]
    assert figures["rows"] == ROWS
    assert figures["steps"] == steps == len(figures["events"])
    assert list(figures["policies"]) == ["never", "refit", "every_step"]
    for policy in figures["policies"].values():
        assert list(policy) == ["accuracy", "retrainings"]
    for event in figures["events"]:
        assert list(event) == [
            *("as_of", "verdict", "baseline", "current", "action", "model_version")
        ]
    first = FIRST_ROW + (TRAINED_ROWS - 1) * HOUR
    moments = [datetime.fromisoformat(event["as_of"]) for event in figures["events"]]
    assert moments == [first + number * STEP for number in range(steps)]


def test_figures_are_those_of_the_stored_predictions(walked: Walked) -> None:
    stored = walked.database.execute(
        """
        select policy, count(*), count(distinct row_key), avg((actual = prediction)::int)
        from demo_2_changing_world_predictions group by policy
        """
    ).fetchall()

    assert {row[0] for row in stored} == set(walked.figures["policies"])
    for policy, rows, keys, accuracy in stored:
        assert rows == keys == ROWS - TRAINED_ROWS
        assert walked.figures["policies"][policy]["accuracy"] == pytest.approx(float(accuracy))


def test_each_row_is_predicted_by_the_model_that_served_at_its_time(walked: Walked) -> None:
    wrong = walked.database.execute(
        """
        select count(*) from demo_2_changing_world_predictions p
        where policy = 'refit' and not exists (
            select from ml_model_deployments d
            where d.model_type = 'demo_2_changing_world' and d.model_id = p.model_id
                and d.valid_from < p.row_time
                and (d.valid_until is null or p.row_time <= d.valid_until)
        )
        """
    ).fetchone()
    assert wrong == (0,)


def test_the_change_is_found_and_nothing_before_it(walked: Walked) -> None:
    degraded = [e["as_of"] for e in walked.figures["events"] if e["verdict"] == "degraded"]

    assert degraded
    assert datetime.fromisoformat(min(degraded)) > CHANGE_AT


def test_a_challenger_is_deployed_and_refit_recovers(walked: Walked) -> None:
    deployed = [e for e in walked.figures["events"] if e["action"] == "deployed"]
    newest: dict[str, float] = dict(
        walked.database.execute(
            """
            select policy, avg((actual = prediction)::int)::float
            from demo_2_changing_world_predictions
            where row_time > %s group by policy
            """,
            [walked.figures["events"][-1]["as_of"]],
        ).fetchall()
    )

    assert [deployed[0]["verdict"], deployed[0]["model_version"]] == ["insufficient_data", 1]
    assert deployed[-1]["model_version"] > 1
    assert newest["refit"] > newest["never"] + 0.2


def test_rejected_challengers_count_as_retrainings_and_the_first_training_does_not(
    walked: Walked,
) -> None:
    policies, steps = walked.figures["policies"], walked.figures["steps"]
    jobs = walked.database.execute(
        """
        select count(*) from ml_training_jobs
        where model_type = 'demo_2_changing_world' and status <> 'skipped'
        """
    ).fetchone()

    assert policies["never"]["retrainings"] == 0
    assert policies["every_step"]["retrainings"] == steps - 1
    assert jobs == (policies["refit"]["retrainings"] + 1,)


def test_checks_and_trainings_went_through_the_functions_and_the_worker(walked: Walked) -> None:
    by = walked.database.execute(
        """
        select distinct requested_by ->> 'kind' from ml_operations
        where parameters -> 'model_types' ? 'demo_2_changing_world'
        union select requested_by ->> 'kind' from ml_training_jobs
        where model_type = 'demo_2_changing_world'
        """
    ).fetchall()
    assert by == [("key",)]


def test_the_killed_run_is_retired_and_its_history_kept(walked: Walked) -> None:
    types = walked.database.execute(
        "select name, enabled, replay from ml_model_types order by name"
    ).fetchall()
    jobs = walked.database.execute(
        "select distinct status::text from ml_training_jobs where model_type like 'demo_1_%'"
    ).fetchall()
    schedules = walked.database.execute("select count(*) from ml_retraining_schedules").fetchone()

    assert types == [("demo_1_changing_world", False, True), ("demo_2_changing_world", True, True)]
    assert {status for (status,) in jobs} <= {"succeeded", "cancelled"}
    assert schedules == (0,)


def test_predictions_are_shown_to_nobody_by_the_data_api(walked: Walked) -> None:
    protected = walked.database.execute(
        "select relrowsecurity from pg_class where relname = 'demo_2_changing_world_predictions'"
    ).fetchone()
    assert protected == (True,)


def test_without_a_terminal_each_step_is_a_line(walked: Walked) -> None:
    lines = [line for line in walked.output.splitlines() if re.match(r"\s*\d+ \|", line)]

    assert len(lines) == walked.figures["steps"]
    assert "first training → version 1 deployed" in lines[0]
    assert all(re.search(r"\| \d+:\d\d left$", line) for line in lines)
    assert "\x1b" not in walked.output


def test_the_policies_are_shown_side_by_side_at_the_end(walked: Walked) -> None:
    policies = walked.figures["policies"]
    accuracies = [f"{policy['accuracy']:.4g}" for policy in policies.values()]
    retrainings = [str(policy["retrainings"]) for policy in policies.values()]
    rows = [line.split() for line in walked.output.splitlines()]

    assert ["accuracy", *accuracies] in rows
    assert ["retrainings", *retrainings] in rows


def test_a_training_that_fails_ends_the_demo_with_its_reason_in_one_line(
    start_demo: RunDemo, changing_csv: Path, walked: Walked
) -> None:
    with start_demo(
        *("--data", changing_csv, "--target", "Answer?", "--every", "1h", "--start", 0.01)
    ) as process:
        output, _ = process.communicate(timeout=60)

    errors = [line for line in output.splitlines() if line.startswith("error: ")]
    assert process.returncode == 1
    assert len(errors) == 1
    assert "The training of demo_3_changing_world failed: " in errors[0]
    assert "Traceback" not in output


def test_without_exit_it_stays_up_with_a_link_to_its_dashboard(
    start_demo: RunDemo,
    changing_csv: Path,
    demo_home: Path,
    demo_environ: dict[str, str],
    walked: Walked,
) -> None:
    with start_demo(
        *("--data", changing_csv, "--target", "Answer?", "--every", "1h"),
        *("--step", "70d", "--start", START_SHARE),
    ) as process:
        assert process.stdout is not None
        output = ""
        while "Ctrl-C stops everything" not in output:
            line = process.stdout.readline()
            assert line, output
            output += line
        printed = re.search(r"http://localhost:\d+/ml-training/sign-in/link\?token=\S+", output)
        assert printed
        another = subprocess.run(
            [sys.executable, "-c", "from core.cli import main; main()", "dashboard", "--print"],
            env=demo_environ | {"REFIT_HOME": str(demo_home)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for link in (printed[0], another):
            with httpx.Client(follow_redirects=True, timeout=30) as browser:
                page = browser.get(link)
            assert page.url.path == "/en/ml-training"
            assert "changing_world" in page.text
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=40)

    # As after any Ctrl-C of a program.
    assert process.returncode in {0, 130}
