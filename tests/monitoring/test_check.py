from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from core.backtest.history import History
from core.domain import CheckVerdict, MonitorState
from core.engines.continuous_learning import ContinuousLearningEngine
from core.engines.label_free import learn_reference
from core.monitoring.check import Checked, Watched, check_champion, state_after_attempt
from core.monitoring.check_rows import CheckRows, rows_needed
from core.monitoring.profile import make_profile
from core.monitoring.unlabelled import DRIFT_STANDS
from core.monitoring.watched import DETECTOR
from tests.engines.rows import end_of, model_type, rows

DAY, WEEK = timedelta(days=1), timedelta(days=7)
KIND = model_type()


def table(count: int = 6000, *, broken_from: int | None = None) -> pd.DataFrame:
    """Rows of every hour; from some row on the answer is another."""
    frame = rows(count, seed=4, noise=1.0)
    if broken_from is not None:
        late = frame.index >= broken_from
        frame.loc[late, "y"] = 1 - frame.loc[late, "y"]
    return frame


def champion(frame: pd.DataFrame, *, trained_on: int = 4000, kind: Any = KIND) -> Watched:
    engine = ContinuousLearningEngine(kind)
    past = frame[:trained_on]
    plan = engine.plan(past, as_of=end_of(past), champion_cutoff=None)
    trained = engine.train(past, plan, seed=0)
    parts = engine.split(past, plan)
    learnt = learn_reference(trained.model, parts.holdout, metric=kind.metric, seed=0)
    profile = make_profile(kind, trained.model, parts.train, parts.holdout, seed=0, estimate=learnt)
    return Watched(
        model=trained.model,
        reference=trained.reference,
        profile=profile,
        since=plan.window_end,
        monitor=None,
    )


def look(
    frame: pd.DataFrame, watched: Watched | None, as_of: datetime, kind: Any = KIND, **changes: Any
) -> Checked:
    """A check that reads just what it says it needs."""
    window, shown = changes.pop("window", WEEK), CheckRows()
    if watched is not None:
        needed = rows_needed(watched, kind, as_of=as_of, window=window)
        shown = History(frame, kind).for_check(needed)
    return check_champion(
        model_type=kind, watched=watched, rows=shown, as_of=as_of, window=window, **changes
    )


def after(watched: Watched, checked: Checked, as_of: datetime) -> Watched:
    assert checked.state is not None
    revision = 0 if watched.monitor is None else watched.monitor.revision
    state = json.loads(json.dumps(checked.state))
    monitor = MonitorState(revision=revision + 1, seen_until=as_of, state=state)
    return replace(watched, monitor=monitor)


def moment(frame: pd.DataFrame, row: int) -> datetime:
    found: datetime = frame["at"][row].to_pydatetime()
    return found


@pytest.fixture(scope="module")
def good() -> tuple[pd.DataFrame, Watched]:
    frame = table()
    return frame, champion(frame)


@pytest.fixture(scope="module")
def bad() -> tuple[pd.DataFrame, Watched]:
    frame = table(broken_from=4200)
    return frame, champion(frame)


def test_an_unchanged_champion_stays_healthy(good: Any) -> None:
    frame, watched = good
    for row in range(4100, 6000, 100):
        found = look(frame, watched, moment(frame, row))
        watched = after(watched, found, moment(frame, row))
        assert found.check.verdict is CheckVerdict.HEALTHY, found.check.reason
        assert not found.check.needs_retraining
        assert found.check.sequential is not None
        assert found.check.sequential.labels == row - 3999
    assert len(json.dumps(found.state)) < 7_000
    assert "show no drop that matters" in found.check.reason
    json.dumps(found.check.as_json())


def test_a_broken_champion_is_trained_anew_and_alarms(bad: Any) -> None:
    frame, watched = bad
    verdicts = []
    for row in range(4100, 4500, 20):
        found = look(frame, watched, moment(frame, row))
        watched = after(watched, found, moment(frame, row))
        verdicts.append(found.check.verdict)
    assert verdicts[0] is CheckVerdict.HEALTHY
    assert found.check.verdict is CheckVerdict.DEGRADED
    assert found.check.alarm
    assert found.check.needs_retraining
    assert "prove it (level" in found.check.reason
    assert "a drop this size by chance: less than 1 in 1,000,000" in found.check.reason


