"""`refit up`: the whole system here, until Ctrl-C."""

from __future__ import annotations

import socket
import sys
import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from core.cli.output import note, say
from core.cli.session import ROOT, Session, open_session
from core.errors import ConfigurationError, InvalidRequest

if TYPE_CHECKING:
    from core.embedded.child import ChildSpec
    from core.embedded.supervisor import Supervisor

_READY_TIMEOUT_S = 60.0
_SPEC_TYPES = ("content_performance", "engagement_prediction")
_ANY_ADDRESS = {"0.0.0.0", "::"}  # noqa: S104 — recognised, not chosen
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("up")(up)


def up(
    host: Annotated[str, typer.Option("--host", help="Address of the functions.")] = "127.0.0.1",
    port: Annotated[
        int | None, typer.Option("--port", help="Port of the functions; default: PORT.")
    ] = None,
    example: Annotated[
        bool,
        typer.Option("--example/--no-example", help="Generated posts, when there is nothing yet."),
    ] = True,
) -> None:
    """Start database, queue, functions, worker and scheduler here; Ctrl-C stops them."""
    from core.embedded.stack import stop_stack
    from core.embedded.supervisor import Supervisor

    with open_session() as session:
        chosen = _usable_port(host, session.settings.port if port is None else port)
        commands = _commands(session, host, chosen, example=example)
        children = _children(session, host, chosen)
    supervisor = Supervisor(children, sys.stderr)
    threading.Thread(
        target=_announce, args=(supervisor, host, chosen, commands), daemon=True
    ).start()
    try:
        supervisor.run_until_stopped()
    finally:
        stop_stack(session.home)
        note("Everything has stopped; the data is kept.")


def _usable_port(host: str, port: int) -> int:
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


def _commands(session: Session, host: str, port: int, *, example: bool) -> list[str]:
    """The commands to paste, over model types that are there."""
    from core.cli.admin_key import admin_key
    from core.cli.curl_commands import curl_commands

    if not session.is_embedded:
        _refuse_old_database(session)
    names = [t.name for t in session.store.list_model_types() if t.enabled]
    if not names and session.is_embedded and example:
        from core.cli.example import add_example

        names = [t.name for t in add_example(session)]
        note(f"There was no model type yet: made {', '.join(names)} over generated posts.")
    shown = list(_SPEC_TYPES) if set(_SPEC_TYPES) <= set(names) else names[:2]
    if not shown:
        note("There is no model type yet: `refit model-types create` makes one.")
    return curl_commands(
        base_url(host, port), admin_key(session.store, session.home), shown or _SPEC_TYPES
    )


def _refuse_old_database(session: Session) -> None:
    from core.database.migrations import pending_migrations

    pending = pending_migrations(session.settings.require_database_url())
    if pending:
        raise ConfigurationError(
            f"The database lacks {len(pending)} migrations.", hint="Apply them: refit migrate."
        )


def _children(session: Session, host: str, port: int) -> list[ChildSpec]:
    """Functions first: nothing new comes in while the others stop."""
    from core.cli.workers import worker_spec
    from core.embedded.child import ChildSpec

    address = base_url(host, port)
    environ = dict(session.environ)
    configured = session.settings.model_fields_set
    if "dashboard_url" not in configured:
        environ["DASHBOARD_URL"] = address
    if "api_base_url" not in configured:
        environ["API_BASE_URL"] = f"{address}/api"
    functions = [
        *(sys.executable, "-m", "functions_framework", "--source", f"{ROOT}/functions/main.py"),
        *("--target", "main", "--host", host, "--port", str(port)),
    ]
    scheduler = [sys.executable, "-c", "from core.cli import main; main()", "scheduler"]
    return [
        ChildSpec(name="functions", argv=functions, environ=environ),
        ChildSpec(name="scheduler", argv=scheduler, environ=environ),
        worker_spec(session),
    ]


def base_url(host: str, port: int) -> str:
    """The functions' address as somebody on this machine writes it.

    >>> base_url("0.0.0.0", 3000)
    'http://localhost:3000'
    """
    if host in _LOOPBACK | _ANY_ADDRESS:
        host = "localhost"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _announce(supervisor: Supervisor, host: str, port: int, commands: Sequence[str]) -> None:
    """Say how to use it once it answers."""
    target = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 — see above
    deadline = time.monotonic() + _READY_TIMEOUT_S
    while not (supervisor.pids and _answers(target, port)):
        if time.monotonic() > deadline:
            note(f"The functions do not answer on port {port}; the log above says why.")
            return
        time.sleep(0.1)
    block = "\n\n".join(commands)
    say(f"\nRefit runs at {base_url(host, port)}. Try:\n\n{block}\n\nCtrl-C stops everything.\n")


def _answers(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), timeout=1):
            return True
    except OSError:
        return False
