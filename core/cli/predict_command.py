"""`refit predict`: predictions of new rows into a table."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from core.cli.options import InEnvironment, JsonOutput, read_time
from core.cli.output import local_time, print_json, say
from core.cli.session import open_session


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("predict")(predict)


def predict(
    model_type: str,
    into: Annotated[str, typer.Option("--into", help="Table; made when it is not there.")],
    since: Annotated[
        str | None,
        typer.Option(
            "--since",
            help="All rows later than this, predicted before or not; default: rows that have no "
            "prediction there yet and whose label the champion's training did not know.",
        ),
    ] = None,
    environment: InEnvironment = None,
    as_json: JsonOutput = False,
) -> None:
    """Predict new rows with the champion; each row gets key, time, prediction and confidence."""
    from core.serving import predict_into

    moment = read_time(since, "--since")
    with open_session() as session:
        done = predict_into(
            session.settings,
            model_type,
            into,
            since=moment,
            environment=session.environment(environment),
        )
    if as_json:
        print_json(asdict(done))
    elif done.rows:
        say(f"{done.rows:,} predictions of {model_type} version {done.model_version} in {into}.")
    elif done.since is not None:
        say(f"There are no rows later than {local_time(done.since)}: nothing was predicted.")
    else:
        say(f"Every new row has its prediction in {into} already: nothing was predicted.")