def test_the_state_does_not_depend_on_when_checks_ran(good: Any) -> None:
    frame, watched = good
    end = moment(frame, 5500)
    once = look(frame, watched, end)
    often = watched
    for row in [*range(4010, 5500, 37), 5500]:
        found = look(frame, often, moment(frame, row))
        often = after(often, found, moment(frame, row))
    assert once.state is not None
    assert found.state is not None
    assert found.state[DETECTOR] == once.state[DETECTOR]


def test_a_changed_label_delay_counts_no_label_twice(good: Any) -> None:
    """Rows count at other times then: the test begins anew rather than meet them again."""
    frame, watched = good
    watched = replace(watched, profile=None)
    counted = []
    for row, days in ((4300, 1), (4600, 1), (4700, 3), (4800, 3)):
        kind, at = model_type(label_delay=timedelta(days=days)), moment(frame, row)
        found = look(frame, watched, at, kind=kind)
        watched = after(watched, found, at)
        assert found.check.sequential is not None
        counted.append(found.check.sequential.labels)
    assert counted[:2] == [301, 601]
    assert 0 < counted[2] <= 100 + 24 * 8
    assert counted[3] == counted[2] + 100


def test_an_attempt_answers_the_training_and_not_the_alarm(bad: Any) -> None:
    frame, watched = bad
    at = moment(frame, 4480)
    found = look(frame, watched, at)
    assert found.state is not None
    watched = after(watched, found, at)
    assert watched.monitor is not None
    attempted = replace(watched.monitor, state=state_after_attempt(found.state, at))
    later = look(frame, replace(watched, monitor=attempted), moment(frame, 4482)).check
    assert (later.alarm, later.verdict) == (True, CheckVerdict.DEGRADED)
    assert later.sequential is not None
    assert later.sequential.attempt_level < 1000
    assert not later.needs_retraining


def test_a_question_of_ones_own_gets_a_single_look_and_changes_nothing(bad: Any) -> None:
    frame, watched = bad
    own = look(frame, watched, moment(frame, 4480), threshold=0.9)
    assert own.state is None
    assert own.check.verdict is CheckVerdict.HEALTHY
    assert not own.check.needs_retraining
    assert own.check.alarm
    assert "In the checks that repeat, the 481 labels since deployment prove it" in own.check.reason
    day = look(frame, watched, moment(frame, 4480), window=timedelta(days=3), custom_window=True)
    assert day.state is None
    assert day.check.samples == 72
    assert day.check.verdict is CheckVerdict.DEGRADED


def test_a_check_of_a_time_before_the_last_one_changes_nothing(good: Any) -> None:
    frame, watched = good
    seen = after(watched, look(frame, watched, moment(frame, 5000)), moment(frame, 5000))
    earlier = look(frame, seen, moment(frame, 4500))
    assert earlier.state is None
    assert earlier.check.sequential is None
    assert earlier.check.samples == 168


def test_a_small_reference_is_judged_by_a_strict_look(bad: Any) -> None:
    frame, watched = bad
    watched = replace(watched, reference=replace(watched.reference, samples=300))
    found = look(frame, watched, moment(frame, 4480)).check
    assert (found.sequential, found.low_power) == (None, True)
    assert (found.verdict, found.alarm) == (CheckVerdict.DEGRADED, True)


def unlabelled(frame: pd.DataFrame, keep: Any) -> pd.DataFrame:
    """The same rows, those that are not kept without a label."""
    return frame.assign(y=frame["y"].astype(float).where(keep))


def test_labels_of_too_few_rows_say_nothing_and_count_later(good: Any) -> None:
    frame, watched = good
    as_of = moment(frame, 4150)
    half = unlabelled(frame, (frame.index < 4000) | (frame.index % 2 == 1))
    found = look(half, watched, as_of)
    assert found.check.verdict is CheckVerdict.INSUFFICIENT_DATA
    assert "Only 55% of the 168 rows" in found.check.reason
    assert "filled in again" not in found.check.reason
    assert found.check.sequential is not None
    assert found.check.sequential.labels == 0
    whole = look(frame, after(watched, found, as_of), moment(frame, 4160))
    assert whole.check.sequential is not None
    assert whole.check.sequential.labels == 161


