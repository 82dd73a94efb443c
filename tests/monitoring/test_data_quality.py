from __future__ import annotations

from datetime import timedelta
from time import perf_counter
from typing import Any

import numpy as np
import pandas as pd
import pytest

from core.domain import DataQuality
from core.monitoring.data_quality import assess
from core.monitoring.quality_rows import measure_freshness
from tests.engines.rows import ALL_KINDS, all_kinds, model_type, regression_type, rows


def names(quality: DataQuality) -> dict[str, str | None]:
    return {finding.name: finding.column for finding in quality.findings}


def test_clean_rows_score_one_and_have_no_finding() -> None:
    quality = assess(rows(500), model_type())
    assert (quality.score, quality.rows, quality.findings) == (1.0, 500, ())
    assert not quality.is_blocking


def test_every_kind_of_column_can_be_assessed() -> None:
    quality = assess(all_kinds(300), model_type(feature_columns=ALL_KINDS))
    assert names(quality) == {"all_missing_column": "nothing"}
    assert 0 < quality.missing_share < 0.3
    assert 0 < quality.score < 1


def test_what_a_person_should_know_is_found_and_does_not_block() -> None:
    frame = rows(500).assign(a=1.0)
    frame.loc[3, "b"] = np.inf
    frame.loc[7, "id"] = 6
    quality = assess(frame, model_type())
    assert names(quality) == {
        "constant_column": "a",
        "infinite_values": "b",
        "duplicate_rows": None,
    }
    assert quality.duplicate_rows == 1
    assert not quality.is_blocking


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"y": 1}, "one_class"),
        ({"y": [None] + [0, 1] * 249 + [1]}, "missing_target"),
        ({"at": "soon"}, "time_is_no_time"),
        ({"at": 5}, "time_is_no_time"),
    ],
)
def test_what_makes_training_wrong_blocks(changes: dict[str, Any], name: str) -> None:
    quality = assess(rows(500).assign(**changes), model_type())
    assert name in names(quality)
    assert quality.is_blocking
    assert quality.score == 0


@pytest.mark.parametrize(
    ("target", "name"), [("words", "target_is_no_number"), (2.0, "constant_target")]
)
def test_a_regressions_target_has_to_be_a_number_that_varies(
    target: str | float, name: str
) -> None:
    quality = assess(rows(500).assign(y=target), regression_type())
    assert name in names(quality)
    assert quality.is_blocking


def test_too_few_rows_and_missing_columns_block() -> None:
    assert "too_few_rows" in names(assess(rows(99), model_type()))
    assert "too_few_rows" in names(assess(rows(0), model_type()))
    for column in ("a", "at", "y"):
        quality = assess(rows(200).drop(columns=column), model_type())
        assert names(quality)["missing_column"] == column
        assert quality.is_blocking


def test_without_keys_whole_rows_are_compared() -> None:
    frame = pd.concat([rows(200), rows(200)[:3]]).drop(columns="id")
    frame["tags"] = [["x"]] * 203
    quality = assess(frame, model_type(feature_columns=("a", "b", "tags")))
    assert quality.duplicate_rows == 3
    assert names(quality)["constant_column"] == "tags"


# Missing values, classes, freshness ----------------------------------------------------------


def test_a_column_that_is_mostly_empty_is_named_with_its_share() -> None:
    frame = rows(400)
    frame.loc[frame.index % 4 != 0, "a"] = np.nan
    frame.loc[frame.index % 4 == 0, "b"] = np.nan

    quality = assess(frame, model_type())

    (finding,) = quality.findings
    assert (finding.name, finding.column) == ("missing_values", "a")
    assert finding.figures == {"share": 0.75}
    assert quality.details["missing"] == {"a": 0.75, "b": 0.25}
    assert quality.missing_share == quality.score == 0.5


