from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bench.judgement.drift import SHIFTED, draw, drifted, learn, simulate
from core.domain import DriftReport, DriftSeverity
from core.engines.continuous_learning import ContinuousLearningEngine
from core.engines.fitted_model import FittedModel
from core.errors import DataError
from core.monitoring.comparison import compare_shares
from core.monitoring.distributions import LevelDistribution, NumberDistribution
from core.monitoring.drift import detect_drift
from core.monitoring.drift_windows import DriftTracker
from core.monitoring.level_drift import compare_levels
from core.monitoring.number_drift import compare_numbers
from core.monitoring.profile import ReferenceProfile, make_profile
from tests.engines.rows import ALL_KINDS, all_kinds, model_type

START = datetime(2026, 6, 1, tzinfo=UTC)
END = START + timedelta(days=7)


@pytest.fixture(scope="module")
def champion() -> tuple[FittedModel, ReferenceProfile]:
    frame = with_notes(all_kinds(3000))
    chosen = model_type(feature_columns=ALL_KINDS)
    model = ContinuousLearningEngine(chosen).fit_window(frame[:2000], seed=0)
    return model, make_profile(chosen, model, frame[:2000], frame[2000:], seed=0)


def with_notes(frame: pd.DataFrame) -> pd.DataFrame:
    """Texts that do not grow with the number of the row."""
    return frame.assign(text=[f"note {10_000 + i} about {'words ' * (i % 5)}" for i in frame["id"]])


def window(count: int, *, seed: int = 7) -> pd.DataFrame:
    frame = with_notes(all_kinds(count, seed=seed))
    frame["at"] = pd.Timestamp(START) + pd.to_timedelta(np.linspace(0.001, 7, count), unit="D")
    frame["since"] = pd.Series(frame["at"] - timedelta(days=30)).mask(frame["since"].isna())
    return frame


def check(
    champion: tuple[FittedModel, ReferenceProfile],
    frame: pd.DataFrame,
    tracker: DriftTracker | None = None,
) -> tuple[DriftReport, DriftTracker]:
    return detect_drift(
        champion[1],
        frame,
        model=champion[0],
        window_start=START,
        window_end=END,
        tracker=tracker or DriftTracker.start(START),
        seed=0,
    )


def severities(report: DriftReport) -> dict[str, DriftSeverity]:
    return {column.column: column.severity for column in report.features}


def test_rows_like_those_before_have_not_drifted(
    champion: tuple[FittedModel, ReferenceProfile],
) -> None:
    # Names of customers are new in every row, texts count up: neither is a change.
    report, tracker = check(champion, window(1000))
    assert set(severities(report).values()) == {DriftSeverity.NONE}
    assert not report.alarm
    assert tracker.alarms == (False,)
    assert tracker.seen_until == END
    assert "None of the 10 features has drifted in 1,000 rows" in report.reason


def test_columns_come_with_the_most_important_first_and_the_report_is_json(
    champion: tuple[FittedModel, ReferenceProfile],
) -> None:
    report, _ = check(champion, window(1000))
    importance = [column.importance or 0.0 for column in report.features]
    assert importance == sorted(importance, reverse=True)
    assert {report.features[0].column, report.features[1].column} == {"a", "b"}
    assert report.as_json()["features"][0]["severity"] == "none"