def test_labels_that_take_longer_than_the_window_must_speak_for_all_rows_too(good: Any) -> None:
    frame, watched = good
    month = timedelta(days=30)
    kind = replace(KIND, label_delay=month)
    watched = replace(watched, profile=None, since=watched.since + month)
    half = unlabelled(frame, (frame.index < 4000) | (frame.index % 2 == 1))
    found = look(half, watched, moment(frame, 4500) + month, kind)
    assert found.check.maturity is not None
    assert found.check.maturity.matured_rows == 168
    assert found.check.verdict is CheckVerdict.INSUFFICIENT_DATA
    assert found.check.sequential is not None
    assert found.check.sequential.labels == 0


def test_without_a_profile_the_share_of_labels_before_the_training_is_the_usual(good: Any) -> None:
    frame, watched = good
    thirds = unlabelled(frame, frame.index % 3 > 0)
    found = look(thirds, replace(watched, profile=None), moment(frame, 4600)).check
    assert found.maturity is not None
    assert found.maturity.coverage == pytest.approx(2 / 3)
    assert found.maturity.coverage_needed == pytest.approx(0.8 * 2 / 3)
    assert found.verdict is CheckVerdict.HEALTHY
    assert found.sequential is not None
    assert found.sequential.labels == 401

    quick = unlabelled(frame, (frame.index < 4000) | (frame.index % 3 == 0))
    found = look(quick, replace(watched, profile=None), moment(frame, 4600)).check
    assert found.verdict is CheckVerdict.INSUFFICIENT_DATA


def test_without_a_profile_or_rows_of_before_any_share_is_enough(good: Any) -> None:
    frame, watched = good
    later = unlabelled(frame, frame.index % 3 > 0)[4000:]
    found = look(later, replace(watched, profile=None), moment(frame, 4600)).check
    assert found.maturity is not None
    assert found.maturity.coverage_needed == 0
    assert found.verdict is CheckVerdict.HEALTHY


def test_a_time_in_which_labels_stayed_away_is_told_and_left_out_and_not_read_again(
    good: Any,
) -> None:
    frame, watched = good
    is_quick = frame.index % 4 == 0
    kind = replace(KIND, label_time_column="known")
    stopped = unlabelled(frame, (frame.index < 4400) | is_quick).assign(known=frame["at"])
    for row in range(4100, 5001, 100):
        found = look(stopped, watched, moment(frame, row), kind)
        watched = after(watched, found, moment(frame, row))
    assert found.check.verdict is CheckVerdict.INSUFFICIENT_DATA
    counted = moment(frame, 4400)
    assert f"none has been counted since {counted:%Y-%m-%d}" in found.check.reason
    assert '"y" is filled in again' in found.check.reason
    assert found.check.figures["counted_until"] == counted.isoformat()
    assert found.check.sequential is not None
    assert found.check.sequential.labels == 401
    as_of = moment(frame, 5000)
    needed = rows_needed(watched, kind, as_of=as_of, window=WEEK)
    assert as_of - needed.counting.start <= WEEK + DAY

    # Labels come again, those that were missing among them.
    late = (frame.index >= 4400) & (frame.index < 5000) & ~is_quick
    again = frame.assign(known=frame["at"].mask(late, pd.Timestamp(as_of + DAY)))
    found = look(again, watched, moment(frame, 5200), kind)
    assert found.check.verdict is CheckVerdict.HEALTHY
    assert found.check.sequential is not None
    given_up = moment(frame, 5000) - WEEK
    expected = 401 + int(((frame["at"] > given_up) & (frame["at"] <= moment(frame, 5200))).sum())
    assert found.check.sequential.labels == expected
    assert found.state is not None
    assert found.state["labels"]["counted_until"] == moment(frame, 5200).isoformat()


