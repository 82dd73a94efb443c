"""Ends process groups when the process that watches over them is gone, however it went.

A guardian is one small process that reads group ids from a pipe. When the writing end closes,
which the kernel does for a process killed with -9 too, it kills the groups that it still knows.
Unlike Linux's parent-death signal this reaches what the children forked, and works on macOS.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from typing import IO, cast


class Guardian:
    """A guardian process for this process's groups."""

    def __init__(self) -> None:
        self._groups: set[int] = set()
        self._process: subprocess.Popen[bytes] | None = None

    def watch(self, group: int) -> None:
        """Kill this group when we are gone."""
        self._groups.add(group)
        self._tell(f"+{group}")

    def forget(self, group: int) -> None:
        """Leave this group alone from now on."""
        self._groups.discard(group)
        self._tell(f"-{group}")

    def close(self) -> None:
        """End the guardian process; groups that are watched still are killed."""
        if self._process:
            cast("IO[bytes]", self._process.stdin).close()
            self._process.wait()
        self._process = None
        self._groups.clear()

    def _tell(self, line: str) -> None:
        if self._process is None:
            self._process = start_guard()
        try:
            write_line(self._process, line)
        except BrokenPipeError:
            # Somebody killed the guardian process: a new one takes over.
            cast("IO[bytes]", self._process.stdin).close()
            self._process.wait()
            self._process = start_guard()
            for group in self._groups:
                write_line(self._process, f"+{group}")


def start_guard() -> subprocess.Popen[bytes]:
    """Start the process that runs :func:`guard` on what is written to it."""
    return subprocess.Popen(
        [sys.executable, "-I", "-S", __file__],
        bufsize=0,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
        start_new_session=True,
    )


def write_line(guard_process: subprocess.Popen[bytes], line: str) -> None:
    """Write a line to the guardian process."""
    cast("IO[bytes]", guard_process.stdin).write(f"{line}\n".encode())


def kill_group(group: int) -> None:
    """Kill what is left of a process group."""
    # macOS answers EPERM when only zombies are left.
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)


def guard(lines: IO[str]) -> None:
    """Follow ``+group`` and ``-group`` lines to their end, then kill what remains."""
    groups: set[int] = set()
    for line in lines:
        group = int(line[1:])
        if line.startswith("+"):
            groups.add(group)
        else:
            groups.discard(group)
    for group in groups:
        kill_group(group)


if __name__ == "__main__":
    guard(sys.stdin)
