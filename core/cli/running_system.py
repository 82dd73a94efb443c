"""The whole system here: functions, scheduler and worker as child processes, under one address."""

from __future__ import annotations

import socket
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from core.cli.callback_settings import callback_environ
from core.cli.home_secrets import session_environ
from core.cli.request_limits import limit_environ
from core.cli.session import ROOT, Session
from core.cli.workers import is_seen, worker_spec
from core.errors import ConfigurationError, Conflict, InvalidRequest

if TYPE_CHECKING:
    from core.embedded.child import ChildSpec

_ANY_ADDRESS = {"0.0.0.0", "::"}  # noqa: S104 — recognised, not chosen
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}


def usable_port(host: str, port: int) -> int:
    """The port, when the functions can have it.

    Raises
    ------
    InvalidRequest
        It is none, or taken.
    """
    if not 1 <= port <= 65535:
        raise InvalidRequest(
            f"Port {port} is none to listen on.", hint="Name one of 1 to 65535 with --port."
        )
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as exc:
            raise InvalidRequest(
                f"The functions cannot listen on {host}, port {port}: {exc.strerror or exc}.",
                hint=f"Choose another port, e.g. --port {port % 65535 + 1}, or another --host.",
            ) from exc
    return port


def refuse_old_database(session: Session) -> None:
    """A database that is not our own must have every migration; ours was brought up to date.

    Raises
    ------
    ConfigurationError
        It lacks some.
    """
    from core.database.migrations import pending_migrations

    if session.is_embedded:
        return
    pending = pending_migrations(session.settings.require_database_url())
    if pending:
        raise ConfigurationError(
            f"The database lacks {len(pending)} migrations.", hint="Apply them: refit migrate."
        )


def refuse_second(session: Session) -> None:
    """Whoever stops first would stop our own servers for the other, too.

    Raises
    ------
    Conflict
        Refit is up on the servers of this home already.
    """
    if session.is_embedded and is_seen(session.store.get_status(), "scheduler"):
        raise Conflict(
            f"Refit is up already in {session.home}.",
            hint="Use that one, or stop it with Ctrl-C, or set another REFIT_HOME.",
        )


def child_specs(session: Session, host: str, port: int) -> list[ChildSpec]:
    """Functions first: nothing new comes in while the others stop."""
    from core.embedded.child import ChildSpec

    environ = {
        **_dashboard_environ(session, host, port),
        **session.environ,
        **callback_environ(session),
    }
    functions = [
        *(sys.executable, "-m", "functions_framework", "--source", f"{ROOT}/functions/main.py"),
        *("--target", "main", "--host", host, "--port", str(port)),
    ]
    scheduler = [sys.executable, "-c", "from core.cli import main; main()", "scheduler"]
    return [
        ChildSpec(
            name="functions",
            argv=functions,
            environ={
                **limit_environ(session.settings),
                **session_environ(session.settings, session.home),
                **environ,
            },
        ),
        ChildSpec(name="scheduler", argv=scheduler, environ=environ),
        replace(worker_spec(session), environ=environ),
    ]


def _dashboard_environ(session: Session, host: str, port: int) -> dict[str, str]:
    """Where messages link to, where the operator has not said it."""
    return {} if session.settings.dashboard_url else {"DASHBOARD_URL": base_url(host, port)}


def base_url(host: str, port: int) -> str:
    """The functions' address as somebody on this machine writes it.

    >>> base_url("0.0.0.0", 3000)
    'http://localhost:3000'
    """
    if host in _LOOPBACK | _ANY_ADDRESS:
        host = "localhost"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def local_url(host: str, port: int) -> str:
    """The functions' address for a program on this machine.

    >>> local_url("0.0.0.0", 3000), local_url("::1", 3000)
    ('http://127.0.0.1:3000', 'http://[::1]:3000')
    """
    target = _reachable(host)
    return f"http://[{target}]:{port}" if ":" in target else f"http://{target}:{port}"


def _reachable(host: str) -> str:
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 — see above


def answers(host: str, port: int) -> bool:
    """Whether somebody listens there."""
    try:
        with socket.create_connection((_reachable(host), port), timeout=1):
            return True
    except OSError:
        return False
