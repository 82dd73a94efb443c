"""The demo on generated posts, fewer than a person sees: walked, asked, and stopped."""

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

import pytest

from core.embedded.postgres import EmbeddedPostgres
from core.embedded.valkey import EmbeddedValkey
from tests.cli.test_up import wait_until_gone
from tests.demo.conftest import free_port

WEEKS, FIRST_TRAINING_WEEKS, WEEKS_UNTIL_CHANGE = 12, 6, 8
NAMES = {"content_performance", "engagement_prediction"}
# What the command runs, with fewer posts.
SHORT = f"""
import sys
from pathlib import Path
from core.demo.command import walk_through
from core.demo.subjects import GeneratedPosts
posts = GeneratedPosts(
    posts_per_day=60, weeks={WEEKS}, first_training_weeks={FIRST_TRAINING_WEEKS},
    weeks_until_change={WEEKS_UNTIL_CHANGE},
)
walk_through(posts, port=int(sys.argv[1]), json_file=Path(sys.argv[2]))
"""


@dataclass(frozen=True, kw_only=True)
class Stayed:
    """A demo that has walked, answered, and been stopped with Ctrl-C."""

    output: str
    figures: dict[str, Any]
    status: dict[str, Any]  # what the printed command answered while it stayed up
    return_code: int
    home: Path


@pytest.fixture(scope="module")
def stayed(memory_folder: Path, demo_environ: dict[str, str]) -> Iterator[Stayed]:
    home, path = memory_folder / "posts home", memory_folder / "posts.json"
    with subprocess.Popen(
        [sys.executable, "-c", SHORT, str(free_port()), str(path)],
        cwd=memory_folder,
        env=demo_environ | {"REFIT_HOME": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        output = ""
        while "Ctrl-C stops everything." not in output:
            line = process.stdout.readline()
            assert line, output
            output += line
        printed = output.partition("Try:\n\n")[2].partition("\n\nCtrl-C")[0]
        asked = subprocess.run(
            ["bash", "-c", f"{printed} --silent --show-error --fail-with-body"],
            capture_output=True,
            text=True,
            check=False,
        )
        process.send_signal(signal.SIGINT)
        output += process.communicate(timeout=60)[0]
    assert asked.returncode == 0, asked.stdout + asked.stderr
    yield Stayed(
        output=output,
        figures=json.loads(path.read_text()),
        status=json.loads(asked.stdout),
        return_code=process.returncode,
        home=home,
    )
    EmbeddedPostgres(home / "postgres").stop()
    EmbeddedValkey(home / "valkey").stop()


def change_at() -> datetime:
    """The Monday on which the audience changes."""
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    monday = today - timedelta(days=today.weekday())
    return monday - timedelta(weeks=WEEKS - WEEKS_UNTIL_CHANGE)


@pytest.mark.parametrize("name", sorted(NAMES))
def test_the_planted_change_is_found_after_it_and_nothing_before(stayed: Stayed, name: str) -> None:
    figures = stayed.figures["model_types"][name]
    degraded = [e["as_of"] for e in figures["events"] if e["verdict"] == "degraded"]

    assert set(stayed.figures["model_types"]) == NAMES
    assert len(figures["events"]) == WEEKS - FIRST_TRAINING_WEEKS
    assert degraded
    first = datetime.fromisoformat(min(degraded))
    assert change_at() < first <= change_at() + timedelta(weeks=1)


def test_refit_is_better_than_never_retraining(stayed: Stayed) -> None:
    found = {name: stayed.figures["model_types"][name]["policies"] for name in NAMES}

    accuracy = {p: found["content_performance"][p]["accuracy"] for p in ("never", "refit")}
    error = {p: found["engagement_prediction"][p]["mae"] for p in ("never", "refit")}
    assert accuracy["refit"] > accuracy["never"]
    assert error["refit"] < error["never"]


def test_the_end_tells_when_the_change_was_found(stayed: Stayed) -> None:
    for name in NAMES:
        assert re.search(
            rf"{name}: the audience changed on {change_at():%Y-%m-%d}; before it no drop was found "
            r"\(.+\)\. On \d{4}-\d\d-\d\d Refit found the drop \(",
            stayed.output,
        )


def test_without_exit_it_stays_up_and_answers(stayed: Stayed) -> None:
    assert {worker["kind"] for worker in stayed.status["workers"]} == {"worker", "scheduler"}
    assert {
        champion["model_type"].partition("_")[0] for champion in stayed.status["champions"]
    } == {"demo"}
    assert len(stayed.status["champions"]) == len(NAMES)


def test_ctrl_c_then_stops_everything(stayed: Stayed) -> None:
    assert stayed.return_code == 0
    assert "Everything has stopped; the data is kept." in stayed.output
    assert EmbeddedPostgres(stayed.home / "postgres").pid is None
    assert EmbeddedValkey(stayed.home / "valkey").pid is None
    wait_until_gone(stayed.home)
