"""How a walk looks: a live table on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import timedelta
from types import TracebackType
from typing import Self

from rich import box
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from core.backtest.records import Action, Event, Timeline
from core.backtest.words import measured, what_was_done
from core.demo.runs import display_name

_VERDICT_STYLES = {"healthy": "green", "degraded": "bold red"}
_ACTION_STYLES = {Action.DEPLOYED: "bold green", Action.NONE: "dim"}
_LINES_AROUND = 6  # header, rules, progress
_DAY = timedelta(days=1)


class Rows:
    """The cells of each event, for both views."""

    def __init__(self, timeline: Timeline, *, several: bool) -> None:
        self._several = several
        self._steps = len(timeline.moments)
        self._unit = "week" if timeline.step == timedelta(weeks=1) else "step"
        self._time_format = "%Y-%m-%d" if timeline.step >= _DAY else "%Y-%m-%d %H:%M"

    @property
    def headings(self) -> tuple[str, ...]:
        """One for each cell."""
        names = (self._unit, "as of", "model type", "verdict", "now (at deployment)", "done")
        return names if self._several else names[:2] + names[3:]

    def cells(self, step: int, event: Event) -> tuple[str, ...]:
        """What is shown of an event; the first training is step 0."""
        found = (
            str(step).rjust(len(str(self._steps))),
            event.as_of.strftime(self._time_format),
            display_name(event.model_type),
            event.verdict.replace("_", " ") if event.baseline is not None else "no model yet",
            measured(event),
            what_was_done(event),
        )
        return found if self._several else found[:2] + found[3:]


class PlainView:
    """A line for each event as it comes, with the time that is left."""

    def __init__(self, timeline: Timeline, *, several: bool, console: Console) -> None:
        self._rows = Rows(timeline, several=several)
        self._steps = len(timeline.moments)
        self._console = console
        self._started = time.monotonic()

    def __enter__(self) -> Self:
        self._print(" | ".join(self._rows.headings))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        return None

    def working(self, what: str) -> None:
        """Nothing: a line comes when the step is over."""

    def done(self, step: int, events: Sequence[Event]) -> None:
        """Print what happened."""
        each = (time.monotonic() - self._started) / (step + 1)
        left = round(each * (self._steps - step - 1))
        for event in events:
            line = " | ".join(self._rows.cells(step, event))
            self._print(f"{line} | {left // 60}:{left % 60:02d} left")

    def _print(self, line: str) -> None:
        self._console.print(line, soft_wrap=True)


class LiveView:
    """A table that grows, and a bar below it; the whole table stays when the walk is over."""

    def __init__(self, timeline: Timeline, *, several: bool, console: Console) -> None:
        self._rows = Rows(timeline, several=several)
        self._console = console
        self._events: list[tuple[int, Event]] = []
        self._over = False
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TimeRemainingColumn(compact=True),
            TextColumn("left"),
            console=console,
        )
        self._task = self._progress.add_task("starting", total=len(timeline.moments))
        self._live = Live(console=console, get_renderable=self._renderable, refresh_per_second=8)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over = True
        self._live.stop()

    def working(self, what: str) -> None:
        """Show what goes on."""
        self._progress.update(self._task, description=what)

    def done(self, step: int, events: Sequence[Event]) -> None:
        """Add what happened to the table."""
        self._events += [(step, event) for event in events]
        self._progress.advance(self._task)

    def _renderable(self) -> RenderableType:
        if self._over:
            return self._table(self._events)
        room = max(3, self._console.height - _LINES_AROUND)
        return Group(self._table(self._events[-room:]), self._progress)

    def _table(self, events: Sequence[tuple[int, Event]]) -> Table:
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
        for heading in self._rows.headings:
            table.add_column(heading, no_wrap=heading != "done")
        for step, event in events:
            *before, verdict, metric, done = self._rows.cells(step, event)
            table.add_row(
                *map(Text, before),
                Text(verdict, style=_VERDICT_STYLES.get(event.verdict, "yellow")),
                Text(metric),
                Text(done, style=_ACTION_STYLES.get(event.action, "yellow")),
            )
        return table


def make_view(timeline: Timeline, *, several: bool, console: Console) -> LiveView | PlainView:
    """The view that fits where the output goes."""
    kind = LiveView if console.is_terminal else PlainView
    return kind(timeline, several=several, console=console)
