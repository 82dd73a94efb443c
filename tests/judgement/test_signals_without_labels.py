"""What is seen before labels come may ask for a training; it decides nothing about what serves."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pytest

from core.domain import CheckVerdict, EstimateStatus
from core.engines.estimate_score import EstimateScore, ScoredChunk
from core.monitoring.check import Checked, Watched
from tests.engines.rows import model_type, rows
from tests.judgement.reading import after, champion, look, moment

DELAY = timedelta(days=6)
KIND = model_type(label_delay=DELAY)
ROW = 5990
WRONG = ScoredChunk(
    until=datetime(2026, 2, 1, tzinfo=UTC), rows=2000, estimated=0.9, realised=0.7, variance=1e-4
)


@pytest.fixture(scope="module")
def waiting() -> tuple[pd.DataFrame, Watched]:
    """A champion, and rows of every five minutes whose labels take six days."""
    frame = rows(6200, seed=4, noise=1.0)
    frame["at"] = pd.date_range("2026-01-01", periods=len(frame), freq="5min", tz="UTC")
    made = champion(frame)
    assert made.profile is not None
    profile = replace(made.profile, usual_delay_seconds=DELAY.total_seconds())
    return frame, replace(made, profile=profile, since=made.since + DELAY)


def expecting(watched: Watched, value: float) -> Watched:
    """The same champion, had it scored ``value`` on all parts of its holdout."""
    assert watched.profile is not None
    learnt = dict(watched.profile.estimate)
    learnt["chunks"] = learnt["chunks"] | {"mean": value, "mean_variance": 1e-6}
    return replace(watched, profile=replace(watched.profile, estimate=learnt))


def checked(frame: pd.DataFrame, watched: Watched, row: int = ROW) -> Checked:
    return look(frame, KIND, watched, moment(frame, row))


def score_of(found: Checked) -> Any:
    assert found.check.estimate is not None
    return found.check.estimate


def test_an_estimate_below_its_band_starts_a_training_and_raises_no_alarm(waiting: Any) -> None:
    frame, watched = waiting
    usual = checked(frame, watched).check
    assert usual.estimate is not None
    assert usual.estimate.status is EstimateStatus.VALID
    assert not usual.needs_retraining

    found = checked(frame, expecting(watched, 0.999)).check

    assert found.estimate is not None
    assert found.estimate.outside_band
    assert found.needs_retraining
    assert found.estimate.reason in found.reason
    # The alarm is what lets a challenger that is merely as good replace the champion.
    assert not found.alarm
    assert found.verdict is usual.verdict is CheckVerdict.HEALTHY


def test_estimates_that_were_wrong_start_no_training_however_bad_they_look(waiting: Any) -> None:
    frame, watched = waiting
    watched = expecting(watched, 0.999)
    first = checked(frame, watched)
    assert score_of(first).status is EstimateStatus.VALID
    assert first.state is not None
    off = EstimateScore.from_state(first.state["estimate"]).add(WRONG, tolerated=0.015)
    assert off.off
    left = replace(first, state=first.state | {"estimate": off.as_state()})

    watched = after(watched, left, moment(frame, ROW))
    for row in (ROW + 24, ROW + 96):
        found = checked(frame, watched, row)
        watched = after(watched, found, moment(frame, row))
        assert score_of(found).status is EstimateStatus.OFF
        assert score_of(found).value is None
        assert not found.check.needs_retraining


def test_drift_alone_starts_a_training_and_raises_no_alarm(waiting: Any) -> None:
    frame, watched = waiting
    # Drift goes by the rows' own times: its first window begins where the champion's rows end.
    watched = replace(watched, since=watched.since - DELAY)
    moved = frame.copy()
    moved.loc[4000:, ["a", "b"]] += 1.5
    for row in (4600, 5200):
        found = checked(moved, watched, row)
        watched = after(watched, found, moment(moved, row))

    assert found.check.drift is not None
    assert found.check.drift.starts_training
    assert found.check.needs_retraining
    assert not found.check.alarm
    assert found.check.verdict is not CheckVerdict.DEGRADED
