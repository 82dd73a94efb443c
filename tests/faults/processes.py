"""What runs below a process, and seeing that it is gone."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path


def descendants(pid: int) -> set[int]:
    """The processes that a process started, and that those started."""
    parents = {child: parent for child, parent, _ in _processes()}
    found: set[int] = set()
    layer = {pid}
    while layer:
        layer = {child for child, parent in parents.items() if parent in layer} - found
        found |= layer
    return found


def wait_until_gone(pids: Iterable[int], *, within: float) -> None:
    """See them end; a zombie has ended."""
    deadline = time.monotonic() + within
    wanted = set(pids)
    while left := wanted & {pid for pid, _, state in _processes() if state != "Z"}:
        assert time.monotonic() < deadline, f"still running: {left}"
        time.sleep(0.02)


def _processes() -> list[tuple[int, int, str]]:
    """Each process's id, its parent's, and its state."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent, *_ = stat.read_text(errors="replace").rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        found.append((int(stat.parent.name), int(parent), state))
    return found
