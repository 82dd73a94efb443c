"""Is anybody working? With the embedded servers a command brings a worker of its own."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from core.cli.callback_settings import callback_environ
from core.cli.output import note
from core.cli.session import Session
from core.process_name import is_gone

if TYPE_CHECKING:
    from core.embedded.child import ChildSpec

LOG_NAME = "worker.log"


def worker_spec(session: Session) -> ChildSpec:
    """The worker as a child process."""
    from core.embedded.child import ChildSpec

    return ChildSpec(
        name="worker",
        argv=[sys.executable, "-m", "core.worker"],
        environ={**session.environ, **callback_environ(session)},
    )


def is_seen(status: dict[str, Any], kind: str = "worker") -> bool:
    """Whether a worker (or scheduler) was seen lately and is not known to be gone.

    Parameters
    ----------
    status : dict
        What ``get_status`` gives; it holds those that are present.
    kind : str
        ``worker`` or ``scheduler``.
    """
    return any(w["kind"] == kind and not is_gone(w["id"]) for w in status["workers"])


@contextmanager
def somebody_working(session: Session) -> Iterator[bool]:
    """With our own servers and nobody at work, run a worker until the block ends; whether so."""
    if not session.is_embedded or is_seen(session.store.get_status()):
        yield False
        return
    from core.embedded.supervisor import Supervisor

    path = session.home / LOG_NAME
    note(f"No worker is running: one works for this command. Its log: {path}")
    with (
        open(path, "a", encoding="utf-8", opener=_private) as log,
        Supervisor([worker_spec(session)], log),
    ):
        yield True


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
