"""One replay that several tests look at."""

from __future__ import annotations

import pytest

from core.backtest.replay import Replay, replay
from tests.backtest.streams import BEGIN, WEEK, make_model_type, make_stream


@pytest.fixture(scope="session")
def changed() -> Replay:
    """Sixteen weeks whose world changes in the tenth, looked at each week from the sixth on."""
    return replay(make_stream(), make_model_type(), start=BEGIN + 6 * WEEK, step=WEEK)
