"""The folder of one embedded server: its locks, its password, its port and its log.

Two files are locked with ``flock``. ``start.lock`` is held while somebody starts or stops the
server. ``server.lock`` is inherited by the server and everything that it forks: it is held for
exactly as long as one of those processes lives. So "is it running" is never guessed from a
process id, which may belong to a zombie or, by now, to another program.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from core.embedded.account import Account, popen_arguments

# What a server needs from the environment, and nothing of what else may stand in there: another
# user's server must not carry our keys.
ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}
LOG_LIMIT_BYTES = 10 * 1024 * 1024


def free_port(preferred: int) -> int:
    """A TCP port that is free on 127.0.0.1: the preferred one when it is, else any."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", preferred))
        except OSError:
            probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass(frozen=True, kw_only=True)
class Launch:
    """How a server is started: arguments, working folder, account (None: our own)."""

    argv: Sequence[str | Path]
    cwd: Path
    account: Account | None


class ServerFolder:
    """The files of one server below ``path``."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.log = path / "server.log"
        self._password = path / "password"
        self._port = path / "port"

    @contextmanager
    def starting(self) -> Iterator[None]:
        """Let one process at a time start or stop the server."""
        descriptor = self._open_lock("start.lock")
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def is_held(self) -> bool:
        """Whether a process of the server is alive."""
        if not (self.path / "server.lock").exists():
            return False
        descriptor = self._open_lock("server.lock")
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False

    def spawn(self, launch: Launch) -> None:
        """Start the server in a session of its own, with ``server.lock`` in its hands.

        The shell starts it in the background and ends, so that the server is nobody's child: it
        outlives us, and a Ctrl-C in our terminal does not reach it.
        """
        descriptor = self._open_lock("server.lock")
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            with self._opened_log() as log:
                subprocess.run(
                    ["/bin/sh", "-c", '"$@" &', "sh", *launch.argv],
                    check=True,
                    cwd=launch.cwd,
                    env=ENVIRONMENT,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    pass_fds=(descriptor,),
                    start_new_session=True,
                    umask=0o077,
                    **popen_arguments(launch.account),
                )
        finally:
            os.close(descriptor)

    def run(self, argv: Sequence[str | Path], *, account: Account | None) -> int:
        """Run a tool to its end, its output going to the log; return its exit status."""
        with self._opened_log() as log:
            return subprocess.run(
                argv,
                check=False,
                cwd="/",
                env=ENVIRONMENT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                umask=0o077,
                **popen_arguments(account),
            ).returncode

    @property
    def password(self) -> str:
        """The server's password, random, written on first use to a file only we can read."""
        if not self._password.exists():
            self.write_private("password", secrets.token_urlsafe(24))
        return self._password.read_text()

    @property
    def has_password(self) -> bool:
        """Whether a password was made before."""
        return self._password.exists()

    @property
    def port(self) -> int:
        """The port of the last run; 0 when there was none."""
        try:
            return int(self._port.read_text())
        except (FileNotFoundError, ValueError):
            return 0

    @port.setter
    def port(self, port: int) -> None:
        self.write_private("port", str(port))

    def write_private(self, name: str, text: str) -> Path:
        """Write a file of mode 0600 in one step: it is there whole, or not at all."""
        path, unfinished = self.path / name, self.path / f".{name}.new"
        unfinished.unlink(missing_ok=True)
        descriptor = self._open_private(unfinished, os.O_WRONLY | os.O_EXCL)
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
        unfinished.replace(path)
        return path

    def log_size(self) -> int:
        """Bytes in the log."""
        return self.log.stat().st_size if self.log.exists() else 0

    def log_tail(self, *, since: int = 0, lines: int = 12) -> str:
        """The last lines of the log, of what was written after byte ``since``."""
        if not self.log.exists():
            return ""
        with self.log.open("rb") as file:
            file.seek(max(since, self.log_size() - 16_384))
            text = file.read().decode(errors="replace")
        return "\n".join(text.splitlines()[-lines:])

    def rotate_log(self) -> None:
        """Put a log that has grown large aside; one old one is kept."""
        if self.log_size() > LOG_LIMIT_BYTES:
            self.log.replace(self.log.with_suffix(".log.1"))

    @contextmanager
    def _opened_log(self) -> Iterator[int]:
        descriptor = self._open_private(self.log, os.O_WRONLY | os.O_APPEND)
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def _open_lock(self, name: str) -> int:
        return self._open_private(self.path / name, os.O_RDWR)

    def _open_private(self, path: Path, flags: int) -> int:
        """Open a file, made with mode 0600 where it is missing, for the folder's owner."""
        descriptor = os.open(path, flags | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        if os.geteuid() == 0:
            owner = self.path.stat()
            os.fchown(descriptor, owner.st_uid, owner.st_gid)
        return descriptor
