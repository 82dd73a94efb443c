from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from core.domain import CheckVerdict, MonitorState
from core.engines.continuous_learning import ContinuousLearningEngine
from core.engines.label_free import learn_reference
from core.monitoring.check import (
    Checked,
    Watched,
    check_champion,
    read_labels_from,
    read_rows_from,
    state_after_attempt,
)
from core.monitoring.profile import make_profile
from core.monitoring.unlabelled import DRIFT_STANDS
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
    window = changes.pop("window", WEEK)
    start = as_of - window
    if watched is not None:
        start = read_labels_from(watched, kind, as_of=as_of, window=window)
    past = frame[frame["at"] <= as_of]
    return check_champion(
        model_type=kind,
        watched=watched,
        labelled=past[past["at"] > start],
        recent=past[past["at"] > as_of - window],
        as_of=as_of,
        window=window,
        **changes,
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
    assert len(json.dumps(found.state)) < 6_000
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
    assert found.state["sequential"] == once.state["sequential"]


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


def test_labels_of_too_few_rows_say_nothing_and_count_later(good: Any) -> None:
    frame, watched = good
    half = frame.copy()
    half["y"] = half["y"].astype(float)
    as_of = moment(frame, 4500)
    half.loc[4000::2, "y"] = np.nan
    labelled = half[half["y"].notna()].astype({"y": int})
    found = check_champion(
        model_type=KIND,
        watched=watched,
        labelled=labelled[labelled["at"] <= as_of],
        recent=half[4332:4501],
        as_of=as_of,
        window=WEEK,
    )
    assert found.check.verdict is CheckVerdict.INSUFFICIENT_DATA
    assert "50% of the 169 rows" in found.check.reason
    assert found.check.sequential is not None
    assert found.check.sequential.labels == 0
    whole = look(frame, after(watched, found, as_of), moment(frame, 4510))
    assert whole.check.sequential is not None
    assert whole.check.sequential.labels == 511


def test_labels_that_take_longer_than_the_window_must_speak_for_all_rows_too(good: Any) -> None:
    frame, watched = good
    month = timedelta(days=30)
    kind = replace(KIND, label_delay=month)
    watched = replace(watched, profile=None, since=watched.since + month)
    as_of = moment(frame, 4500) + month
    labelled = frame[4000:4501]
    start = read_rows_from(watched, kind, as_of=as_of, window=WEEK)
    recent = frame[(frame["at"] > start) & (frame["at"] <= as_of)].astype({"y": float})
    recent.loc[recent.index % 2 == 0, "y"] = np.nan
    found = check_champion(
        model_type=kind,
        watched=watched,
        labelled=labelled[labelled.index % 2 == 1],
        recent=recent,
        as_of=as_of,
        window=WEEK,
    )
    assert found.check.maturity is not None
    assert found.check.maturity.matured_rows == 168
    assert found.check.verdict is CheckVerdict.INSUFFICIENT_DATA
    assert found.check.sequential is not None
    assert found.check.sequential.labels == 0


def test_rows_of_the_delay_before_the_window_are_neither_drift_nor_estimate(good: Any) -> None:
    frame, watched = good
    as_of = moment(frame, 4800)
    month = timedelta(days=30)
    watched = replace(watched, profile=replace(watched.profile, usual_delay_seconds=86400.0 * 30))
    waiting = frame[:4801].astype({"y": float})
    waiting.loc[4000:, "y"] = np.nan

    def estimated(rows_from: datetime) -> int:
        found = check_champion(
            model_type=KIND,
            watched=watched,
            labelled=frame[:0],
            recent=waiting[waiting["at"] > rows_from],
            as_of=as_of,
            window=WEEK,
        )
        assert found.check.estimate is not None
        return found.check.estimate.rows

    assert estimated(as_of - WEEK - month) == estimated(as_of - WEEK) == 168


def test_a_look_sees_rows_that_count_in_its_window_not_only_those_labelled_late(good: Any) -> None:
    frame, watched = good
    kind = replace(KIND, label_time_column="known")
    labelled = frame[4000:5001].copy()
    late = labelled.index % 10 == 0
    labelled["known"] = labelled["at"] + pd.to_timedelta(np.where(late, 20, 1), unit="D")
    watched = replace(
        watched, profile=replace(watched.profile, usual_delay_seconds=20 * 86400.0, estimate={})
    )
    as_of = moment(frame, 5000)
    start = read_labels_from(watched, kind, as_of=as_of, window=WEEK)
    shown = labelled[(labelled["known"] > start) & (labelled["known"] <= as_of)]
    found = check_champion(
        model_type=kind,
        watched=watched,
        labelled=shown,
        recent=shown[:0],
        as_of=as_of,
        window=WEEK,
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
    attempt = state_after_attempt(watched.state, moment(moved, 5010))
    monitor = MonitorState(revision=9, seen_until=moment(moved, 5010), state=attempt)
    watched = replace(watched, monitor=monitor)
    found = look(moved, watched, moment(moved, 5020), window=month)
    assert DRIFT_STANDS not in found.check.reason


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
        labelled=pd.DataFrame(),
        recent=pd.DataFrame(),
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