def test_labels_that_are_not_counted_do_not_judge_the_estimates_either(good: Any) -> None:
    frame, watched = good
    quick = unlabelled(frame, (frame.index < 4000) | (frame.index % 3 == 0))
    watched = replace(watched, profile=replace(watched.profile, label_coverage=1.0))
    few, whole = (look(rows, watched, moment(frame, 5000)) for rows in (quick, frame))
    assert few.state is not None
    assert whole.state is not None
    assert few.state["estimate"] != whole.state["estimate"]
    assert few.state["estimate"]["scored_until"] is None


def test_rows_of_the_delay_before_the_window_are_no_drift(good: Any) -> None:
    frame, watched = good
    waiting = unlabelled(frame, frame.index < 4000)
    month = replace(watched, profile=replace(watched.profile, usual_delay_seconds=86400.0 * 30))

    def found(watched: Watched) -> tuple[int, int]:
        check = look(waiting, watched, moment(frame, 4800)).check
        assert check.estimate is not None
        assert check.drift is not None
        return check.drift.rows, check.estimate.rows

    # The estimate goes on waiting for rows that have no label yet.
    assert found(watched) == (168, 168)
    assert found(month) == (168, 720)


def test_a_look_sees_rows_that_count_in_its_window_not_only_those_labelled_late(good: Any) -> None:
    frame, watched = good
    kind = replace(KIND, label_time_column="known")
    is_late = frame.index % 10 == 0
    known = frame["at"] + pd.to_timedelta(np.where(is_late, 20, 1), unit="D")
    profile = replace(watched.profile, usual_delay_seconds=20 * 86400.0, estimate={})
    found = look(
        frame[4000:].assign(known=known),
        replace(watched, profile=profile),
        moment(frame, 5000),
        kind,
    )
    assert found.check.samples == 168


def test_drift_asks_for_a_training_until_one_is_begun(good: Any) -> None:
    frame, watched = good
    moved = frame.copy()
    moved.loc[4000:, ["a", "b"]] += 1.5
    month = timedelta(days=30)
    for row in (4500, 5000, 5010):
        found = look(moved, watched, moment(moved, row), window=month)
        watched = after(watched, found, moment(moved, row))
    assert found.check.drift is None
    assert found.check.needs_retraining
    assert DRIFT_STANDS in found.check.reason
    assert found.check.figures["drift_stands"] is True
    attempt = state_after_attempt(watched.state, moment(moved, 5010))
    monitor = MonitorState(revision=9, seen_until=moment(moved, 5010), state=attempt)
    watched = replace(watched, monitor=monitor)
    found = look(moved, watched, moment(moved, 5020), window=month)
    assert DRIFT_STANDS not in found.check.reason
    assert found.check.figures["drift_stands"] is False


def test_nothing_deployed_needs_a_first_training() -> None:
    found = look(table(10), None, datetime(2026, 3, 1, tzinfo=UTC))
    assert found.check.needs_retraining
    assert found.check.reason == "No model is deployed."
    assert found.state is None


def test_no_rows_at_all_is_no_verdict(good: Any) -> None:
    _, watched = good
    found = check_champion(
        model_type=KIND,
        watched=watched,
        rows=CheckRows(),
        as_of=watched.since + timedelta(hours=1),
        window=WEEK,
    )
    assert found.check.verdict is CheckVerdict.INSUFFICIENT_DATA
    assert found.check.samples == 0
    assert not found.check.needs_retraining


def test_drift_of_what_matters_in_two_windows_starts_a_training(good: Any) -> None:
    frame, watched = good
    moved = frame.copy()
    moved.loc[4000:, ["a", "b"]] += 1.5
    kind, trainings = KIND, []
    for row in range(4500, 6000, 500):
        month = timedelta(days=30)
        found = look(moved, watched, moment(moved, row), kind=kind, window=month)
        watched = after(watched, found, moment(moved, row))
        assert found.check.drift is not None
        trainings.append(found.check.drift.starts_training)
        assert found.check.needs_retraining or not trainings[-1]
    assert trainings == [False, True, True]
