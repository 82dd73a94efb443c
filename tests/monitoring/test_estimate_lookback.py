from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pandas as pd
import pytest

from core.backtest.history import History
from core.domain import EstimateStatus, LabelFreeEstimate, MonitorState
from core.engines.continuous_learning import ContinuousLearningEngine
from core.engines.label_free import learn_reference, least_rows
from core.monitoring.check import Watched, check_champion
from core.monitoring.check_rows import LONGEST_WAIT, rows_needed
from core.monitoring.profile import make_profile
from tests.engines.rows import end_of, model_type, rows

DAY, WEEK = timedelta(days=1), timedelta(days=7)
SLOW = model_type(label_delay=40 * DAY)
ROWS_A_WEEK = 7 * 48


@pytest.fixture(scope="module")
def slow() -> tuple[pd.DataFrame, Watched]:
    """Rows of every half hour whose labels take forty days, and a champion of the first 4,000."""
    frame = rows(9000, seed=4, noise=1.0)
    frame["at"] = pd.date_range("2026-01-01", periods=len(frame), freq="30min", tz="UTC")
    past = frame[:4000]
    engine = ContinuousLearningEngine(SLOW)
    plan = engine.plan(past, as_of=end_of(past) + SLOW.label_delay, champion_cutoff=None)
    trained, parts = engine.train(past, plan, seed=0), engine.split(past, plan)
    learnt = learn_reference(trained.model, parts.holdout, metric=SLOW.metric, seed=0)
    profile = make_profile(SLOW, trained.model, parts.train, parts.holdout, seed=0, estimate=learnt)
    watched = Watched(
        model=trained.model,
        reference=trained.reference,
        profile=profile,
        since=plan.window_end,
        monitor=None,
    )
    return frame, watched


def estimated(frame: pd.DataFrame, watched: Watched, as_of: datetime) -> LabelFreeEstimate:
    needed = rows_needed(watched, SLOW, as_of=as_of, window=WEEK)
    found = check_champion(
        model_type=SLOW,
        watched=watched,
        rows=History(frame, SLOW).for_check(needed),
        as_of=as_of,
        window=WEEK,
    )
    assert found.check.estimate is not None
    return found.check.estimate


def test_an_estimate_looks_back_as_far_as_it_needs(slow: Any) -> None:
    frame, watched = slow
    least = least_rows(watched.profile.estimate)
    assert least is not None
    assert least > 3 * ROWS_A_WEEK  # never in a window of seven days
    after = [estimated(frame, watched, watched.since + n * WEEK) for n in (1, 2, 3, 5)]

    found = [estimate.status for estimate in after]
    assert found == [EstimateStatus.INSUFFICIENT_DATA] * 3 + [EstimateStatus.VALID]
    assert [estimate.rows for estimate in after] == [
        ROWS_A_WEEK,
        2 * ROWS_A_WEEK,
        3 * ROWS_A_WEEK,
        least,
    ]
    assert "An estimate needs" in after[0].reason


def test_it_takes_no_row_of_before_the_training_or_the_last_attempt_and_none_with_a_label(
    slow: Any,
) -> None:
    frame, watched = slow
    as_of = watched.since + 5 * WEEK
    begun = as_of - 2 * WEEK
    tried = MonitorState(revision=1, seen_until=begun, state={"attempt_at": begun.isoformat()})
    assert estimated(frame, replace(watched, monitor=tried), as_of).rows == 2 * ROWS_A_WEEK

    quick = replace(SLOW, label_delay=2 * DAY)
    profile = replace(watched.profile, usual_delay_seconds=2 * 86_400.0)
    needed = rows_needed(replace(watched, profile=profile), quick, as_of=as_of, window=WEEK)
    assert needed.waiting is None


def test_no_more_is_read_than_an_estimate_needs(slow: Any) -> None:
    _, watched = slow
    as_of = watched.since + 20 * WEEK
    least = least_rows(watched.profile.estimate)
    assert least is not None

    def weeks(watched: Watched, **changes: Any) -> float:
        reference = replace(watched.reference, **changes)
        needed = rows_needed(replace(watched, reference=reference), SLOW, as_of=as_of, window=WEEK)
        if needed.waiting is None:
            return 0
        assert needed.waiting.end == as_of - WEEK
        return float((as_of - needed.waiting.start) / WEEK)

    assert weeks(watched) == SLOW.label_delay / WEEK
    never = replace(watched, profile=replace(watched.profile, usual_delay_seconds=1e9))
    assert weeks(never, label_spacing_seconds=86_400.0) == LONGEST_WAIT / WEEK
    assert weeks(never, label_spacing_seconds=700.0) == pytest.approx(2 * least * 700 / 604_800)
    assert weeks(never, label_spacing_seconds=60.0) == 0  # the window holds enough
    assert weeks(never, label_spacing_seconds=None) == 0

    without = replace(watched, profile=replace(watched.profile, estimate={"missing": "R²."}))
    assert weeks(without) == 0
