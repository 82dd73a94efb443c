"""What collecting the tests must not do."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def test_collecting_the_doctests_leaves_signals_as_they_are() -> None:
    script = """
import signal, sys, pytest
before = [signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)]
pytest.main(["--collect-only", "-q", "core/worker"])
sys.exit(before != [signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)])
"""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "core/worker" in done.stdout
