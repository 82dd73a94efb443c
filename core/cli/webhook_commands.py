"""`refit webhooks`: callbacks that were sent, wait, or failed."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

import typer

from core.cli.options import JsonOutput
from core.cli.output import local_time, note, print_json, say
from core.cli.session import open_session

webhooks = typer.Typer(help="Callbacks of trainings: sent, waiting and failed ones.")


class DeliveryStatus(StrEnum):
    """Where a callback stands."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(webhooks, name="webhooks")


@webhooks.command("list")
def list_deliveries(
    status: Annotated[
        DeliveryStatus | None, typer.Option("--status", help="Only those that stand so.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=200, help="At most so many.")] = 20,
    as_json: JsonOutput = False,
) -> None:
    """Show the newest callbacks; of their addresses scheme and host."""
    with open_session() as session:
        answer = session.store.list_webhook_deliveries(status=status, limit=limit)
    if as_json:
        print_json(answer)
        return
    for item in answer["items"]:
        say(f"{item['id']}  {item['event']}  {item['model_type'] or '–'}")
        say(f"    {_standing(item)}")
    if answer["next_cursor"]:
        note(f"There are older ones: --limit shows up to 200, these are {limit}.")


def _standing(item: dict[str, Any]) -> str:
    """Where a callback stands, in a line of its own: ids must be there to copy, whole."""
    tried = f"{item['attempts']} attempt{'' if item['attempts'] == 1 else 's'}"
    due = f", next {local_time(item['next_attempt_at'])}" if item["status"] == "pending" else ""
    error = f": {item['last_error']}" if item["last_error"] else ""
    return f"{item['status']} after {tried}{due}, {item['origin']}{error}"


@webhooks.command()
def retry(
    delivery_id: Annotated[UUID, typer.Argument(metavar="ID")], as_json: JsonOutput = False
) -> None:
    """Send a failed callback again, for another day if need be."""
    with open_session() as session:
        answer = session.store.retry_webhook_delivery(delivery_id)
    if as_json:
        print_json(answer)
    else:
        say(f"The callback {delivery_id} is due; a worker sends it within seconds.")
