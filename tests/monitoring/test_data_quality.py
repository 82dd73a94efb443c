from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from core.domain import DataQuality
from core.monitoring.data_quality import assess
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
