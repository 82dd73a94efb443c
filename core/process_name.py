"""A name for one process among all workers and schedulers."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from uuid import uuid4


def process_name() -> str:
    """A name that no other process has, in which a person can see where it runs."""
    return f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:8]}"


def is_here(name: str) -> bool:
    """Whether a process runs on this machine.

    >>> is_here(process_name()), is_here("elsewhere:1:0a1b2c3d")
    (True, False)
    """
    return name.partition(":")[0] == socket.gethostname() and not is_gone(name)


def is_gone(name: str) -> bool:
    """Whether a process of this machine has ended; of other machines nobody here knows.

    >>> is_gone(process_name())
    False
    """
    host, _, rest = name.partition(":")
    pid, _, _ = rest.partition(":")
    if host != socket.gethostname() or not pid.isdecimal():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return _is_zombie(int(pid))


def _is_zombie(pid: int) -> bool:
    """Whether a process has ended and waits for its parent to notice; Linux alone tells."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    # The state follows the command's name, which is in parentheses and may hold some itself.
    return status.rpartition(")")[2].split()[0] == "Z"
