"""One supervised child process, and the log that all of them share."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, TextIO, cast

from core.embedded.guardian import Guardian, kill_group

LINE_LIMIT_BYTES = 64 * 1024
POLL_S = 0.02


@dataclass(frozen=True, kw_only=True)
class ChildSpec:
    """What to run: a name for the log, an argument list, and variables beside our own."""

    name: str
    argv: Sequence[str]
    environ: Mapping[str, str]


class SharedLog:
    """Whole lines from several writers, each with the time and the writer's name."""

    def __init__(self, log: TextIO, names: Sequence[str]) -> None:
        self._log = log
        self._width = max(map(len, names))
        self._lock = threading.Lock()

    def write(self, name: str, line: str) -> None:
        """Add one line; a log that is gone (a closed terminal) must not stop anybody."""
        text = f"{time.strftime('%H:%M:%S')} {name:<{self._width}} | {line}\n"
        with self._lock, suppress(OSError, ValueError):
            self._log.write(text)
            self._log.flush()


class Child:
    """A child in a process group of its own, with its output going to the shared log."""

    def __init__(self, spec: ChildSpec, log: SharedLog, guardian: Guardian) -> None:
        self.spec = spec
        self.started_at = time.monotonic()
        self._guardian = guardian
        self._process = subprocess.Popen(
            spec.argv,
            # Python holds back what it prints to a pipe; a log is read while it is written.
            env={**os.environ, "PYTHONUNBUFFERED": "1", **spec.environ},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            # The terminal's Ctrl-C is for the supervisor, who stops the children in order.
            start_new_session=True,
        )
        guardian.watch(self.pid)
        output = cast("IO[bytes]", self._process.stdout)
        self._reader = threading.Thread(
            target=copy_lines, args=(output, spec.name, log), daemon=True
        )
        self._reader.start()

    @property
    def pid(self) -> int:
        """The process id, which is the group's too."""
        return self._process.pid

    def ended(self) -> int | None:
        """The exit status once the process has ended, negative for a signal; else None.

        What the process forked ends with it: it would keep ports from the next one.
        """
        status = self._process.poll()
        if status is not None:
            kill_group(self.pid)
            self._guardian.forget(self.pid)
            self._reader.join(timeout=2)
        return status

    def stop(self, *, timeout_s: float, hurry: Callable[[], bool]) -> int:
        """Ask the process to end, kill its group when it does not in time; its exit status.

        Parameters
        ----------
        timeout_s
            Seconds that it may take.
        hurry
            Asked all the while; True kills at once.
        """
        with suppress(ProcessLookupError):
            # The leader alone is asked: only it knows what its own children may finish.
            self._process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + timeout_s
        while (status := self.ended()) is None:
            if time.monotonic() > deadline or hurry():
                kill_group(self.pid)
                self._process.wait()
            else:
                time.sleep(POLL_S)
        return status


def copy_lines(stream: IO[bytes], name: str, log: SharedLog) -> None:
    """Copy a child's output to the log, line by line, until the child closes it."""
    with stream:
        while line := stream.readline(LINE_LIMIT_BYTES):
            log.write(name, line.decode(errors="replace").rstrip("\r\n"))


def describe_status(status: int) -> str:
    """An exit status of :class:`subprocess.Popen` in words.

    Examples
    --------
    >>> describe_status(3)
    'ended with exit status 3'
    >>> describe_status(-9)
    'was killed by SIGKILL'
    """
    if status >= 0:
        return f"ended with exit status {status}"
    try:
        return f"was killed by {signal.Signals(-status).name}"
    except ValueError:  # a real-time signal has no name
        return f"was killed by signal {-status}"
