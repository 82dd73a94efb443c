"""What the two embedded servers share: starting once, being found again, stopping."""

from __future__ import annotations

import os
import signal
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import ClassVar

from core.embedded.account import make_folder
from core.embedded.folder import Launch, ServerFolder, free_port
from core.errors import EmbeddedServerError

START_TIMEOUT_S = 120.0  # recovery after a crash replays what was written since the checkpoint
STOP_TIMEOUT_S = 60.0
LAUNCHES = 5
POLL_S = 0.01
# Another program may take the port between our look and the server's bind.
PORT_TAKEN = "Address already in use"


class EmbeddedServer(ABC):
    """A local server below ``home``, shared by all processes that use the same folder.

    Parameters
    ----------
    home
        The server's own folder: data, password, port and log. Made by :meth:`start`.
    """

    name: ClassVar[str]
    stop_signal: ClassVar[signal.Signals]

    def __init__(self, home: Path) -> None:
        self.home = Path(os.path.abspath(home))  # noqa: PTH100 — keeps a link to moved files

    @property
    def folder(self) -> ServerFolder:
        """Where the server's files really are."""
        return ServerFolder(self.home.resolve())

    @property
    def is_running(self) -> bool:
        """Whether the server runs and answers."""
        return self._answering_port(self.folder) is not None

    @property
    def url(self) -> str:
        """The running server's address, password included.

        Raises
        ------
        EmbeddedServerError
            When it does not run.
        """
        port = self._answering_port(self.folder)
        if port is None:
            raise EmbeddedServerError(
                f"{self.name} in {self.home} is not running.",
                hint="`refit up` starts it.",
            )
        return self._address(port, self.folder.password)

    @property
    def pid(self) -> int | None:
        """The process id of the running server."""
        return self._pid(self.folder) if self.is_running else None

    def start(self) -> str:
        """Start the server, or find the one that runs already, and return its address.

        Raises
        ------
        EmbeddedServerError
            When it does not come up; the message says which log to read and its last lines.
        """
        with self._clear_errors("start"):
            self._make_home()
            folder = self.folder
            with folder.starting():
                port = self._running_port(folder)
                return self._address(port, folder.password)

    def stop(self) -> None:
        """Stop the server and wait until its last process has ended; data is kept.

        Raises
        ------
        EmbeddedServerError
            When it is still there after a minute.
        """
        with self._clear_errors("stop"):
            folder = self.folder
            if not folder.path.is_dir():
                return
            with folder.starting():
                deadline = time.monotonic() + STOP_TIMEOUT_S
                asked = False
                while folder.is_held():
                    if time.monotonic() > deadline:
                        raise self._error(folder, f"did not stop within {STOP_TIMEOUT_S:.0f} s")
                    asked = asked or self._ask_to_stop(folder)
                    time.sleep(POLL_S)

    def _running_port(self, folder: ServerFolder) -> int:
        """The port of a server that answers; it is launched when none is there."""
        deadline = time.monotonic() + START_TIMEOUT_S
        launches, log_start = 0, 0
        while (port := self._answering_port(folder)) is None:
            if time.monotonic() > deadline:
                raise self._error(folder, f"did not answer within {START_TIMEOUT_S:.0f} s")
            if not folder.is_held():
                taken = PORT_TAKEN in folder.log_tail(since=log_start)
                if launches and (launches == LAUNCHES or not taken):
                    raise self._error(folder, "did not start", since=log_start)
                folder.rotate_log()
                folder.port = free_port(folder.port)
                launch = self._prepare(folder)
                log_start = folder.log_size()
                folder.spawn(launch)
                launches += 1
            time.sleep(POLL_S)
        return port

    def _answering_port(self, folder: ServerFolder) -> int | None:
        """The port of this folder's server, None unless it answers now."""
        pid = self._pid(folder)
        # Only our own server is asked: the port of a dead one may be a stranger's by now, who
        # shall not be told the password. The lock alone may, for a moment, be held by what a
        # killed server forked; the id alone may be another program's.
        if pid is None or not folder.is_held() or not is_alive(pid):
            return None
        return self._ready_port(folder)

    def _ask_to_stop(self, folder: ServerFolder) -> bool:
        """Send the stop signal; False while a server that just starts has no id yet."""
        pid = self._pid(folder)
        if pid is None:
            return False
        # When it was killed a moment ago, what it forked is about to notice; the caller waits.
        with suppress(ProcessLookupError):
            os.kill(pid, self.stop_signal)
        return True

    def _make_home(self) -> None:
        """Make the folder of the server's files."""
        make_folder(self.home, mode=0o700)

    @abstractmethod
    def _prepare(self, folder: ServerFolder) -> Launch:
        """Bring the folder into the state from which the server can start, and say how."""

    @abstractmethod
    def _ready_port(self, folder: ServerFolder) -> int | None:
        """The port of this folder's server, which is alive; None unless it is ready."""

    @abstractmethod
    def _pid(self, folder: ServerFolder) -> int | None:
        """The process id of this folder's server."""

    @abstractmethod
    def _address(self, port: int, password: str) -> str:
        """The address for clients."""

    def _error(self, folder: ServerFolder, what: str, *, since: int = 0) -> EmbeddedServerError:
        tail = folder.log_tail(since=since)
        return EmbeddedServerError(
            f"{self.name} in {self.home} {what}. Its log is {folder.log}"
            + (f", which ends:\n{tail}" if tail else " (empty)."),
        )

    @contextmanager
    def _clear_errors(self, verb: str) -> Iterator[None]:
        try:
            yield
        except PermissionError as exc:
            raise EmbeddedServerError(
                f"{self.name} in {self.home} cannot be used: no permission for {exc.filename}.",
                hint="The folder belongs to another user; set REFIT_HOME to one of yours.",
            ) from exc
        except OSError as exc:
            raise EmbeddedServerError(
                f"Could not {verb} {self.name} in {self.home}: {exc}."
            ) from exc


def is_alive(pid: int) -> bool:
    """Whether there is such a process, be it a zombie."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
