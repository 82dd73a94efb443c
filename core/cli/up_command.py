"""`refit up`: the whole system here, until Ctrl-C."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Annotated

import typer

from core.cli.output import note, say
from core.cli.running_system import (
    answers,
    base_url,
    child_specs,
    local_url,
    refuse_old_database,
    refuse_second,
    usable_port,
)
from core.cli.served_address import served_address
from core.cli.session import Session, open_session
from core.cli.sign_in_link import first_link
from core.cli.workers import is_seen
from core.errors import RefitError

if TYPE_CHECKING:
    from core.embedded.supervisor import Supervisor
    from core.settings import Settings

_READY_TIMEOUT_S = 60.0
_WORKER_TIMEOUT_S = 15.0
_SPEC_TYPES = ("content_performance", "engagement_prediction")


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
        refuse_second(session)
        chosen = usable_port(host, session.settings.port if port is None else port)
        commands = _commands(session, host, chosen, example=example)
        link = first_link(session.store, base_url(host, chosen))
        children = child_specs(session, host, chosen)
        settings = session.settings
    supervisor = Supervisor(children, sys.stderr)
    threading.Thread(
        target=_announce,
        args=(supervisor, settings, host, chosen, commands, link),
        daemon=True,
    ).start()
    try:
        with served_address(session.home, local_url(host, chosen)):
            supervisor.run_until_stopped()
    finally:
        stop_stack(session.home)
        note("Everything has stopped; the data is kept.")


def _commands(session: Session, host: str, port: int, *, example: bool) -> list[str]:
    """The commands to paste, over model types that are there."""
    from core.cli.admin_key import admin_key
    from core.cli.curl_commands import curl_commands

    refuse_old_database(session)
    # Those of a demo replay the past: they are not what a running system is for.
    names = [t.name for t in session.store.list_model_types() if t.enabled and not t.replay]
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


def _announce(
    supervisor: Supervisor,
    settings: Settings,
    host: str,
    port: int,
    commands: Sequence[str],
    link: str,
) -> None:
    """Say how to use it once it answers, and a worker is there for what is asked."""
    deadline = time.monotonic() + _READY_TIMEOUT_S
    while not (supervisor.pids and answers(host, port)):
        if time.monotonic() > deadline:
            note(f"The functions do not answer on port {port}; the log above says why.")
            return
        time.sleep(0.1)
    _wait_for_worker(settings)
    block = "\n\n".join(commands)
    say(
        f"\n{link}\n\n"
        f"Refit runs at {base_url(host, port)}. Try:\n\n{block}\n\nCtrl-C stops everything.\n"
    )


def _wait_for_worker(settings: Settings) -> None:
    """Wait until one was seen: a page that is opened before says that there is none."""
    from core.database import PostgresDatabase
    from core.store import LOCAL_ADMIN, Store

    deadline = time.monotonic() + _WORKER_TIMEOUT_S
    with closing(PostgresDatabase(settings.require_database_url(), max_connections=1)) as database:
        store = Store(database, actor=LOCAL_ADMIN)
        while time.monotonic() < deadline:
            try:
                if is_seen(store.get_status()):
                    return
            except RefitError:
                return  # the log tells of a database that is away
            time.sleep(0.2)
