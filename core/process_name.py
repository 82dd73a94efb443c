"""A name for one process among all workers and schedulers."""

from __future__ import annotations

import os
import socket
from uuid import uuid4


def process_name() -> str:
    """A name that no other process has, in which a person can see where it runs."""
    return f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:8]}"


def is_gone(name: str) -> bool:
    """Whether a process of this machine has ended; of other machines nobody here knows."""
    host, pid, _ = name.rsplit(":", 2)
    if host != socket.gethostname():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
