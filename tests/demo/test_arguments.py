"""What is refused before anything is started."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.backtest.timeline import first_training, make_timeline
from core.demo.command import demo
from core.errors import InvalidRequest

HOURS = np.datetime64("2000-01-01", "us") + np.arange(100) * np.timedelta64(1, "h")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"data": Path("nowhere.csv"), "target": "x"}, "nowhere.csv cannot be read: No such file"),
        ({"target": "Answr?"}, "no column 'Answr?' for --target. Did you mean Answer?"),
        ({"time": "when"}, "no column 'when' for --time. It has: first, second, Answer?."),
        ({"target": None}, "--data needs --target."),
        ({"data": None}, "--target is about data of your own."),
        ({"data": None, "target": None, "step": "7d"}, "--step is about data of your own."),
        ({"start": 1.0}, "--start 1 is out of range."),
        ({"start": float("nan")}, "--start nan is out of range."),
        ({"step": "a while"}, "'a while' is not an interval."),
        ({"every": "0m"}, "'0m' is no time at all."),
        ({"json_file": Path("nowhere/out.json")}, "The folder of nowhere/out.json is not there."),
        ({"json_file": Path("/")}, "/ is a folder."),
        ({"port": 0}, "Port 0 is none to listen on."),
    ],
)
def test_wrong_arguments_are_refused_by_name(
    changing_csv: Path, arguments: dict[str, Any], message: str
) -> None:
    defaults: dict[str, Any] = {"data": changing_csv, "target": "Answer?"}
    with pytest.raises(InvalidRequest) as refused:
        demo(**defaults | arguments)
    assert message in str(refused.value)


def test_a_port_that_is_taken_is_refused() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        with pytest.raises(InvalidRequest, match=f"cannot listen on 127.0.0.1, port {port}"):
            demo(port=port)


def test_the_first_training_ends_with_the_last_row_of_its_share() -> None:
    assert first_training(HOURS, 0.25).isoformat() == "2000-01-02T00:00:00+00:00"


@pytest.mark.parametrize("share", [0.0, 1.0, -0.1, 0.001])
def test_a_share_that_leaves_nothing_on_one_side_is_refused(share: float) -> None:
    with pytest.raises(InvalidRequest, match="--start"):
        first_training(HOURS, share)


def test_rows_of_one_time_cannot_be_walked() -> None:
    with pytest.raises(InvalidRequest, match="none on one of its sides"):
        first_training(np.repeat(HOURS[:1], 100), 0.5)


def test_the_steps_reach_the_last_row_and_no_further() -> None:
    start = first_training(HOURS, 0.1)  # 90 hours before the last row
    step = HOURS[10] - HOURS[0]  # ten hours

    exact = make_timeline(start, HOURS[-1], step.item())
    longer = make_timeline(start, HOURS[-1] + np.timedelta64(1, "us"), step.item())

    assert len(exact.moments) == 9
    assert exact.moments[-1] + exact.step == HOURS[-1].item().replace(tzinfo=start.tzinfo)
    assert len(longer.moments) == 10


def test_a_step_longer_than_the_data_is_refused() -> None:
    start = first_training(HOURS, 0.1)
    with pytest.raises(InvalidRequest, match=r"A step of 3 d 18 h 1 min is|A step of 3 d 19 h is"):
        make_timeline(start, HOURS[-1], (HOURS[91] - HOURS[0]).item())
