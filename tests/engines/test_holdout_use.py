from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pandas as pd
import pytest

from core.domain import HoldoutUse
from core.engines.holdout_use import count_uses, span_of, spending_level
from tests.engines.rows import model_type, rows


def test_the_levels_of_all_uses_add_up_to_five_per_cent() -> None:
    total = sum(spending_level(use) for use in range(1, 20_000))
    assert 0.0499 < total < 0.05
    assert spending_level(1) == pytest.approx(0.0304, abs=5e-5)
    assert spending_level(2) == pytest.approx(spending_level(1) / 4)


def test_a_use_counts_when_it_covers_more_than_half_of_the_rows() -> None:
    frame, kind = rows(100), model_type()
    half, more = span_of(frame[:50], kind), span_of(frame[:51], kind)
    assert count_uses(frame, kind, []) == 1
    assert count_uses(frame, kind, [half]) == 1
    assert count_uses(frame, kind, [more]) == 2
    assert count_uses(frame, kind, [more, half, more]) == 3
    # One that judged the same rows and many more has used all of these.
    assert count_uses(frame[:20], kind, [span_of(frame, kind)]) == 2


def test_rows_count_by_the_time_at_which_their_label_was_known() -> None:
    frame = rows(100)
    late = model_type(label_delay=timedelta(days=30))
    early, delayed = span_of(frame, model_type()), span_of(frame, late)
    assert delayed.start - early.start == timedelta(days=30)
    assert count_uses(frame, late, [early]) == 1
    assert count_uses(frame, late, [delayed]) == 2


def test_the_same_model_on_the_very_same_rows_is_the_use_that_it_was() -> None:
    frame, kind = rows(100), model_type()
    whole = span_of(frame, kind)
    told = [replace(whole, rows=100, artifact_hash=name) for name in ("a", "b", "c")]

    def use(name: str | None, shown: pd.DataFrame = frame) -> int:
        return count_uses(shown, kind, told, artifact_hash=name)

    assert [use("a"), use("b"), use("c"), use("d"), use(None)] == [1, 2, 3, 4, 4]
    # One row more or fewer within the same span are other rows: one more chance.
    assert use("a", frame.drop(index=50)) == 4
    assert use("a", frame[:-1]) == 4


def test_a_stored_use_comes_back_as_it_was() -> None:
    use = span_of(rows(10), model_type())
    assert HoldoutUse.from_row(use.as_json()) == use
    told = replace(use, rows=10, artifact_hash="a")
    assert HoldoutUse.from_row(use.as_json() | {"rows": 10, "artifact_hash": "a"}) == told
    assert isinstance(use.start, datetime)
    assert use.start.tzinfo is not None
