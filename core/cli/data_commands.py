"""`refit import-csv`: a table of any CSV file."""

from __future__ import annotations

import shlex
from dataclasses import asdict
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from core.cli.options import JsonOutput, RowSpacing, TimeColumn, read_interval, read_time
from core.cli.output import note, print_json, say
from core.cli.session import open_session

if TYPE_CHECKING:
    from core.datasets import ImportedTable


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("import-csv")(import_file)


def import_file(
    file: Path,
    table: Annotated[
        str | None, typer.Option("--table", help="Default: made from the file's name.")
    ] = None,
    time: TimeColumn = None,
    every: RowSpacing = None,
    origin: Annotated[
        str | None, typer.Option("--origin", help="Time of the first row; UTC without a zone.")
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Drop an imported table of that name first.")
    ] = False,
    as_json: JsonOutput = False,
) -> None:
    """Make a table of a CSV file; its types are inferred."""
    from core.datasets import import_csv

    interval = read_interval(every)
    first = read_time(origin, "--origin", zone=UTC)
    with open_session() as session:
        done = import_csv(
            session.settings.require_database_url(),
            file,
            table=table,
            time_column=time,
            every=interval,
            origin=first,
            replace=replace,
        )
    for text in done.notes:
        note(text)
    if as_json:
        print_json(asdict(done))
        return
    say(f"{done.rows:,} rows in {done.relation}, by {done.time_column}.")
    say("Columns: " + ", ".join(f"{name} {done.types[name]}" for name in done.columns))
    others = [name for name in done.columns if name != done.time_column]
    if others:
        # The last column of a data set is its target more often than not.
        say(f"Next, if {others[-1]} is what should be predicted:")
        say(f"  {next_command(done, target=others[-1])}")


def next_command(done: ImportedTable, *, target: str) -> str:
    """The command that makes a model type of the table."""
    name = done.relation.rpartition(".")[2].strip('"')
    arguments = [
        *("refit", "model-types", "create", name, "--source", done.relation),
        *("--target", target, "--time", done.time_column),
    ]
    return shlex.join(arguments)