@pytest.mark.parametrize(
    ("column", "change"),
    [
        ("a", lambda f: f["a"] + 1),
        ("count", lambda f: f["count"] // 3),
        ("flag", lambda f: f["flag"].where(f["id"] % 3 > 0, True)),
        ("city", lambda f: f["city"].where(f["id"] % 3 > 0, "Ulm")),
        ("text", lambda f: f["text"] + " and more words at the end"),
        ("since", lambda f: f["since"] - timedelta(days=20)),
    ],
)
def test_a_change_of_any_kind_of_column_is_found_in_it_alone(
    champion: tuple[FittedModel, ReferenceProfile], column: str, change: Any
) -> None:
    frame = window(1000)
    frame[column] = change(frame)
    found = severities(check(champion, frame)[0])
    assert {name for name, severity in found.items() if severity != "none"} == {column}


def test_missing_values_and_new_categories_are_findings_of_their_own(
    champion: tuple[FittedModel, ReferenceProfile],
) -> None:
    frame = window(1000)
    frame["b"] = frame["b"].mask(frame["id"] % 4 == 0)
    frame["city"] = frame["city"].mask(frame["id"] % 8 == 0, "Mainz")
    found = {column.column: column for column in check(champion, frame)[0].features}
    assert found["b"].missing_severity is found["b"].severity is DriftSeverity.SEVERE
    assert found["b"].missing_now == pytest.approx(0.25)
    assert found["city"].new_categories == pytest.approx(0.125, abs=0.02)
    assert found["city"].new_categories_severity is DriftSeverity.SEVERE
    assert found["plan"].severity is DriftSeverity.NONE


def test_the_target_counts_only_where_its_label_was_known(
    champion: tuple[FittedModel, ReferenceProfile],
) -> None:
    frame = window(1000)
    frame["y"] = 1
    target = check(champion, frame)[0].target
    assert target is not None
    assert target.severity is DriftSeverity.SEVERE
    late = window(1000).assign(y=1, known=END + timedelta(days=1))
    chosen = model_type(feature_columns=ALL_KINDS, label_time_column="known")
    before = with_notes(all_kinds(3000)).assign(known=START)
    profile = make_profile(chosen, champion[0], before[:2000], before[2000:], seed=0)
    target = check((champion[0], profile), late)[0].target
    assert target is not None
    assert target.p_value is None


def test_predictions_that_move_are_seen(champion: tuple[FittedModel, ReferenceProfile]) -> None:
    frame = window(1000)
    frame["a"] += 2
    prediction = check(champion, frame)[0].prediction
    assert prediction is not None
    assert prediction.severity is DriftSeverity.SEVERE


def test_an_alarm_needs_half_of_the_importance_and_a_training_two_of_three_windows(
    champion: tuple[FittedModel, ReferenceProfile],
) -> None:
    useless = window(1000)
    useless["city"] = "Ulm"
    report, tracker = check(champion, useless)
    assert severities(report)["city"] is DriftSeverity.SEVERE
    assert not report.alarm
    assert 'Drifted in 1,000 rows: "city" (severe)' in report.reason
    moved = window(1000)
    moved["a"] += 1
    moved["b"] -= 1
    first, tracker = check(champion, moved, tracker)
    assert first.alarm
    assert not first.starts_training
    second, tracker = check(champion, moved, tracker)
    assert (second.windows_in_alarm, second.starts_training) == (2, True)
    assert second.reason.endswith("so that a training may start.")
    assert not tracker.after_attempt().starts_training


def test_a_tracker_survives_storage_and_forgets_old_windows() -> None:
    tracker = DriftTracker.start(START)
    for day, alarm in enumerate((True, True, False, False)):
        tracker = tracker.add(START + timedelta(days=day + 1), alarm=alarm)
        assert DriftTracker.from_state(tracker.as_state()) == tracker
    assert tracker.alarms == (True, False, False)
    assert not tracker.starts_training


def test_a_window_waits_for_a_day_and_500_rows_but_no_longer_than_it_may() -> None:
    week = timedelta(days=7)
    tracker = DriftTracker.start(START)

    def after(count: int, hours: float) -> tuple[datetime, datetime] | None:
        end = START + timedelta(hours=hours)
        offsets = pd.to_timedelta(np.linspace(0.1, 1, count) * hours, unit="h")
        times = pd.Series(pd.Timestamp(START) + offsets)
        return tracker.next_window(times, as_of=end, longest=week)

    assert after(5000, 23) is None
    assert after(499, 48) is None
    assert after(500, 48) == (START, START + timedelta(hours=48))
    assert after(49, 7 * 24) is None
    assert after(50, 7 * 24) == (START, START + week)


def test_too_few_rows_say_nothing_and_leave_the_tracker(
    champion: tuple[FittedModel, ReferenceProfile],
) -> None:
    tracker = DriftTracker.start(START)
    report, after = check(champion, window(49), tracker)
    assert after == tracker
    assert report.features == ()
    assert "too few" in report.reason


def test_rows_outside_the_window_are_left_out_and_a_lost_column_is_named(
    champion: tuple[FittedModel, ReferenceProfile],
) -> None:
    frame = window(1000)
    later = window(1000).assign(at=END + timedelta(days=1), a=99.0)
    report, _ = check(champion, pd.concat([frame, later]))
    assert report.rows == 1000
    assert severities(report)["a"] is DriftSeverity.NONE
    with pytest.raises(DataError, match='"city"'):
        check(champion, frame.drop(columns="city"))


def test_a_large_window_is_tested_on_a_fixed_sample(
    champion: tuple[FittedModel, ReferenceProfile],
) -> None:
    frame = window(12_000)
    report, _ = check(champion, frame)
    shuffled = frame.sample(frac=1, random_state=1)
    assert check(champion, shuffled)[0].features == report.features


@pytest.mark.parametrize("rows", [50, 200, 1000, 20_000])
def test_without_drift_hardly_any_window_is_in_alarm(rows: int) -> None:
    windows = 30 if rows < 10_000 else 10
    reports = simulate(rows, windows=windows, seed=3)
    alarms = sum(bool(drifted(report)) for report in reports)
    # At 5 % more than 4 of 30 windows would come up in 2 of 100 such tests.
    assert alarms <= 4
    assert not any(report.alarm for report in reports)


def test_a_shift_of_a_third_of_a_deviation_is_found_in_a_thousand_rows() -> None:
    reports = simulate(1000, windows=20, seed=4, shift=0.35)
    found = np.array([[name in drifted(report) for name in SHIFTED] for report in reports])
    assert found.mean() >= 0.9


def test_tests_on_distributions_keep_their_level() -> None:
    random = np.random.default_rng(0)
    p_values: dict[str, list[float]] = {"numbers": [], "counts": [], "levels": [], "shares": []}
    for size in (60, 600):
        for _ in range(100):
            numbers = NumberDistribution.of(random.normal(size=1500))
            p_values["numbers"].append(compare_numbers(numbers, random.normal(size=size)).p_value)
            counts = NumberDistribution.of(random.poisson(1, 1500).astype(float))
            now = random.poisson(1, size).astype(float)
            p_values["counts"].append(compare_numbers(counts, now).p_value)
            names, new = (pd.Series(random.geometric(0.2, n).astype(str)) for n in (1500, size))
            levels = LevelDistribution.of(names)
            p_values["levels"].append(compare_levels(levels, new, seed=0).p_value)
            few, before = (int(random.binomial(n, 0.03)) for n in (size, 1500))
            p_values["shares"].append(compare_shares(few, size, before, 1500).p_value)
    for found in p_values.values():
        # 200 draws at a level of .05: more than 20 in one of 1,000 such tests.
        assert (np.array(found) <= 0.05).sum() <= 20


def test_rows_that_wander_together_are_no_alarm() -> None:
    random = np.random.default_rng(0)
    alarms = {True: 0, False: 0}
    for _ in range(40):
        levels = np.repeat(random.normal(size=110), 40) + 0.3 * random.normal(size=4400)
        reference = NumberDistribution.of(levels[:4000])
        for aware in alarms:
            known = (
                reference
                if aware
                else NumberDistribution.from_json(reference.as_json() | {"clustering": 1.0})
            )
            found = compare_numbers(known, levels[4000:])
            alarms[aware] += found.p_value <= 0.05 and found.severity is not DriftSeverity.NONE
    assert alarms[True] <= 4
    assert alarms[False] >= 30


def follow(count: int, after: float, random: np.random.Generator, features: int) -> Any:
    """Five levels of numbers of which each follows the one before it (columns of a table)."""
    steps = random.normal(size=(count, features)) * np.sqrt(1 - after**2)
    numbers = np.zeros((count, features))
    for row in range(1, count):
        numbers[row] = after * numbers[row - 1] + steps[row]
    return np.array(list("abcde"))[np.searchsorted([-1, -0.3, 0.3, 1], numbers)]


def test_categories_that_follow_on_each_other_are_tested_at_their_level() -> None:
    random = np.random.default_rng(0)
    p_values = []
    for column in follow(10_500, 0.9, random, features=30)[500:].T:
        reference = LevelDistribution.of(pd.Series(column[:4000], dtype="str"))
        for start in range(4500, 10_000, 550):
            now = pd.Series(column[start : start + 500], dtype="str")
            p_values.append(compare_levels(reference, now, seed=0).p_value)
    # By the mean over all scores, in place of the one that wanders most, 27 of these 300 are less.
    assert (np.array(p_values) <= 0.05).sum() <= 15


def test_categories_that_do_not_follow_on_each_other_lose_next_to_nothing() -> None:
    random = np.random.default_rng(0)
    columns = follow(4000, 0.0, random, features=100).T
    found = [LevelDistribution.of(pd.Series(c, dtype="str")).clustering for c in columns]
    assert np.mean(found) < 1.35


def test_a_constant_column_that_takes_another_value_has_drifted() -> None:
    reference = NumberDistribution.of(np.full(500, 3.0))
    for value in (2.0, 4.0):
        found = compare_numbers(reference, np.full(500, value))
        assert found.p_value < 1e-9
        assert found.severity is DriftSeverity.SEVERE
    assert compare_numbers(reference, np.full(500, 3.0)).p_value == 1.0


def test_the_rows_of_the_bench_have_every_kind_of_column() -> None:
    _, profile = learn(draw(500, np.random.default_rng(0)), holdout=100)
    assert set(profile.column_kinds.values()) == {"numeric", "boolean", "categorical", "text"}
    assert len(profile.features) == 20
