"""`refit alerts`: what needs a person's eye, and what a person says to it."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

import typer

from core.cli.options import JsonOutput
from core.cli.output import local_time, note, print_json, say
from core.cli.session import open_session
from core.domain import Environment

Json = dict[str, Any]

alerts = typer.Typer(
    help="What needs a person's eye: standing alerts and resolved ones.",
    invoke_without_command=True,
)

AlertId = Annotated[UUID, typer.Argument(metavar="ID", help="As `refit alerts list` shows.")]

_SPAN = re.compile(r"([1-9][0-9]{0,4})([mhd])")
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(alerts, name="alerts")


def read_span(text: str) -> timedelta:
    """A time such as ``8h``.

    >>> read_span("90m")
    datetime.timedelta(seconds=5400)
    """
    found = _SPAN.fullmatch(text)
    if found is None:
        raise typer.BadParameter(f"{text!r} is no time: write such as 30m, 8h or 2d.")
    return int(found[1]) * _UNITS[found[2]]


@alerts.callback()
def start(context: typer.Context) -> None:
    """Show the alerts that stand when no command is named."""
    if context.invoked_subcommand is None:
        list_alerts()


@alerts.command("list")
def list_alerts(
    model_type: Annotated[str | None, typer.Argument(help="Default: all.")] = None,
    environment: Annotated[
        Environment | None, typer.Option("--environment", help="Default: all.")
    ] = None,
    resolved: Annotated[bool, typer.Option("--all", help="Resolved ones, too.")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, max=200, help="At most so many.")] = 50,
    as_json: JsonOutput = False,
) -> None:
    """Show the alerts that stand, newest first."""
    items: list[Json] = []
    with open_session() as session:
        if model_type is not None:
            session.store.get_model_type(model_type)
        for status in ("open", "acknowledged", *(("resolved",) if resolved else ())):
            found = session.store.list_alerts(
                model_type=model_type, environment=environment, status=status, limit=limit
            )
            items += found["items"]
    items.sort(key=lambda item: datetime.fromisoformat(item["created_at"]), reverse=True)
    del items[limit:]
    if as_json:
        print_json({"items": items})
        return
    for item in items:
        say(f"{item['id']}  {item['severity']}  {item['model_type']}  {item['environment']}")
        say(f"    {item['message']}")
        say(f"    {_standing(item)}")
    if not items:
        note("No alert stands." if not resolved else "There is no alert.")


@alerts.command()
def acknowledge(alert_id: AlertId, as_json: JsonOutput = False) -> None:
    """Say that somebody looks after it: it stands on, and nobody is reminded of it."""
    with open_session() as session:
        alert = session.store.acknowledge_alert(alert_id)
    if as_json:
        print_json({"alert": alert})
    else:
        say(f"{alert['message']} Acknowledged; it is resolved by what mends it.")


@alerts.command()
def snooze(
    alert_id: AlertId,
    span: Annotated[
        str, typer.Option("--for", metavar="TIME", help="Such as 30m, 8h or 2d; up to 30d.")
    ],
    as_json: JsonOutput = False,
) -> None:
    """Hear nothing of it for a while: it stands on."""
    until = datetime.now(UTC) + read_span(span)
    with open_session() as session:
        alert = session.store.snooze_alert(alert_id, until=until)
    if as_json:
        print_json({"alert": alert})
    else:
        say(f"Nobody is told of it again until {local_time(alert['snoozed_until'])}.")


def _standing(item: Json) -> str:
    """Since when, how often, and what became of it; ids must be there to copy, whole."""
    times = f", seen {item['occurrences']} times" if item["occurrences"] > 1 else ""
    until = item["snoozed_until"]
    snoozed = (
        f", snoozed until {local_time(until)}"
        if until and datetime.fromisoformat(until) > datetime.now(UTC)
        else ""
    )
    return f"{item['status']} since {local_time(item['created_at'])}{times}{snoozed}"
