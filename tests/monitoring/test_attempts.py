"""What a training that was begun changes for the checks after it, whenever they hear of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from core.domain import CheckVerdict, MonitorState
from core.monitoring.check import Watched, state_after_attempt
from core.monitoring.label_buckets import ShownLabels
from core.monitoring.sequential import ALARM_AT, TRAINING_AT, EDetector
from tests.engines.rows import model_type, rows
from tests.judgement.reading import after, champion, look, moment

KIND = model_type()
HOUR = timedelta(hours=1)
BROKEN_FROM, ATTEMPT = 4200, 4480


@pytest.fixture(scope="module")
def broken() -> tuple[pd.DataFrame, Watched]:
    """Rows of every hour; from some row on the answer is another."""
    frame = rows(5000, seed=4, noise=1.0)
    late = frame.index >= BROKEN_FROM
    frame.loc[late, "y"] = 1 - frame.loc[late, "y"]
    return frame, champion(frame)


def counted(detector: EDetector, frame: pd.DataFrame, until: datetime) -> EDetector:
    """The test once it has counted all rows up to a time, each a wrong answer in three."""
    shown = frame[frame["at"] <= until]
    times = shown["at"].dt.tz_localize(None).to_numpy(dtype="datetime64[us]")
    keys = shown["id"].to_numpy(dtype=np.uint64)
    losses = (shown["id"].to_numpy() % 3 == 0).astype(float)
    labels = ShownLabels(losses=losses, countable_at=times, happened_at=times, keys=keys)
    return detector.count(labels, until=until)[0]


@pytest.mark.parametrize("late", [0, 1, 30, 100])
def test_an_attempt_that_is_told_late_changes_what_it_would_have_changed_at_once(late: int) -> None:
    frame = rows(1200, seed=1)
    at, told, end = (moment(frame, row) for row in (700, 700 + late, 1100))
    start = counted(EDetector.start(0.3), frame, at)

    at_once = counted(counted(start.after_attempt(at), frame, told), frame, end)
    later = counted(counted(start, frame, told).after_attempt(at), frame, end)

    assert later == at_once
    assert later.level == counted(start, frame, end).level
    assert later.labels == 1101


def test_told_twice_or_after_a_later_one_an_attempt_changes_nothing(broken: Any) -> None:
    frame, watched = broken
    as_of = moment(frame, ATTEMPT)
    state = look(frame, KIND, watched, as_of).state
    assert state is not None
    once = state_after_attempt(state, as_of)

    assert once != state
    assert state_after_attempt(once, as_of) == once
    assert state_after_attempt(once, as_of - 48 * HOUR) == once


def test_a_check_that_is_told_of_an_attempt_passes_it_on_and_counts_on(broken: Any) -> None:
    frame, watched = broken
    found = look(frame, KIND, watched, moment(frame, ATTEMPT))
    assert found.check.sequential is not None
    assert found.check.sequential.attempt_level > TRAINING_AT
    watched = after(watched, found, moment(frame, ATTEMPT))

    # A check that did not know of it has ended in between.
    unaware = look(frame, KIND, watched, moment(frame, ATTEMPT + 4))
    assert unaware.check.needs_retraining
    watched = after(watched, unaware, moment(frame, ATTEMPT + 4))
    watched = replace(watched, attempted_at=moment(frame, ATTEMPT))
    levels, labels = [], 0
    for row in range(ATTEMPT + 8, 5000, 8):
        told = look(frame, KIND, watched, moment(frame, row))
        watched = after(watched, told, moment(frame, row))
        assert told.check.sequential is not None
        levels.append(told.check.sequential.attempt_level)
        labels = told.check.sequential.labels

    assert (told.check.alarm, labels) == (True, row - 3999)
    assert levels[0] < 20
    assert levels[-1] > TRAINING_AT  # the evidence since then asks for another one
    assert told.check.needs_retraining


def test_a_test_that_starts_after_an_attempt_knows_of_it(broken: Any) -> None:
    frame, watched = broken
    watched = replace(watched, attempted_at=moment(frame, ATTEMPT))

    found = look(frame, KIND, watched, moment(frame, ATTEMPT + 4)).check

    assert found.sequential is not None
    assert found.sequential.level > ALARM_AT
    assert found.sequential.attempt_level < TRAINING_AT
    assert (found.alarm, found.needs_retraining) == (True, False)


@pytest.mark.parametrize("samples", [800, 300])
def test_a_look_at_the_past_is_no_alarm(broken: Any, samples: int) -> None:
    frame, watched = broken
    watched = replace(watched, reference=replace(watched.reference, samples=samples))
    as_of = moment(frame, ATTEMPT)
    now = look(frame, KIND, watched, as_of)
    assert (now.check.alarm, now.check.low_power) == (True, samples < 500)
    seen = MonitorState(revision=1, seen_until=as_of + HOUR, state=now.state or {})

    past = look(frame, KIND, replace(watched, monitor=seen), as_of)

    assert (past.check.verdict, past.check.sequential) == (CheckVerdict.DEGRADED, None)
    assert (past.check.needs_retraining, past.check.alarm, past.state) == (True, False, None)
