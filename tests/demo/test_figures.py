"""Steps, figures and words, on records made by hand."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pytest
from rich.console import Console

from core.backtest.records import Action, Event, Policy, Timeline
from core.backtest.words import what_was_done
from core.demo.figures import compute_figures
from core.demo.records import Subject
from core.demo.report import as_json, story
from core.demo.table import make_view
from core.domain import ModelType, Task

START = datetime(2026, 1, 5, tzinfo=UTC)
WEEK = timedelta(weeks=1)
TIMELINE = Timeline(step=WEEK, moments=tuple(START + n * WEEK for n in range(4)))


def make_subject(**changes: Any) -> Subject:
    frame = pd.DataFrame(
        {
            "id": range(6),
            "at": pd.to_datetime([START + n * WEEK / 2 for n in range(6)], utc=True),
            "x": 0.5,
            "y": ["a", "b", "a", "b", "a", "b"],
        }
    )
    fields: dict[str, Any] = {
        "name": "demo_7_churn",
        "source_relation": "public.churn",
        "key_columns": ("id",),
        "time_column": "at",
        "target_column": "y",
        "feature_columns": ("x",),
        "task": Task.CLASSIFICATION,
        "metric": "accuracy",
    }
    return Subject(model_type=ModelType(**fields | changes), frame=frame)


def make_event(step: int, **changes: Any) -> Event:
    fields: dict[str, Any] = {
        "model_type": "demo_7_churn",
        "as_of": START + step * WEEK,
        "verdict": "healthy",
        "metric": "accuracy",
        "baseline": 0.8,
        "current": 0.8,
        "action": Action.NONE,
        "model_version": 1,
    }
    return Event(**fields | changes)


EVENTS = [
    make_event(
        0,
        verdict="insufficient_data",
        baseline=None,
        current=None,
        challenger=1,
        action=Action.DEPLOYED,
    ),
    make_event(1),
    make_event(2, verdict="degraded", current=0.5, challenger=2, action=Action.REJECTED),
    make_event(
        3,
        verdict="degraded",
        current=0.5,
        challenger=3,
        action=Action.DEPLOYED,
        model_version=3,
        improvement=0.25,
    ),
]


def make_predictions(hits: dict[Policy, list[bool]]) -> pd.DataFrame:
    """One row for each step and policy."""
    return pd.DataFrame(
        [
            {
                "policy": str(policy),
                "row_time": START + (step + 0.5) * WEEK,
                "actual": "a",
                "prediction": "a" if hit else "b",
            }
            for policy, row in hits.items()
            for step, hit in enumerate(row)
        ]
    )


PREDICTIONS = make_predictions(
    {
        Policy.NEVER: [True, False, False, False],
        Policy.REFIT: [True, True, False, True],
        Policy.EVERY_STEP: [True, True, True, True],
    }
)


def test_a_window_holds_what_was_labelled_in_it_and_its_last_moment() -> None:
    subject = make_subject(training_window=WEEK, label_delay=WEEK / 2)

    # Labels are known half a week after their rows: those of rows 1 and 2 in this window.
    assert subject.window(START + 1.5 * WEEK)["id"].tolist() == [1, 2]
    assert make_subject().window(START + WEEK)["id"].tolist() == [0, 1, 2]


def test_rows_between_two_steps_belong_to_the_first_of_them() -> None:
    subject = make_subject()

    parts = [subject.between(m, m + WEEK)["id"].tolist() for m in TIMELINE.moments]

    assert parts == [[1, 2], [3, 4], [5], []]


@pytest.mark.parametrize(("step", "days"), [(WEEK, 7), (WEEK / 14, 1), (WEEK / 7 * 1.5, 2)])
def test_a_check_looks_back_one_step_in_whole_days(step: timedelta, days: int) -> None:
    assert Timeline(step=step, moments=(START,)).window_days == days


def test_figures_count_hits_and_trainings_but_not_the_first() -> None:
    found = compute_figures(make_subject(), TIMELINE, EVENTS, PREDICTIONS)

    assert {p: (f.value, f.retrainings) for p, f in found.policies.items()} == {
        Policy.NEVER: (0.25, 0),
        Policy.REFIT: (0.75, 2),
        Policy.EVERY_STEP: (1.0, 3),
    }
    assert (found.rows, found.steps) == (6, 4)


def test_a_regression_is_measured_by_its_own_error() -> None:
    subject = make_subject(task=Task.REGRESSION, metric="rmse", target_column="x")
    predictions = PREDICTIONS.assign(actual=1.0, prediction=[1.0, 4.0] * 6)

    found = compute_figures(subject, TIMELINE, EVENTS, predictions)

    assert found.as_json()["policies"]["never"] == {
        "rmse": pytest.approx((9 / 2) ** 0.5),
        "retrainings": 0,
    }


def test_further_model_types_come_beside_the_first_in_json() -> None:
    first = compute_figures(make_subject(), TIMELINE, EVENTS, PREDICTIONS)
    second = compute_figures(make_subject(name="demo_7_spend"), TIMELINE, [], PREDICTIONS)

    document = as_json([first, second])

    assert document == first.as_json() | {
        "model_types": {"churn": first.as_json(), "spend": second.as_json()}
    }


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "–"),
        ({"verdict": "degraded"}, "no new drop since the last training"),
        ({"verdict": "degraded", "action": Action.WAITED}, "waits for more labels"),
        (
            {"action": Action.DEPLOYED, "challenger": 4, "improvement": 0.0312},
            "retrained → version 4 deployed, +0.031",
        ),
        (
            {
                "action": Action.REJECTED,
                "challenger": 4,
                "improvement": -0.02,
                "failed_gates": ("beats_baseline", "better_than_champion"),
            },
            "retrained → version 4 rejected (beats baseline), -0.020",
        ),
        (
            {"action": Action.APPROVED, "challenger": 4, "metric": "mae", "improvement": 0.05},
            "retrained → version 4 as good, not surely better, +5.0%",
        ),
    ],
)
def test_what_was_done_is_said_in_a_few_words(changes: dict[str, Any], words: str) -> None:
    assert what_was_done(make_event(1, **changes)) == words


def test_the_story_tells_when_the_change_was_found_and_what_it_brought() -> None:
    found = compute_figures(make_subject(), TIMELINE, EVENTS, PREDICTIONS)

    told = story(found, PREDICTIONS, START + 1.5 * WEEK)

    assert told == (
        "churn: the audience changed on 2026-01-15; before it no drop was found (accuracy 1). On "
        "2026-01-19 Refit found the drop (accuracy 0.5), validated challengers and deployed "
        "version 3 on 2026-01-26. Since then: accuracy 1; never retrained it would be 0."
    )


def test_the_story_hides_no_false_alarm() -> None:
    found = compute_figures(make_subject(), TIMELINE, EVENTS, PREDICTIONS)
    assert "before it 2 drops were found" in story(found, PREDICTIONS, START + 10 * WEEK)


def test_on_a_terminal_the_whole_table_stays_although_it_is_higher_than_the_screen() -> None:
    output = io.StringIO()
    console = Console(file=output, force_terminal=True, width=100, height=8)
    timeline = Timeline(step=WEEK, moments=tuple(START + n * WEEK for n in range(20)))

    with make_view(timeline, several=False, console=console) as view:
        for step in range(20):
            view.working("checking")
            view.done(step, [make_event(step)])

    last_frame = output.getvalue().rpartition("verdict")[2]
    assert all(f"{START + n * WEEK:%Y-%m-%d}" in last_frame for n in range(20))
