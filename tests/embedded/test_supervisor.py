"""Supervised children: one log, one Ctrl-C, up again when one dies, none left behind."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from core.embedded.supervisor import ChildSpec, Supervisor
from core.errors import EmbeddedServerError

RunPython = Callable[[str, Sequence[object]], subprocess.Popen[str]]
Eventually = Callable[[Callable[[], object]], None]
IsAlive = Callable[[int], bool]

SUPERVISE = """
import json, sys
from core.embedded.supervisor import ChildSpec, Supervisor
children, options, log = json.loads(sys.argv[1]), json.loads(sys.argv[2]), open(sys.argv[3], "w")
Supervisor([ChildSpec(**child) for child in children], log, **options).run_until_stopped()
"""
PATIENT = """
import os, signal, sys, time
signal.signal(signal.SIGINT, lambda *_: print("interrupted"))
signal.signal(signal.SIGTERM, lambda *_: (print("asked to end"), sys.exit(0)))
print("pid", os.getpid())
while True:
    time.sleep(0.05)
"""
STUBBORN = """
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("pid", os.getpid())
while True:
    time.sleep(0.05)
"""
FORKING = """
import subprocess, time
child = subprocess.Popen(["sleep", "60"])
print("pid", child.pid)
time.sleep(60)
"""


@dataclass
class Supervised:
    """A supervisor in a process of its own."""

    process: subprocess.Popen[str]
    log: Path

    def text(self) -> str:
        return self.log.read_text() if self.log.exists() else ""

    def pids(self, name: str) -> list[int]:
        """The ids that a child printed, one for each of its lives."""
        return [int(pid) for pid in re.findall(rf" {name} +\| pid (\d+)\n", self.text())]

    def own_lines(self) -> list[str]:
        return re.findall(r" refit +\| (.*)", self.text())


Supervise = Callable[..., Supervised]


@pytest.fixture
def supervise(run_python: RunPython, tmp_path: Path) -> Iterator[Supervise]:
    """Start a supervisor over Python programs, given by name."""
    started: list[subprocess.Popen[str]] = []

    def start(programs: Mapping[str, str], **options: object) -> Supervised:
        children = [
            {"name": name, "argv": [sys.executable, "-c", code], "environ": {}}
            for name, code in programs.items()
        ]
        log = tmp_path / "log"
        arguments = [json.dumps(children), json.dumps(options), log]
        started.append(run_python(SUPERVISE, arguments))
        return Supervised(started[-1], log)

    yield start
    for process in started:
        process.kill()
        process.communicate(timeout=10)


def python(name: str, code: str, **environ: str) -> ChildSpec:
    return ChildSpec(name=name, argv=[sys.executable, "-c", code], environ=environ)


def test_every_line_carries_the_time_and_the_aligned_name(eventually: Eventually) -> None:
    log = io.StringIO()
    children = [
        python("functions", "import sys, time; print('out', file=sys.stderr); time.sleep(60)"),
        python("worker", "import os, time; print('a\\nb', os.environ['X']); time.sleep(60)", X="ä"),
    ]
    with Supervisor(children, log):
        eventually(lambda: log.getvalue().count("\n") >= 3)
        lines = log.getvalue().splitlines()
    assert {re.sub(r"^\d\d:\d\d:\d\d ", "", line) for line in lines} == {
        "functions | out",
        "worker    | a",
        "worker    | b ä",
    }
    assert all(re.match(r"\d\d:\d\d:\d\d ", line) for line in lines)


def test_a_log_that_is_gone_stops_nobody(eventually: Eventually, tmp_path: Path) -> None:
    reached = tmp_path / "reached"
    code = (
        f"print('x' * 1_000_000); open({str(reached)!r}, 'w').close(); import time; time.sleep(60)"
    )
    log = (tmp_path / "log").open("w")
    log.close()
    with Supervisor([python("worker", code)], log):
        eventually(reached.exists)


def test_a_child_that_dies_is_restarted_with_a_message(
    supervise: Supervise, eventually: Eventually
) -> None:
    supervised = supervise({"scheduler": PATIENT, "worker": PATIENT}, restart_delays_s=[0.1, 1])
    eventually(lambda: supervised.pids("worker") and supervised.pids("scheduler"))
    os.kill(supervised.pids("worker")[0], signal.SIGKILL)
    eventually(lambda: len(supervised.pids("worker")) == 2)
    assert supervised.own_lines() == ["worker was killed by SIGKILL; starting it again in 0.1 s"]
    assert len(supervised.pids("scheduler")) == 1, "the others are left alone"


def test_restarts_wait_longer_each_time_up_to_a_limit(
    supervise: Supervise, eventually: Eventually
) -> None:
    supervised = supervise({"worker": "raise SystemExit(3)"}, restart_delays_s=[0.05, 0.2])
    eventually(lambda: len(supervised.own_lines()) >= 4)
    assert supervised.own_lines()[:4] == [
        f"worker ended with exit status 3; starting it again in {delay} s"
        for delay in ("0.05", "0.1", "0.2", "0.2")
    ]


def test_after_a_settled_life_the_wait_is_short_again(
    supervise: Supervise, eventually: Eventually
) -> None:
    supervised = supervise(
        {"worker": "import time; time.sleep(0.3)"},
        restart_delays_s=[0.05, 5],
        settled_after_s=0.2,
    )
    eventually(lambda: len(supervised.own_lines()) >= 3)
    assert {line.rpartition(" in ")[2] for line in supervised.own_lines()} == {"0.05 s"}


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_all_in_order(
    supervise: Supervise, eventually: Eventually, is_alive: IsAlive, signal_number: int
) -> None:
    names = ["functions", "scheduler", "worker"]
    supervised = supervise(dict.fromkeys(names, PATIENT))
    eventually(lambda: all(supervised.pids(name) for name in names))
    # As the terminal does it: to the whole group, of which the children must be no part.
    os.killpg(supervised.process.pid, signal_number)
    assert supervised.process.wait(timeout=10) == 0
    said = [re.sub(r"^\S+ (\w+) +\| ", r"\1: ", line) for line in supervised.text().splitlines()]
    assert said[3:] == [
        line
        for name in names
        for line in (
            f"refit: stopping {name}",
            f"{name}: asked to end",
            f"refit: {name} ended with exit status 0",
        )
    ]
    assert not any(is_alive(supervised.pids(name)[0]) for name in names)


def test_a_child_that_does_not_end_in_time_is_killed(
    supervise: Supervise, eventually: Eventually
) -> None:
    supervised = supervise({"worker": STUBBORN}, stop_timeout_s=0.3)
    eventually(lambda: supervised.pids("worker"))
    supervised.process.terminate()
    supervised.process.wait(timeout=10)
    assert supervised.own_lines() == ["stopping worker", "worker was killed by SIGKILL"]


def test_a_second_ctrl_c_does_not_wait(supervise: Supervise, eventually: Eventually) -> None:
    supervised = supervise({"worker": STUBBORN}, stop_timeout_s=60)
    eventually(lambda: supervised.pids("worker"))
    supervised.process.send_signal(signal.SIGINT)
    eventually(lambda: supervised.own_lines() == ["stopping worker"])
    supervised.process.send_signal(signal.SIGINT)
    supervised.process.wait(timeout=5)


@pytest.mark.parametrize("ending", ["stop", "death"])
def test_what_a_child_forked_ends_with_it(
    supervise: Supervise, eventually: Eventually, is_alive: IsAlive, ending: str
) -> None:
    code = FORKING if ending == "stop" else FORKING.replace("time.sleep(60)", "time.sleep(0.2)")
    supervised = supervise({"worker": code})
    eventually(lambda: supervised.pids("worker"))
    forked = supervised.pids("worker")[0]
    assert is_alive(forked)
    if ending == "stop":
        supervised.process.terminate()
        supervised.process.wait(timeout=10)
        assert not is_alive(forked)
    else:
        eventually(lambda: not is_alive(forked))


def test_a_supervisor_killed_with_9_leaves_no_process(
    supervise: Supervise, eventually: Eventually, is_alive: IsAlive
) -> None:
    supervised = supervise({"functions": STUBBORN, "worker": FORKING})
    eventually(lambda: supervised.pids("functions") and supervised.pids("worker"))
    left = [supervised.pids("functions")[0], supervised.pids("worker")[0]]
    assert all(map(is_alive, left))
    supervised.process.kill()
    supervised.process.wait(timeout=10)
    eventually(lambda: not any(map(is_alive, left)))


def test_a_child_that_cannot_be_run_is_an_error_and_the_others_are_stopped(
    is_alive: IsAlive,
) -> None:
    log = io.StringIO()
    missing = ChildSpec(name="worker", argv=["/no/such/program"], environ={})
    supervisor = Supervisor([python("functions", "import time; time.sleep(60)"), missing], log)
    with pytest.raises(EmbeddedServerError, match=r"worker could not be run: .*/no/such/program"):
        supervisor.start()
    assert supervisor.pids == {}
    assert "functions was killed by SIGTERM" in log.getvalue()


def test_a_killed_guardian_is_replaced(is_alive: IsAlive, eventually: Eventually) -> None:
    from core.embedded.guardian import Guardian

    sleepers = [subprocess.Popen(["sleep", "60"], start_new_session=True) for _ in range(2)]
    guardian = Guardian()
    guardian.watch(sleepers[0].pid)
    assert guardian._process
    guardian._process.kill()
    guardian._process.wait()
    guardian.watch(sleepers[1].pid)
    guardian.close()
    assert [sleeper.wait(timeout=5) for sleeper in sleepers] == [-signal.SIGKILL] * 2


def test_a_forgotten_group_is_left_alone() -> None:
    from core.embedded.guardian import Guardian

    sleeper = subprocess.Popen(["sleep", "60"], start_new_session=True)
    guardian = Guardian()
    guardian.watch(sleeper.pid)
    guardian.forget(sleeper.pid)
    guardian.close()
    time.sleep(0.1)
    assert sleeper.poll() is None
    sleeper.kill()
    sleeper.wait()
