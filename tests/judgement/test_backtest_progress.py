"""A backtest that takes minutes says how far it is, and when it will be done."""

from __future__ import annotations

import io
import re
import time

from rich.console import Console

from core.backtest.records import Policy
from core.backtest.replay import replay, steps_of
from core.backtest.tables import progress_bar
from tests.backtest.streams import BEGIN, WEEK, make_model_type, make_stream


def drawn(*, terminal: bool) -> str:
    """What is written while two of four parts are done, some time each."""
    file = io.StringIO()
    console = Console(file=file, force_terminal=terminal, width=100)
    with progress_bar("replaying", 4, console) as advance:
        for _ in range(2):
            time.sleep(0.02)
            advance()
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", file.getvalue())


def test_the_bar_says_how_much_is_done_and_how_long_the_rest_takes() -> None:
    (*_, last) = re.findall(r"replaying .*left", drawn(terminal=True))
    assert re.search(r" 2/4 00:\d\d left$", last)


def test_nothing_is_drawn_into_a_file() -> None:
    assert re.search(r"\d\d:\d\d left", drawn(terminal=False)) is None


def test_each_step_moves_the_bar_once() -> None:
    frame, kind = make_stream(9, change_week=None), make_model_type()
    start, done = BEGIN + 6 * WEEK, []

    replay(
        frame,
        kind,
        start=start,
        step=WEEK,
        policies=(Policy.NEVER,),
        on_step=lambda number, _: done.append(number),
    )

    assert len(done) == steps_of(frame, kind, start=start, step=WEEK) == 3
