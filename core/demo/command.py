"""`refit demo`: the main job on generated posts, or on anybody's CSV file."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from core.cli.options import RowSpacing, TimeColumn
from core.cli.output import make_console, note, say
from core.cli.session import Session, open_session
from core.errors import InvalidRequest
from core.settings import get_settings

if TYPE_CHECKING:
    from core.backtest.csv_request import CsvRequest
    from core.demo.subjects import GeneratedPosts, Prepared
    from core.demo.system import System

_STEP = "7d"
_START = 0.1


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("demo")(demo)


def demo(
    data: Annotated[
        Path | None, typer.Option("--data", help="A CSV file; default: generated posts.")
    ] = None,
    target: Annotated[str | None, typer.Option("--target", help="Column to predict.")] = None,
    time: TimeColumn = None,
    every: RowSpacing = None,
    step: Annotated[
        str | None, typer.Option("--step", help=f"From check to check; default: {_STEP}.")
    ] = None,
    start: Annotated[
        float | None,
        typer.Option("--start", help=f"Share of the rows to train on first; default: {_START}."),
    ] = None,
    leave: Annotated[bool, typer.Option("--exit", help="End after the walk.")] = False,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write the figures to this file.")
    ] = None,
    port: Annotated[
        int | None, typer.Option("--port", help="Port of the functions; default: PORT.")
    ] = None,
) -> None:
    """Walk through time: check the champion, retrain when it got worse, deploy what is better."""
    from core.demo.subjects import GeneratedPosts

    asked = _csv_request(data, target=target, time=time, every=every, step=step, start=start)
    walk_through(asked or GeneratedPosts(), port=port, json_file=json_file, leave=leave)


def walk_through(
    asked: CsvRequest | GeneratedPosts,
    *,
    port: int | None = None,
    json_file: Path | None = None,
    leave: bool = False,
) -> None:
    """Start everything, walk through the data that is asked for, and stop everything.

    Parameters
    ----------
    asked
        A person's own data, or posts that are generated.
    port
        Of the functions; None: the settings'.
    json_file
        Where the figures are written.
    leave
        End after the walk, instead of staying up until Ctrl-C.

    Raises
    ------
    RefitError
        The data cannot be used, or something on the walk failed.
    """
    from core.backtest.files import check_path
    from core.cli.running_system import usable_port
    from core.demo.system import HOST
    from core.embedded.stack import stop_stack

    if json_file is not None:
        check_path(json_file, "--json")
    chosen = usable_port(HOST, get_settings().port if port is None else port)
    home = None
    try:
        with _ended_like_ctrl_c(), open_session() as session:
            home = session.home if session.is_embedded else None
            _run(session, asked, chosen, json_file, leave=leave)
    finally:
        if home is not None:
            stop_stack(home)
            note("Everything has stopped; the data is kept.")


def _csv_request(
    data: Path | None,
    *,
    target: str | None,
    time: str | None,
    every: str | None,
    step: str | None,
    start: float | None,
) -> CsvRequest | None:
    """A person's own data, or None for the generated posts."""
    given = {
        "--target": target,
        "--time": time,
        "--every": every,
        "--step": step,
        "--start": start,
    }
    if data is None:
        named = [option for option, value in given.items() if value is not None]
        if named:
            raise InvalidRequest(
                f"{named[0]} is about data of your own.", hint="Name its file with --data."
            )
        return None
    from core.backtest.csv_request import CsvRequest

    return CsvRequest.read(data, target=target, time=time, every=every, step=step, start=start)


@contextmanager
def _ended_like_ctrl_c() -> Iterator[None]:
    """SIGTERM and SIGHUP end the walk in order too."""
    numbers = (signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, signal.default_int_handler) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _run(
    session: Session,
    asked: CsvRequest | GeneratedPosts,
    port: int,
    json_file: Path | None,
    *,
    leave: bool,
) -> None:
    from core.cli.running_system import local_url, refuse_old_database
    from core.cli.served_address import served_address
    from core.demo.system import HOST, System

    refuse_old_database(session)
    # `refit dashboard` finds it during the walk, too.
    with System(session, port) as system, served_address(session.home, local_url(HOST, port)):
        # The children start while the data is made.
        prepared = _prepare(session, asked)
        _walk(session, prepared, system, port, json_file)
        _tell_address(session, port, leave=leave)
        if not leave:
            system.stay()


def _prepare(session: Session, asked: CsvRequest | GeneratedPosts) -> Prepared:
    from datetime import UTC, datetime

    from core.demo.runs import begin_run
    from core.demo.subjects import GeneratedPosts, prepare_content, prepare_csv

    run = begin_run(session)
    if isinstance(asked, GeneratedPosts):
        prepared = prepare_content(session, asked, run, datetime.now(UTC))
        say(
            f"{len(prepared.subjects[0].frame):,} generated posts; their audience changes on "
            f"{prepared.change_at:%Y-%m-%d}."
        )
    else:
        prepared = prepare_csv(session, asked, run, note)
        subject = prepared.subjects[0]
        say(
            f"{len(subject.frame):,} rows of {asked.path.name}; {subject.model_type.target_column} "
            f"is predicted from {len(subject.model_type.feature_columns)} columns."
        )
    say(f"{len(prepared.timeline.moments)} steps from {prepared.timeline.start:%Y-%m-%d %H:%M}.\n")
    return prepared


def _walk(
    session: Session, prepared: Prepared, system: System, port: int, json_file: Path | None
) -> None:
    from core.cli.admin_key import admin_key
    from core.demo.baselines import Baselines
    from core.demo.client import Client
    from core.demo.figures import compute_figures
    from core.demo.predictions import Served, read_predictions
    from core.demo.report import policies_table, story, write_json
    from core.demo.table import make_view
    from core.demo.walk import Walk

    url = session.settings.require_database_url()
    client = Client(port, admin_key(session.store, session.home), log=system.log_path)
    client.wait_until_ready()
    console = make_console()
    with make_view(prepared.timeline, several=len(prepared.subjects) > 1, console=console) as view:
        events = Walk(
            subjects=prepared.subjects,
            timeline=prepared.timeline,
            client=client,
            served=Served(session.store, session.settings),
            baselines=Baselines(),
            database_url=url,
            view=view,
        ).run()
    stored = [read_predictions(url, subject) for subject in prepared.subjects]
    figures = [
        compute_figures(subject, prepared.timeline, events, predictions)
        for subject, predictions in zip(prepared.subjects, stored, strict=True)
    ]
    say()
    console.print(policies_table(figures))
    for found, predictions in zip(figures, stored, strict=True):
        if prepared.change_at is not None:
            say(f"\n{story(found, predictions, prepared.change_at)}")
    if json_file is not None:
        write_json(json_file, figures)
        say(f"\nThe figures are in {json_file}.")


def _tell_address(session: Session, port: int, *, leave: bool) -> None:
    import shlex

    from core.cli.admin_key import FILE_NAME
    from core.cli.curl_commands import PATH
    from core.cli.running_system import base_url
    from core.cli.sign_in_link import first_link
    from core.demo.system import HOST

    address = base_url(HOST, port)
    if leave:
        say(f"\nAll of it ran at {address}; without --exit it stays up.")
        return
    key = shlex.quote(str(session.home / FILE_NAME))
    say(
        f"\n{first_link(session.store, address)}\n\n"
        f"Refit stays up at {address}; a key is in {session.home / FILE_NAME}. Try:\n\n"
        f"curl '{address}{PATH}?action=status' \\\n  -H \"X-API-Key: $(cat {key})\"\n\n"
        "Ctrl-C stops everything."
    )
