from __future__ import annotations

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from core.monitoring.maturity import countable_at, is_covered, measure_maturity, row_keys
from tests.engines.rows import end_of, model_type, rows

DAY = timedelta(days=1)


def labelled_later(count: int, *, hours: float = 5) -> pd.DataFrame:
    frame = rows(count)
    frame["known"] = frame["at"] + pd.Timedelta(hours=hours)
    return frame


def test_an_early_label_waits_for_those_of_rows_like_it() -> None:
    frame = labelled_later(3, hours=5)
    frame["known"] += pd.to_timedelta([0, 3, 0], unit="D")
    kind = model_type(label_time_column="known")
    found = pd.Series(countable_at(frame, kind, DAY)).dt.tz_localize("UTC")
    expected = frame["at"] + pd.Timedelta(DAY)
    expected[1] = frame["known"][1]
    assert (found == expected).all()


def test_coverage_counts_rows_that_are_old_enough() -> None:
    frame = labelled_later(240)
    frame.loc[::2, "y"] = np.nan
    kind = model_type(label_time_column="known")
    found = measure_maturity(frame, kind, delay=DAY, usual_coverage=0.9, as_of=end_of(frame))
    assert found.matured_rows == 240 - 23
    assert found.coverage == pytest.approx(0.5, abs=0.01)
    assert found.coverage_needed == pytest.approx(0.72)
    assert not is_covered(found)


def test_labels_of_later_do_not_cover() -> None:
    frame = labelled_later(240, hours=2000)
    kind = model_type(label_time_column="known")
    found = measure_maturity(frame, kind, delay=DAY, usual_coverage=1.0, as_of=end_of(frame))
    assert (found.coverage, found.coverage_needed) == (0.0, 0.8)
    assert not is_covered(found)


def test_any_share_is_enough_where_the_usual_one_is_not_known() -> None:
    frame = labelled_later(240, hours=2000)
    kind = model_type(label_time_column="known")
    found = measure_maturity(frame, kind, delay=DAY, usual_coverage=None, as_of=end_of(frame))
    assert (found.coverage, found.coverage_needed) == (0.0, 0.0)
    assert is_covered(found)


@pytest.mark.parametrize("frame", [pd.DataFrame(), rows(20)])
def test_few_rows_say_nothing_of_coverage(frame: pd.DataFrame) -> None:
    as_of = end_of(rows(20))
    found = measure_maturity(
        frame, model_type(), delay=timedelta(0), usual_coverage=None, as_of=as_of
    )
    assert found.coverage is None
    assert is_covered(found)


def test_keys_of_several_columns_tell_rows_apart() -> None:
    frame = pd.DataFrame({"shop": ["a", "a", "b"], "number": [1, 2, 1]})
    assert len(set(row_keys(frame, ["shop", "number"]).tolist())) == 3
    shuffled = frame.iloc[[2, 0, 1]]
    first, again = row_keys(frame, ["shop", "number"]), row_keys(shuffled, ["shop", "number"])
    assert again.tolist() == first[[2, 0, 1]].tolist()
