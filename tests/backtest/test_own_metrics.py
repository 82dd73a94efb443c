"""A replay that is judged by a metric of the user's own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from rich.console import Console

from core.backtest.data import OwnParts
from core.backtest.records import Action, Policy
from core.backtest.replay import Replay, replay
from core.backtest.tables import events_table
from tests.backtest.streams import BEGIN, WEEK, make_model_type, make_stream

NAME = "acme.metrics:profit"


class Profit:
    label = "profit"
    greater_is_better = True

    def __call__(self, truth: Any, predicted: Any, _proba: Any, _classes: Any) -> float:
        gain = np.where(truth == "yes", 2.0, -1.0)
        return float(((predicted == "yes") * gain).mean())


OWN = OwnParts(metrics={NAME: Profit()})


@pytest.fixture(scope="module")
def judged() -> Replay:
    return replay(
        make_stream(14, change_week=8),
        make_model_type(metric=NAME),
        start=BEGIN + 6 * WEEK,
        step=WEEK,
        policies=(Policy.REFIT, Policy.NAIVE),
        own=OWN,
    )


def test_a_metric_of_ones_own_finds_the_change_and_deploys(judged: Replay) -> None:
    after = [e for e in judged.events if e.as_of > BEGIN + 8 * WEEK]

    assert {e.metric for e in judged.events} == {NAME}
    assert any(e.verdict == "degraded" for e in after)
    assert any(e.action is Action.DEPLOYED for e in after)


def test_the_table_of_events_names_it(judged: Replay) -> None:
    console = Console(width=200)
    with console.capture() as shown:
        console.print(events_table(judged.events, OWN.metrics))

    assert "profit" in shown.get()