def test_a_class_with_very_few_rows_is_named() -> None:
    frame = rows(500).assign(y=["often"] * 480 + ["seldom"] * 15 + ["never"] * 5)

    (finding,) = assess(frame, model_type()).findings

    assert (finding.name, finding.blocking) == ("rare_class", False)
    assert finding.detail == "The target \"y\" has the class 'never' in only 5 of 500 rows."
    assert finding.figures == {
        "value": "never",
        "rows": 5,
        "of": 500,
        "rare_classes": 2,
        "needed": 20,
    }
    assert assess(frame[:495], model_type()).details["classes"] == {"often": 480, "seldom": 15}


@pytest.mark.parametrize("hours", [1, 2.5])
def test_rows_that_come_as_usual_are_fresh(hours: float) -> None:
    frame = rows(500)
    now = frame["at"].max().to_pydatetime() + timedelta(hours=hours)

    quality = assess(frame, model_type(), as_of=now)

    assert quality.findings == ()
    assert quality.details["freshness"]["age_seconds"] == 3600 * hours


def test_rows_that_have_stopped_coming_are_stale() -> None:
    frame = rows(500)
    now = frame["at"].max().to_pydatetime() + timedelta(hours=30)

    quality = assess(frame, model_type(), as_of=now)

    (finding,) = quality.findings
    assert (finding.name, finding.blocking) == ("stale_rows", False)
    assert finding.figures["age_seconds"] == 30 * 3600
    assert 3000 < finding.figures["usual_seconds"] < 3600
    assert finding.detail == (
        "The newest label is 30 hours old; usually it is no older than 57 minutes."
    )
    assert quality.score == 1


def test_labels_are_as_old_as_they_became_known_not_as_their_rows() -> None:
    frame = rows(500)
    frame["known"] = frame["at"] + timedelta(days=30)
    now = frame["at"].max().to_pydatetime() + timedelta(days=30, hours=1)
    for kind in (
        model_type(label_time_column="known"),
        model_type(label_delay=timedelta(days=30)),
    ):
        assert assess(frame, kind, as_of=now).findings == ()
        assert assess(frame, kind, as_of=now + timedelta(days=3)).findings != ()


def test_what_comes_once_a_week_is_fresh_for_a_week_and_more() -> None:
    frame = rows(1000)
    weeks = pd.Timestamp("2026-01-01", tz="UTC") + pd.to_timedelta(frame["id"] // 40 * 7, unit="D")
    frame["at"] = weeks + pd.to_timedelta(frame["id"] % 40, unit="min")
    newest = frame["at"].max().to_pydatetime()

    assert assess(frame, model_type(), as_of=newest + timedelta(days=9)).findings == ()
    assert assess(frame, model_type(), as_of=newest + timedelta(days=22)).findings != ()


def test_a_fresh_stream_is_hardly_ever_called_stale() -> None:
    random, stale = np.random.default_rng(0), 0
    frame = rows(200)
    for _ in range(500):
        times = random.exponential(3600, 201).cumsum()
        frame["at"] = pd.Timestamp("2026-01-01", tz="UTC") + pd.to_timedelta(
            times[:200], unit="s"
        ).round("us")
        now = frame["at"].max().to_pydatetime() + timedelta(seconds=random.exponential(3600))
        freshness = measure_freshness(frame, model_type(), as_of=now)
        assert freshness is not None
        stale += freshness.is_stale
    assert stale <= 2  # e⁻⁹ each


def test_a_large_frame_is_assessed_at_once() -> None:
    random = np.random.default_rng(0)
    frame = rows(50_000)
    for i in range(18):
        frame[f"x{i}"] = random.normal(size=50_000) if i % 3 else random.choice(list("abc"), 50_000)
    kind = model_type(feature_columns=tuple(c for c in frame if c not in {"id", "at", "y"}))
    began = perf_counter()
    quality = assess(frame, kind, as_of=frame["at"].max().to_pydatetime())
    assert perf_counter() - began < 3  # a third of it where nothing else runs
    assert {f.column for f in quality.findings} == {"number"}  # which y is cut from
