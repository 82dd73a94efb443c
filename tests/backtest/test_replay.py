"""Replays of small streams: what is decided, by what was known at its time."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from core.backtest.figures import policy_figures
from core.backtest.history import History
from core.backtest.records import Action, Policy
from core.backtest.replay import Replay, replay
from core.domain import Task
from core.errors import RefitError
from tests.backtest.streams import BEGIN, WEEK, make_model_type, make_stream

START = BEGIN + 6 * WEEK
CHANGE = BEGIN + 10 * WEEK


def test_a_change_is_found_and_a_challenger_deployed(changed: Replay) -> None:
    before = [e for e in changed.events[1:] if e.as_of <= CHANGE]
    after = [e for e in changed.events if e.as_of > CHANGE]

    assert changed.events[0].action is Action.DEPLOYED
    assert all(e.action is Action.NONE for e in before)
    assert any(e.verdict == "degraded" for e in after)
    assert any(e.action is Action.DEPLOYED for e in after)


def test_figures_order_the_policies_as_they_should(changed: Replay) -> None:
    figures = policy_figures(changed)
    never, refit = figures[Policy.NEVER], figures[Policy.REFIT]
    every = figures[Policy.EVERY_STEP]

    assert never.value is not None
    assert refit.value is not None
    assert refit.value > never.value + 0.05
    assert (never.retrainings, every.retrainings) == (0, 9)
    assert 0 < refit.deployments <= refit.retrainings < every.retrainings
    assert refit.training_seconds > 0
    assert len(refit.series) == len(changed.timeline.moments)


def test_every_row_after_the_start_is_predicted_once_and_by_then(changed: Replay) -> None:
    rows = np.concatenate([np.arange(span.start, span.stop) for span in changed.spans])

    # The row at the very start was the last of the first training.
    assert rows.tolist() == list(range(6 * 336 + 1, 16 * 336))
    right = changed.predicted[Policy.NEVER][rows] == changed.truth[rows]
    assert right.mean() == pytest.approx(policy_figures(changed)[Policy.NEVER].value)


def test_what_comes_later_changes_nothing_before(changed: Replay) -> None:
    frame = make_stream()
    later = frame["at"] > pd.Timestamp(CHANGE + WEEK)
    frame.loc[later, "answer"] = "no"

    other = replay(frame, make_model_type(), start=START, step=WEEK, policies=(Policy.REFIT,))

    known = [e for e in changed.events if e.as_of <= CHANGE + WEEK]
    assert list(other.events[: len(known)]) == known
    assert other.events[len(known) :] != changed.events[len(known) :]


def test_the_same_replay_comes_out_the_same(changed: Replay) -> None:
    again = replay(
        make_stream().sample(frac=1.0, random_state=3),  # the order of the rows does not matter
        make_model_type(),
        start=START,
        step=WEEK,
        policies=(Policy.REFIT,),
    )
    assert again.events == changed.events


def test_on_data_that_do_not_change_nothing_is_retrained() -> None:
    found = replay(
        make_stream(change_week=None),
        make_model_type(),
        start=START,
        step=WEEK,
        policies=(Policy.REFIT,),
    )
    assert sum(e.retrained for e in found.events) == 1  # the first


def test_the_cool_down_holds_trainings_back() -> None:
    found = replay(
        make_stream(),
        make_model_type(cool_down=timedelta(days=365)),
        start=START,
        step=WEEK,
        policies=(Policy.REFIT,),
    )
    held = [e for e in found.events if e.action is Action.HELD_BACK]

    assert held
    assert held[0].reason.startswith("cool_down: the last training began at 2026-02-16 00:00")
    assert not any(e.retrained for e in found.events[1:])


def test_a_budget_of_nothing_allows_not_even_the_first_training() -> None:
    with pytest.raises(RefitError, match="monthly_retraining_budget: 0 of 0 trainings"):
        replay(make_stream(), make_model_type(monthly_retraining_budget=0), start=START, step=WEEK)


def test_labels_count_from_the_time_at_which_they_were_known() -> None:
    frame = make_stream(weeks=3)
    frame["labelled_at"] = frame["at"] + pd.Timedelta(days=3)
    frame.loc[5, "labelled_at"] = pd.NaT  # a target that nobody could have known
    frame.loc[7, "answer"] = None
    history = History(frame, make_model_type(label_time_column="labelled_at"))

    known = history.known_in(None, BEGIN + timedelta(days=4))

    assert len(history) == len(frame) - 2
    assert known["at"].max() == pd.Timestamp(BEGIN + timedelta(days=1))
    assert not {6, 8} & set(known["id"])
    assert len(history.happened_in(BEGIN, BEGIN + timedelta(hours=4))) == 8


def test_a_first_model_that_may_not_serve_ends_the_replay() -> None:
    frame = make_stream(weeks=8)
    frame["answer"] = np.random.default_rng(1).choice(["yes", "no"], len(frame))

    with pytest.raises(RefitError, match="The first model may not serve"):
        replay(frame, make_model_type(), start=START, step=WEEK)


def test_a_quantity_is_replayed_too() -> None:
    frame = make_stream(weeks=10, change_week=None)
    frame["answer"] = 3 * frame["first"] + frame["second"]
    found = replay(
        frame,
        make_model_type(task=Task.REGRESSION, metric="rmse"),
        start=START,
        step=WEEK,
    )
    values = {policy: one.value for policy, one in policy_figures(found).items()}
    assert all(value is not None and value < 0.5 for value in values.values())
