from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from core.backtest.history import History
from core.domain import MonitorState, Reference
from core.monitoring.check_rows import CheckRows, coverage_columns, rows_needed
from core.monitoring.maturity import countable_at
from core.monitoring.sequential import EDetector
from core.monitoring.watched import DETECTOR, Watched
from tests.engines.rows import model_type, rows

DAY, WEEK = timedelta(days=1), timedelta(days=7)
SLOW = model_type(label_time_column="known", label_delay=30 * DAY)


def slowly_labelled(count: int = 3000) -> pd.DataFrame:
    """Rows of every hour; most labels come within a month, some later, some never."""
    frame = rows(count, seed=1)
    days = np.random.default_rng(0).exponential(12.0, count)
    frame["known"] = frame["at"] + pd.to_timedelta(days, unit="D")
    return frame.assign(y=frame["y"].astype(float).where(frame.index % 5 > 0))


def champion(since: datetime, *, closed: datetime | None = None) -> Watched:
    """One that nothing was asked of yet, or whose test has closed what came before a time."""
    monitor = None
    if closed is not None:
        test = EDetector.start(0.2).closed(closed + WEEK)
        monitor = MonitorState(
            revision=1, seen_until=closed + WEEK, state={DETECTOR: test.as_state()}
        )
    reference = Reference(metric=SLOW.metric, value=0.8, samples=2000)
    return Watched(model=None, reference=reference, profile=None, since=since, monitor=monitor)  # type: ignore[arg-type]


def shown(frame: pd.DataFrame, watched: Watched, as_of: datetime) -> CheckRows:
    return History(frame, SLOW).for_check(rows_needed(watched, SLOW, as_of=as_of, window=WEEK))


def test_labelled_rows_are_those_that_begin_to_count_and_no_others() -> None:
    frame = slowly_labelled()
    as_of, closed = frame["at"][2500].to_pydatetime(), frame["at"][2300].to_pydatetime()
    found = shown(frame, champion(frame["at"][100], closed=closed), as_of).labelled

    labelled = frame[frame["y"].notna()].reset_index(drop=True)
    counts = pd.Series(countable_at(labelled, SLOW, 30 * DAY)).dt.tz_localize("UTC")
    open_from = EDetector.start(0.2).closed(closed + WEEK).closed_until
    expected = labelled[(counts >= open_from) & (counts <= as_of)]
    assert len(expected) > 100
    assert found["id"].tolist() == expected["id"].tolist()


def test_a_long_delay_makes_a_check_read_no_more_rows() -> None:
    frame = rows(6000, seed=1)
    as_of = frame["at"][5500].to_pydatetime()
    for days in (0, 90):
        kind = model_type(label_delay=days * DAY)
        watched = champion(frame["at"][100], closed=as_of - WEEK)
        needed = rows_needed(watched, kind, as_of=as_of, window=WEEK)
        found = History(frame, kind).for_check(needed)
        assert 168 <= len(found.labelled) <= 168 + 4
        assert len(found.due) == 168


def test_a_bucket_that_may_still_change_is_shown_from_its_very_first_moment() -> None:
    frame = rows(2000, seed=1)  # of whole hours, as buckets begin
    kind, as_of = model_type(), frame["at"][1500].to_pydatetime()
    watched = champion(frame["at"][100], closed=as_of - WEEK)
    open_from = EDetector.from_state(watched.state[DETECTOR]).closed_until
    needed = rows_needed(watched, kind, as_of=as_of, window=WEEK)
    assert History(frame, kind).for_check(needed).labelled["at"].min() == open_from


def test_a_window_of_ones_own_is_read_whole() -> None:
    as_of = datetime(2026, 3, 1)  # noqa: DTZ001
    watched = replace(champion(datetime(2026, 2, 1)), monitor=None)  # noqa: DTZ001
    needed = rows_needed(watched, model_type(), as_of=as_of, window=60 * DAY)
    assert needed.counting.start == as_of - 60 * DAY
    assert needed.due.end - needed.due.start == 60 * DAY


def test_coverage_is_told_by_three_columns() -> None:
    assert coverage_columns(SLOW) == ("at", "y", "known")


def test_what_no_test_can_count_is_not_read_again_and_again() -> None:
    """A test of an older form, or one of another metric, never closes what it has not counted."""
    frame = rows(6000, seed=1)
    as_of = frame["at"][5500].to_pydatetime()
    watched = champion(frame["at"][100], closed=frame["at"][200].to_pydatetime())
    kind = replace(SLOW, metric="f1")
    assert rows_needed(watched, kind, as_of=as_of, window=WEEK).counting.start == as_of - WEEK
    old = {"sequential": watched.state[DETECTOR]}
    monitor = MonitorState(revision=1, seen_until=as_of - WEEK, state=old)
    watched = replace(watched, monitor=monitor)
    assert rows_needed(watched, SLOW, as_of=as_of, window=WEEK).counting.start == as_of - WEEK
