from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from core.domain import DataQuality, ModelType, QualityFinding
from core.monitoring.data_quality import assess
from core.monitoring.known_after_label import MOST_ROWS, waiting_span
from tests.engines.rows import model_type, rows

FEATURES = ("a", "b", "number")


def stream(
    count: int = 3000, *, delay_days: float = 20, share: float = 1.0, seed: int = 0
) -> tuple[pd.DataFrame, pd.Timestamp]:
    """Hourly rows whose label comes after an exponential delay, to a share of them; and now."""
    random = np.random.default_rng(seed)
    frame = rows(count, seed=seed)
    delay = pd.to_timedelta(random.exponential(delay_days, count), unit="D")
    frame["labelled_at"] = (frame["at"] + delay).dt.as_unit("us")
    frame.loc[random.random(count) >= share, "labelled_at"] = pd.NaT
    now = frame["at"].max()
    known = (frame["labelled_at"] <= now).to_numpy(dtype=bool)
    frame["y"] = frame["y"].where(known)
    frame["labelled_at"] = frame["labelled_at"].where(known)
    return frame, now


def assessed(frame: pd.DataFrame, now: pd.Timestamp, kind: ModelType) -> DataQuality:
    """As a worker does: the labelled rows that are known, and all of the span that it asks for."""
    known = frame["y"].notna()
    if kind.label_time_column is None:
        known &= frame["at"] + kind.label_delay <= now
    labelled = frame[known].reset_index(drop=True)
    span = waiting_span(labelled, kind, as_of=now.to_pydatetime())
    recent = frame[(frame["at"] > span.start) & (frame["at"] <= span.end)] if span else None
    return assess(labelled, kind, recent=recent, as_of=now.to_pydatetime())


def suspects(frame: pd.DataFrame, now: pd.Timestamp, **changes: Any) -> list[QualityFinding]:
    settings = {"feature_columns": FEATURES, "label_time_column": "labelled_at"} | changes
    found = assessed(frame, now, model_type(**settings)).findings
    return [finding for finding in found if finding.name == "known_after_label"]


def test_a_number_that_is_filled_in_with_the_label_blocks() -> None:
    frame, now = stream()
    frame["b"] = frame["b"].where(frame["y"].notna())

    (finding,) = suspects(frame, now)

    assert (finding.column, finding.blocking) == ("b", True)
    assert finding.figures["pairs"] == finding.figures["waiting_empty"] == 100
    assert finding.figures["labelled_empty"] == 0
    assert finding.figures["p_value"] < 1e-20
    assert "100 of 100 rows that wait for" in finding.detail


def test_a_category_that_mostly_comes_with_the_label_is_a_warning_and_costs_score() -> None:
    frame, now = stream()
    early = np.random.default_rng(1).random(len(frame)) < 0.3
    frame["b"] = pd.Series(["won", "lost"] * 1500).where(frame["y"].notna() | early)

    (finding,) = suspects(frame, now)

    assert (finding.column, finding.blocking) == ("b", False)
    kind = model_type(feature_columns=FEATURES, label_time_column="labelled_at")
    assert assessed(frame, now, kind).score < 0.7


@pytest.mark.parametrize("delay", [timedelta(0), timedelta(days=20)])
def test_labels_that_all_come_after_the_same_time_are_compared_at_the_border(
    delay: timedelta,
) -> None:
    frame, now = stream()
    waits = frame["at"] + timedelta(days=20) > now
    frame["y"] = rows(len(frame))["y"].mask(waits)
    leaked = frame.assign(b=frame["b"].mask(waits))

    (finding,) = suspects(leaked, now, label_time_column=None, label_delay=delay)
    assert (finding.column, finding.blocking) == ("b", True)
    assert suspects(frame, now, label_time_column=None, label_delay=delay) == []


@pytest.mark.parametrize("delay_days", [2, 20])
@pytest.mark.parametrize("days_ago", [1, 5, 15, 40])
def test_a_column_that_was_given_up_or_begun_lately_is_no_suspect(
    days_ago: int, delay_days: float
) -> None:
    frame, now = stream(delay_days=delay_days)
    new = frame["at"] > now - timedelta(days=days_ago)
    frame["a"], frame["b"] = frame["a"].mask(new), frame["b"].where(new)

    assert suspects(frame, now) == []


@pytest.mark.parametrize("days_ago", [1, 15, 25, 40])
def test_nor_is_it_where_waiting_and_labelled_rows_do_not_overlap(days_ago: int) -> None:
    frame, now = stream()
    frame["y"] = rows(len(frame))["y"].mask(frame["at"] + timedelta(days=20) > now)
    new = frame["at"] > now - timedelta(days=days_ago)
    frame["a"], frame["b"] = frame["a"].mask(new), frame["b"].where(new)

    kinds = {"label_time_column": None, "label_delay": timedelta(days=20)}
    assert suspects(frame, now, **kinds) == []


def test_rows_that_never_get_a_label_and_are_poor_do_not_block() -> None:
    frame, now = stream(share=0.6, delay_days=5)
    poor = np.random.default_rng(0).permutation(len(frame)) < 0.3 * len(frame)
    never = frame["y"].isna() & (frame["at"] < now - timedelta(days=20))
    frame["b"] = frame["b"].mask(never | (poor & frame["y"].isna().to_numpy()))

    assert not any(finding.blocking for finding in suspects(frame, now))


def test_gaps_that_have_nothing_to_do_with_the_label_are_seldom_taken_for_it() -> None:
    found = 0
    for seed in range(20):
        frame, now = stream(1000, delay_days=8, seed=seed)
        random = np.random.default_rng(seed)
        for name, share in zip(FEATURES, (0.1, 0.5, 0.9), strict=True):
            frame[name] = frame[name].mask(random.random(len(frame)) < share)
        found += len(suspects(frame, now))
    assert found == 0


def test_few_rows_that_wait_prove_nothing_and_no_more_than_needed_are_read() -> None:
    frame, now = stream(delay_days=0.1)
    frame["b"] = frame["b"].where(frame["y"].notna())
    assert suspects(frame, now) == []

    minutes = pd.date_range("2026-01-01", periods=200_000, freq="min", tz="UTC")
    busy = rows(200_000).assign(at=minutes)
    kind = model_type(label_delay=timedelta(days=60))
    as_of = busy["at"].max().to_pydatetime()
    old = busy[busy["at"] <= busy["at"].max() - kind.label_delay]
    span = waiting_span(old, kind, as_of=as_of)
    assert span is not None
    assert span.start == as_of - kind.label_delay
    assert ((busy["at"] > span.start) & (busy["at"] <= span.end)).sum() <= MOST_ROWS


def test_without_rows_times_or_targets_nothing_is_said() -> None:
    frame, now = stream(500)
    kind = model_type(feature_columns=FEATURES, label_time_column="labelled_at")
    as_of = now.to_pydatetime()
    known = frame[frame["y"].notna()]
    for recent in (frame[:0], frame.drop(columns="y"), frame.drop(columns="labelled_at")):
        found = assess(known, kind, recent=recent, as_of=as_of).findings
        assert "known_after_label" not in {finding.name for finding in found}
    assert waiting_span(known.drop(columns="at"), kind, as_of=as_of) is None
    assert waiting_span(known[:1], kind, as_of=as_of) is None
