from __future__ import annotations

from datetime import timedelta

import pytest

from core.datasets import parse_interval
from core.errors import InvalidRequest


@pytest.mark.parametrize(
    ("text", "interval"),
    [
        ("30m", timedelta(minutes=30)),
        ("7d", timedelta(days=7)),
        ("2w", timedelta(weeks=2)),
        ("1h30m", timedelta(minutes=90)),
        (" 1W2D3H4M5S ", timedelta(weeks=1, days=2, hours=3, minutes=4, seconds=5)),
    ],
)
def test_an_interval_is_read(text: str, interval: timedelta) -> None:
    assert parse_interval(text) == interval


@pytest.mark.parametrize(
    "text", ["", "30", "m", "0m", "-1d", "1.5h", "1m1h", "1d1d", "5y", "9" * 20 + "w"]
)
def test_anything_else_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(InvalidRequest, match="Write it like 30m, 7d, 2w or 1h30m"):
        parse_interval(text)
