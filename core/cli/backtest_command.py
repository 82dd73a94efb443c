"""`refit backtest`: what Refit would have done in the past, beside other policies."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from core.cli.options import RowSpacing, TimeColumn
from core.cli.output import make_console, note, say
from core.errors import InvalidRequest

if TYPE_CHECKING:
    from core.backtest.data import BacktestData, OwnParts
    from core.backtest.replay import Replay
    from core.backtest.sweep import Cell


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("backtest")(backtest)


def backtest(
    model_type: Annotated[
        str | None, typer.Argument(help="Its rows and settings; or name a file with --data.")
    ] = None,
    data: Annotated[Path | None, typer.Option("--data", help="A CSV file.")] = None,
    target: Annotated[
        str | None, typer.Option("--target", help="Column of the file to predict.")
    ] = None,
    time: TimeColumn = None,
    every: RowSpacing = None,
    step: Annotated[
        str | None, typer.Option("--step", help="From check to check; default: 7d.")
    ] = None,
    start: Annotated[
        float | None,
        typer.Option("--start", help="Share of the rows to train on first; default: 0.1."),
    ] = None,
    sweep: Annotated[
        bool, typer.Option("--sweep", help="Try half and double of both thresholds, too.")
    ] = False,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write the figures to this file.")
    ] = None,
    html_file: Annotated[
        Path | None, typer.Option("--html", help="Write a report with plots to this file.")
    ] = None,
    store: Annotated[
        bool, typer.Option("--store", help="Show the figures on the model type's dashboard page.")
    ] = False,
) -> None:
    """Replay history: what would have been checked, retrained and deployed; nothing is changed."""
    from core.backtest.files import check_path

    if store and model_type is None:
        raise InvalidRequest(
            "--store is for a model type.", hint="A file has no page; use --html FILE."
        )
    for option, path in (("--json", json_file), ("--html", html_file)):
        if path is not None:
            check_path(path, option)
    found = _data(model_type, data, target=target, time=time, every=every, step=step, start=start)
    for text in found.notes:
        note(text)
    replayed = _replayed(found)
    cells = _swept(found) if sweep else ()
    _tell(replayed, cells, found.own, json_file, html_file)
    if store and model_type is not None:
        _store(model_type, replayed, cells)


def _data(
    model_type: str | None,
    data: Path | None,
    *,
    target: str | None,
    time: str | None,
    every: str | None,
    step: str | None,
    start: float | None,
) -> BacktestData:
    if (model_type is None) == (data is None):
        raise InvalidRequest(
            "A backtest is of one model type or of one file.",
            hint="refit backtest NAME, or refit backtest --data FILE --target COLUMN.",
        )
    if data is not None:
        from core.backtest.csv_data import read_csv_data
        from core.backtest.csv_request import CsvRequest

        asked = CsvRequest.read(data, target=target, time=time, every=every, step=step, start=start)
        return read_csv_data(asked)
    for option, value in (("--target", target), ("--time", time), ("--every", every)):
        if value is not None:
            raise InvalidRequest(f"{option} is about a file.", hint="Name it with --data.")
    assert model_type is not None  # noqa: S101 — one of the two is there  # nosec B101
    return _stored_data(model_type, step=step, start=start)


def _stored_data(name: str, *, step: str | None, start: float | None) -> BacktestData:
    from core.backtest.csv_request import STEP, read_share
    from core.backtest.stored_data import read_stored_data
    from core.cli.session import open_session
    from core.datasets import parse_interval
    from core.worker.resources import Resources

    interval, share = parse_interval(step or STEP), read_share(start)
    with open_session() as session:
        return read_stored_data(
            Resources.from_settings(session.settings),
            session.store.get_model_type(name),
            step=interval,
            share=share,
        )


def _replayed(found: BacktestData) -> Replay:
    from core.backtest.replay import replay, steps_of
    from core.backtest.tables import progress_bar

    steps = steps_of(found.frame, found.model_type, start=found.start, step=found.step)
    say(
        f"{len(found.frame):,} rows of {found.model_type.title or found.model_type.name}; "
        f"{steps} steps from {found.start:%Y-%m-%d %H:%M}."
    )
    with progress_bar("replaying", steps, make_console(stderr=True)) as advance:
        return replay(
            found.frame,
            found.model_type,
            start=found.start,
            step=found.step,
            own=found.own,
            on_step=lambda *_: advance(),
        )


def _swept(found: BacktestData) -> tuple[Cell, ...]:
    from core.backtest.sweep import grid_around, sweep
    from core.backtest.tables import progress_bar

    pairs = grid_around(found.model_type)
    with progress_bar("trying thresholds", len(pairs), make_console(stderr=True)) as advance:
        return sweep(
            found.frame,
            found.model_type,
            pairs,
            start=found.start,
            step=found.step,
            own=found.own,
            on_cell=lambda _: advance(),
        )


def _tell(
    replayed: Replay,
    cells: tuple[Cell, ...],
    own: OwnParts,
    json_file: Path | None,
    html_file: Path | None,
) -> None:
    from core.backtest.files import write_html, write_json
    from core.backtest.report import report_data, verdict_in_words
    from core.backtest.tables import events_table, policies_table, sweep_table

    told, console = report_data(replayed, cells), make_console()
    console.print(events_table(replayed.events, own.metrics))
    say()
    console.print(policies_table(told))
    if cells:
        say()
        console.print(sweep_table(told))
    say(f"\n{verdict_in_words(told)}")
    if json_file is not None:
        write_json(json_file, told)
        say(f"The figures are in {json_file}.")
    if html_file is not None:
        write_html(html_file, told)
        say(f"The report is in {html_file}.")


def _store(model_type: str, replayed: Replay, cells: tuple[Cell, ...]) -> None:
    from core.backtest.report import report_data
    from core.cli.session import open_session

    with open_session() as session:
        session.store.record_backtest(model_type, report_data(replayed, cells))
    say("The dashboard shows the figures, on the model type's page, under “Backtest”.")
