"""The running system that a walk uses: supervised children, their log in a file."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from threading import Event, Thread
from typing import Self

from core.cli.running_system import child_specs
from core.cli.session import Session
from core.embedded.supervisor import Supervisor

HOST = "127.0.0.1"
_LOG_NAME = "demo.log"
# The walk waits for each answer, and the queue is on this machine: asking it often costs nothing.
_WORKER_POLL_MS = "100"
# A walk over years of data asks as fast as it is answered.
_NO_LIMIT = {
    "REFIT_RATE_LIMIT_READS": "1000000/second",
    "REFIT_RATE_LIMIT_WORK": "1000000/second",
}
_LOOK_S = 0.1


class System:
    """Functions, scheduler and worker, started again when one dies.

    A context manager: they run from its beginning to its end.
    """

    def __init__(self, session: Session, port: int) -> None:
        environ = {"REFIT_WORKER_POLL_MS": _WORKER_POLL_MS, **_NO_LIMIT} | dict(session.environ)
        specs = child_specs(replace(session, environ=environ), HOST, port)
        self.log_path: Path = session.home / _LOG_NAME
        self._log = open(self.log_path, "w", encoding="utf-8", opener=_private)  # noqa: SIM115 — closed at the end
        self._supervisor = Supervisor(specs, self._log)
        self._halted = Event()
        self._looker = Thread(target=self._look_after, name="supervisor", daemon=True)

    def __enter__(self) -> Self:
        self._supervisor.start()
        self._looker.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._halt()
        self._supervisor.stop()
        self._log.close()

    def stay(self) -> None:
        """Run on until Ctrl-C, SIGTERM or SIGHUP."""
        self._halt()
        self._supervisor.run_until_stopped()

    def _look_after(self) -> None:
        while not self._halted.wait(_LOOK_S):
            self._supervisor.look_after()

    def _halt(self) -> None:
        self._halted.set()
        self._looker.join()


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
