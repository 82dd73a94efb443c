"""Results as JSON that PostgreSQL takes."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import numpy as np
import pandas as pd
import psycopg
import pytest
from psycopg.types.json import Jsonb

from core.domain import CheckVerdict
from core.worker.plain_json import plain_json


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (float("nan"), None),
        (float("-inf"), None),
        (np.float64("nan"), None),
        (np.float32(0.5), 0.5),
        (np.int64(7), 7),
        (np.bool_(True), True),
        (np.array([[1.0, np.inf], [2.0, 3.0]]), [[1.0, None], [2.0, 3.0]]),
        ((1, "two", None), [1, "two", None]),
        ({"deep": {"p": np.float64("inf"), 3: True}}, {"deep": {"p": None, "3": True}}),
        (CheckVerdict.DEGRADED, "degraded"),
        (datetime(2026, 3, 1, tzinfo=UTC), "2026-03-01T00:00:00+00:00"),
        (pd.Timestamp("2026-03-01", tz="UTC"), "2026-03-01T00:00:00+00:00"),
        (UUID(int=5), "00000000-0000-0000-0000-000000000005"),
        ("a\0b \ud800 ü", "ab ? ü"),
    ],
)
def test_values_become_plain(value: Any, expected: Any) -> None:
    found = plain_json(value)

    assert found == expected
    assert type(found) is type(expected)
    assert json.loads(json.dumps(found, allow_nan=False)) == expected


def test_postgres_takes_whatever_became_plain(database_url: str) -> None:
    value = plain_json({"nan": np.nan, "text": "\0 \udfff \U0001f600", "numbers": np.arange(3)})

    with psycopg.connect(database_url) as connection:
        row = connection.execute("select %s::jsonb", [Jsonb(value)]).fetchone()

    assert row == ({"nan": None, "text": " ? \U0001f600", "numbers": [0, 1, 2]},)


def test_what_json_has_nothing_like_is_refused_by_its_type() -> None:
    with pytest.raises(TypeError, match="object is no JSON value"):
        plain_json({"odd": object()})
