"""The commands of the README, run as they are written, on a terminal as a person has it."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from core.embedded.stack import stop_stack
from tests.cli.conftest import ROOT, write_churn

Program = Callable[..., "subprocess.CompletedProcess[str]"]


def readme_blocks() -> list[str]:
    """The shell commands below "Your own data", block by block."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    section = re.split(r"^## ", text.partition("## Your own data")[2], flags=re.MULTILINE)[0]
    return re.findall(r"^```sh\n(.+?)^```", section, flags=re.MULTILINE | re.DOTALL)


def run_on_a_terminal(script: str, folder: Path, environ: dict[str, str]) -> tuple[int, str]:
    """The exit status of a shell script, and everything that the terminal showed."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        ["bash", "-e", "-c", script],
        cwd=folder,
        env=environ | {"TERM": "xterm-256color", "COLUMNS": "100", "LINES": "40"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    ) as process:
        os.close(theirs)
        shown = b""
        while True:
            try:
                piece = os.read(ours, 65536)
            except OSError:  # Linux answers EIO once the last process has closed the terminal
                break
            if not piece:
                break
            shown += piece
        os.close(ours)
    return process.returncode, shown.decode(errors="replace").replace("\r\n", "\n")


@pytest.fixture(scope="module")
def readme_home(memory_folder: Path) -> Iterator[Path]:
    home = memory_folder / "readme home"
    yield home
    stop_stack(home)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder as the README means it: `.venv/bin/refit` is there, and one's own churn.csv."""
    program = tmp_path / ".venv" / "bin" / "refit"
    program.parent.mkdir(parents=True)
    program.write_text(
        f"#!/bin/sh\nexec '{sys.executable}' -c 'from core.cli import main; main()' \"$@\"\n"
    )
    program.chmod(0o755)
    file = write_churn(tmp_path / "churn.csv")
    file.write_text(file.read_text().replace("seen at", "happened_at", 1))
    return tmp_path


def test_the_readmes_commands_do_what_it_says(
    checkout: Path, readme_home: Path, clean_environ: dict[str, str], program: Program
) -> None:
    environ = {"REFIT_HOME": str(readme_home), "REFIT_TRAINING_THREADS": "1"}
    three, then = readme_blocks()
    assert [line.split()[1] for line in three.splitlines()] == [
        *("import-csv", "model-types", "retrain")
    ]

    code, shown = run_on_a_terminal(three, checkout, clean_environ | environ)

    assert code == 0, shown
    assert "900 rows in public.churn, by happened_at." in shown
    assert "churn: version 1 was trained and deployed, as the first champion." in shown
    # A bar that was drawn again and again, with what goes on beside it.
    plain = re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", shown)
    bars = re.findall(r"churn +[━╸╺]{10,} +(\w[\w ]*?) +\d:\d\d:\d\d", plain)
    assert len(bars) > 1, shown
    assert bars[-1] == "succeeded"
    assert "\x1b[2K" in shown  # a line that is drawn anew

    later = "".join(line for line in then.splitlines(keepends=True) if "refit up" not in line)
    code, shown = run_on_a_terminal(later, checkout, clean_environ | environ)

    assert code == 0, shown
    status: Any = json.loads(program(("status", "--json"), environ).stdout)
    assert [c["model_type"] for c in status["champions"]] == ["churn"]
