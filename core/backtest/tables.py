"""A backtest on a terminal: tables, and a bar with the time that is left."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from rich import box
from rich.console import Console, JustifyMethod
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from core.backtest.records import POLICY_NAMES, Action, Event, Policy
from core.backtest.words import measured, what_was_done
from core.engines.own_metrics import OwnMetric

_ACTION_STYLES = {Action.DEPLOYED: "bold green", Action.FAILED: "bold red"}


@contextmanager
def progress_bar(what: str, total: int, console: Console) -> Iterator[Callable[[], None]]:
    """A bar with the time that is left; what it gives is called after each part.

    Parameters
    ----------
    what : str
        What is being done, before the bar.
    total : int
        How many parts there are.
    console : Console

    Yields
    ------
    callable
        Without arguments: one more part is done.

    Examples
    --------
    >>> import io
    >>> with progress_bar("replaying", 2, Console(file=io.StringIO())) as advance:
    ...     advance()
    """
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TimeRemainingColumn(compact=True),
        TextColumn("left"),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(what, total=total)
        yield lambda: progress.advance(task)


def policies_table(data: Mapping[str, Any]) -> Table:
    """What each policy costs and buys.

    Parameters
    ----------
    data : mapping
        As :func:`core.backtest.report.report_data` gives it.

    Returns
    -------
    Table
        One row a policy; Refit's is bold.

    Examples
    --------
    >>> never = {"accuracy": 0.7, "retrainings": 0, "deployments": 0, "training_seconds": 0.0}
    >>> data = {"metric": {"name": "accuracy", "label": "accuracy"}, "policies": {"never": never}}
    >>> policies_table(data).row_count
    1
    """
    table = _table("policy", f"#{data['metric']['label']}", "#retrainings", "#deployments")
    table.add_column("training seconds", justify="right")
    for name, found in data["policies"].items():
        cells = (
            POLICY_NAMES[Policy(name)],
            _figure(found[data["metric"]["name"]]),
            f"{found['retrainings']:,}",
            f"{found['deployments']:,}",
            f"{found['training_seconds']:,.1f}",
        )
        table.add_row(*cells, style="bold" if name == Policy.REFIT else None)
    return table


def events_table(events: Sequence[Event], metrics: Mapping[str, OwnMetric] | None = None) -> Table:
    """The steps at which something was done, numbered from the first training, step 0.

    Parameters
    ----------
    events : sequence of Event
    metrics : mapping of str to OwnMetric, or None
        The user's own.

    Returns
    -------
    Table
        One row for each event, without those at which there was nothing to do.

    Examples
    --------
    >>> events_table([]).row_count
    0
    """
    table = _table("step", "as of", "verdict", "now (at deployment)", "done")
    for step, event in enumerate(events):
        if event.action is Action.NONE:
            continue
        table.add_row(
            str(step),
            event.as_of.strftime("%Y-%m-%d %H:%M"),
            event.verdict.replace("_", " "),
            measured(event, metrics),
            Text(what_was_done(event, metrics), style=_ACTION_STYLES.get(event.action, "")),
        )
    return table


def sweep_table(data: Mapping[str, Any]) -> Table:
    """What each pair of thresholds costs and buys; the model type's own are bold.

    Parameters
    ----------
    data : mapping
        As :func:`core.backtest.report.report_data` gives it.

    Returns
    -------
    Table
        One row a pair.

    Examples
    --------
    >>> data = {"metric": {"name": "accuracy", "label": "accuracy"}, "sweep": [],
    ...     "thresholds": {"retraining": 0.03, "auto_deployment": 0.02}}
    >>> sweep_table(data).row_count
    0
    """
    label, own = data["metric"]["label"], data["thresholds"]
    table = _table("retrain at", "deploy from", f"#{label}", "#retrainings", "#deployments")
    for cell in data["sweep"]:
        pair = (cell["retraining_threshold"], cell["auto_deployment_threshold"])
        is_own = pair == (own["retraining"], own["auto_deployment"])
        table.add_row(
            *(f"{threshold:g}" for threshold in pair),
            _figure(cell[data["metric"]["name"]]),
            f"{cell['retrainings']:,}",
            f"{cell['deployments']:,}",
            style="bold" if is_own else None,
        )
    return table


def _table(*names: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for name in names:
        justify: JustifyMethod = "right" if name[0] == "#" else "left"
        table.add_column(name.lstrip("#"), justify=justify, no_wrap=name != "done")
    return table


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"
