"""`refit audit`: who did what, and whether the record of it is whole."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from core.cli.options import InEnvironment, JsonOutput
from core.cli.output import local_time, print_json, print_table, say
from core.cli.session import open_session
from core.errors import InvalidRequest, NotFound

Json = dict[str, Any]

audit = typer.Typer(
    help="Who did what; and whether the record of it is whole.", invoke_without_command=True
)


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(audit, name="audit")


@audit.callback()
def start(context: typer.Context) -> None:
    """Show the newest rows when no command is named."""
    if context.invoked_subcommand is None:
        list_rows()


@audit.command("list")
def list_rows(
    model_type: Annotated[str | None, typer.Argument(help="Default: all.")] = None,
    environment: InEnvironment = None,
    status: Annotated[
        str | None, typer.Option("--status", help="What something became, such as succeeded.")
    ] = None,
    action: Annotated[
        str | None, typer.Option("--action", help="Such as deployment.created.")
    ] = None,
    entity: Annotated[str | None, typer.Option("--entity", help="Such as training_job.")] = None,
    entity_id: Annotated[str | None, typer.Option("--id", help="Of what it is about.")] = None,
    request_id: Annotated[
        str | None, typer.Option("--request-id", help="All that one request did.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=200, help="At most so many.")] = 20,
    cursor: Annotated[
        str | None, typer.Option("--cursor", help="next_cursor of the page before.")
    ] = None,
    as_json: JsonOutput = False,
) -> None:
    """Who did what, newest first, in all environments unless one is named."""
    with open_session() as session:
        if model_type is not None:
            session.store.get_model_type(model_type)
        page = session.store.list_audit_logs(
            model_type=model_type,
            environment=environment,
            status=status,
            action=action,
            entity=entity,
            entity_id=entity_id,
            request_id=request_id,
            limit=limit,
            cursor=cursor,
        )
    if as_json:
        print_json(page)
    elif not page["items"]:
        say("Nothing is on record.")
    else:
        print_table(
            ("when", "who", "action", "model type", "id"),
            [
                (
                    local_time(row["created_at"]),
                    row["actor"]["name"],
                    row["action"],
                    row["model_type"],
                    row["entity_id"],
                )
                for row in page["items"]
            ],
        )


@audit.command()
def head(as_json: JsonOutput = False) -> None:
    """The newest seal: keep it where the database's owner cannot write."""
    with open_session() as session:
        newest = session.store.get_audit_seal()
    if newest is None:
        raise NotFound("Nothing is sealed yet.", hint="The next tick does it: refit scheduler.")
    if as_json:
        print_json(newest)
    else:
        sealed_at = datetime.fromisoformat(newest["sealed_at"]).isoformat()
        say(f"{newest['number']} {newest['hash']} {sealed_at}")


@audit.command()
def verify(
    heads: Annotated[
        Path | None,
        typer.Option("--heads", help="Heads that were kept elsewhere; - reads standard input."),
    ] = None,
    as_json: JsonOutput = False,
) -> None:
    """Compare the audit log with its seals; the exit code is 1 when something does not fit."""
    from core.audit import parse_heads, verify_audit_log

    kept = () if heads is None else parse_heads(_read(heads))
    with open_session() as session:
        found = verify_audit_log(session.store, kept)
    if as_json:
        print_json(found.as_json())
    else:
        for month in found.pruned:
            say(f"{month.month} was pruned {local_time(month.pruned_at)}: {month.rows} rows.")
        for problem in found.problems:
            say(problem.message)
        compared = f"{found.seals} seals over {found.rows} rows"
        pruned = f", {found.pruned_rows} more rows were pruned" if found.pruned_rows else ""
        against = f", {found.heads} heads kept elsewhere" if found.heads else ""
        count = len(found.problems)
        verdict = f"problems found: {count}" if count else "everything fits"
        say(f"{compared}{pruned}{against}: {verdict}.")
    if found.problems:
        raise typer.Exit(1)


def _read(path: Path) -> str:
    if str(path) == "-":
        return sys.stdin.read()
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise InvalidRequest(f"{path} cannot be read: {exc}.") from exc
