"""`refit audit`: who did what, and whether the record of it is whole."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from core.cli.options import JsonOutput
from core.cli.output import local_time, print_json, say
from core.cli.session import open_session
from core.domain import Environment
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
    environment: Annotated[
        Environment | None, typer.Option("--environment", "-e", help="Default: all.")
    ] = None,
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
    """Who did what, newest first; what it was done to, and why, on a second line."""
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
        for row in page["items"]:
            say(f"{local_time(row['created_at'])}  {row['actor']['name']}  {row['action']}")
            say(f"    {_subject(row)}")


def _subject(row: Json) -> str:
    """What a row is about, in a line of its own: ids must be there to copy, whole."""
    entity = " ".join(filter(None, (row["entity"], row["entity_id"])))
    # The name of a model type is its id, too.
    name = None if row["model_type"] == row["entity_id"] else row["model_type"]
    parts = ", ".join(filter(None, (entity, name, row["environment"]))) or "–"
    why = _why(row)
    return f"{parts}: {why}" if why else parts


def _why(row: Json) -> str | None:
    """The reason that somebody gave, of a refusal, or of a failure; what came of an event."""
    after: Json = row["after"] or {}
    detail: Json = row["detail"] or {}
    error: Json = after.get("error") or {}
    told = detail.get("detail")
    found = (
        after.get("skip_reason")
        or error.get("detail")
        or after.get("reason")
        or after.get("quarantine_reason")
        or (told if isinstance(told, str) else detail.get("outcome"))
    )
    return None if found is None else " ".join(str(found).split())


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
            rows = _counted(month.rows, "row")
            say(f"{month.month} was pruned {local_time(month.pruned_at)}: {rows}.")
        for problem in found.problems:
            say(problem.message)
        compared = f"{_counted(found.seals, 'seal')} over {_counted(found.rows, 'row')}"
        pruned = f"; pruned: {_counted(found.pruned_rows, 'row')}" if found.pruned_rows else ""
        against = f", {_counted(found.heads, 'head')} kept elsewhere" if found.heads else ""
        count = len(found.problems)
        verdict = f"problems found: {count}" if count else "everything fits"
        say(f"{compared}{pruned}{against}: {verdict}.")
    if found.problems:
        raise typer.Exit(1)


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _read(path: Path) -> str:
    if str(path) == "-":
        return sys.stdin.read()
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise InvalidRequest(f"{path} cannot be read: {exc}.") from exc
