"""The chart of a metric over time: what is drawn of the rows, and what is left out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from core.explanations.words import ENGLISH
from functions.dashboard.performance_chart import performance_figure, quality_figure
from functions.dashboard.performance_table import (
    TABLE_ROWS,
    limit_of,
    performance_table,
    value_bounds,
)

START = datetime(2026, 11, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def point(day: float, **changes: Any) -> dict[str, Any]:
    return {
        "at": (START + day * DAY).isoformat(),
        "metric": "accuracy",
        "value": 0.85,
        "baseline": 0.87,
        "degradation": 0.02,
        "ci_low": 0.0,
        "ci_high": 0.04,
        "samples": 1240,
        "threshold": 0.03,
        "verdict": "healthy",
        "version": 4,
        **changes,
    }


def series(*points: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {
        "metric": points[-1]["metric"] if points else None,
        "since": START.isoformat(),
        "until": (START + 30 * DAY).isoformat(),
        "points": list(points),
        **changes,
    }


def traces(figure: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {trace.get("name", "lower edge"): trace for trace in figure["data"]}


def test_a_chart_has_the_line_its_interval_the_baseline_and_the_limit() -> None:
    figure = performance_figure(
        series(point(1), point(2, value=0.8, verdict="degraded")), [], ENGLISH, "en"
    )
    drawn = traces(figure)
    assert set(drawn) == {
        *("lower edge", "Uncertainty", "When it was deployed", "Limit", "Accuracy", "Got worse"),
    }
    assert drawn["Accuracy"]["y"] == [0.85, 0.8]
    assert drawn["lower edge"]["y"] == pytest.approx([0.83, 0.83])
    assert drawn["Uncertainty"]["y"] == pytest.approx([0.87, 0.87])
    assert drawn["Limit"]["y"] == pytest.approx([0.84, 0.84])
    assert drawn["Got worse"]["x"] == ["2026-11-03T00:00:00Z"]


def test_an_error_is_worse_above_its_limit_which_is_a_share_of_the_baseline() -> None:
    row = point(1, metric="mae", baseline=20.0, value=24.0, threshold=0.1, ci_high=0.5)
    assert limit_of(row) == pytest.approx(22.0)
    assert value_bounds(row) == pytest.approx((20.0, 30.0))


def test_steps_are_drawn_by_their_turns_alone() -> None:
    rows = [point(day, baseline=0.87 if day < 10 else 0.9) for day in range(20)]
    drawn = traces(performance_figure(series(*rows), [], ENGLISH, "en"))
    assert drawn["When it was deployed"]["y"] == [0.87, 0.9, 0.9]
    assert len(drawn["Accuracy"]["y"]) == 20


def test_checks_without_a_baseline_or_an_interval_leave_these_lines_out() -> None:
    figure = performance_figure(
        series(point(1, baseline=None, ci_low=None, ci_high=None)), [], ENGLISH, "en"
    )
    assert set(traces(figure)) == {"Accuracy"}


def test_every_deployment_is_marked_and_labels_stand_apart() -> None:
    deployed = [
        {"at": (START + day * DAY).isoformat(), "version": version, "is_rollback": back}
        for version, (day, back) in enumerate([(5, False), (20, False), (20.1, True)], start=1)
    ]
    layout = performance_figure(series(point(1)), deployed, ENGLISH, "en")["layout"]
    assert len(layout["shapes"]) == 3
    # The second would stand under the third: it stands above it.
    rows = {label["text"]: label["yshift"] for label in layout["annotations"]}
    assert rows == {"↩ v3": 0, "v2": 16, "v1": 0}


def test_many_deployments_at_once_have_as_many_labels_as_there_is_room_for() -> None:
    deployed = [
        {"at": (START + (20 + n / 100) * DAY).isoformat(), "version": n, "is_rollback": False}
        for n in range(6)
    ]
    layout = performance_figure(series(point(1)), deployed, ENGLISH, "en")["layout"]
    assert [label["text"] for label in layout["annotations"]] == ["v5", "v4", "v3"]


@pytest.mark.parametrize(
    ("first", "begin"),
    [
        (20, datetime(2026, 11, 20, 12, tzinfo=UTC)),  # a twentieth before its first point
        (0.1, START),  # never before the time that was asked for
        (29.99, datetime(2026, 11, 29, 22, 48, tzinfo=UTC)),  # a day, however new the point is
    ],
)
def test_the_time_begins_with_the_first_point(first: float, begin: datetime) -> None:
    earlier = {"at": (START + DAY / 100).isoformat(), "version": 1, "is_rollback": False}
    layout = performance_figure(series(point(first)), [earlier], ENGLISH, "en")["layout"]
    assert layout["xaxis"]["range"][0] == f"{begin:%Y-%m-%dT%H:%M:%SZ}"
    assert len(layout["shapes"]) == (first == 0.1), "what is outside is not drawn"


def test_figures_are_written_as_the_language_does() -> None:
    assert performance_figure(series(point(1)), [], ENGLISH, "nl")["layout"]["separators"] == ",."
    assert performance_figure(series(point(1)), [], ENGLISH, "en")["layout"]["separators"] == ".,"


def test_the_table_has_the_newest_rows_in_words() -> None:
    rows = performance_table(series(*[point(day / 10) for day in range(80)]), ENGLISH)
    assert len(rows) == TABLE_ROWS
    assert rows[0]["at"] > rows[-1]["at"]
    assert rows[0]["interval"] == "83% – 87%"
    assert (rows[0]["value"], rows[0]["limit"], rows[0]["label"]) == ("85%", "84%", "Healthy")


def test_the_score_of_the_data_goes_to_a_hundred() -> None:
    figure = quality_figure(
        series(
            {"at": START.isoformat(), "score": 0.934, "metric": None},
        ),
        ENGLISH,
        "en",
    )
    assert figure["data"][0]["y"] == [93.4]
