"""Other thresholds on the same history."""

from __future__ import annotations

from core.backtest.figures import policy_figures
from core.backtest.records import Policy
from core.backtest.replay import Replay
from core.backtest.report import report_data
from core.backtest.sweep import Cell, sweep
from tests.backtest.streams import BEGIN, WEEK, make_model_type, make_stream


def test_each_pair_is_replayed_and_the_own_one_comes_out_as_it_did(changed: Replay) -> None:
    told: list[Cell] = []
    other, own = sweep(
        make_stream(),
        make_model_type(),
        [(0.3, 0.02), (0.03, 0.02)],
        start=BEGIN + 6 * WEEK,
        step=WEEK,
        on_cell=told.append,
    )
    refit = policy_figures(changed)[Policy.REFIT]

    assert len(told) == 2
    assert (own.figures.value, own.figures.series) == (refit.value, refit.series)
    assert own.figures.retrainings == refit.retrainings
    assert other.retraining_threshold == 0.3
    assert other.figures.retrainings < refit.retrainings
    document = report_data(changed, [other, own])["sweep"]
    assert [cell["retraining_threshold"] for cell in document] == [0.3, 0.03]
    assert document[1]["accuracy"] == refit.value
