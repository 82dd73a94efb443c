"""A table of a person's, as the owner sees it, and the model type over it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from core.domain import ModelType, Task


@pytest.fixture
def db(database_url: str) -> Iterator[psycopg.Connection]:
    """The person's own connection."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def orders(db: psycopg.Connection) -> ModelType:
    """Ten orders, one a day from 2026-01-01 12:00 UTC; labels are known two days later."""
    db.execute(
        """
        create table public.orders (
            id bigint primary key,
            placed_at timestamptz,
            paid_at timestamptz,
            paid boolean,
            amount numeric(12, 2),
            city text
        )
        """
    )
    db.execute(
        """
        insert into public.orders
        select i, t, t + interval '2 days', i % 2 = 0, i * 1.25, 'city ' || i
        from generate_series(1, 10) i,
            lateral (select timestamptz '2025-12-31 12:00+00' + i * interval '1 day') x(t)
        """
    )
    db.execute("grant select on public.orders to refit_reader")
    return make_type()


def make_type(**changes: Any) -> ModelType:
    """The model type over ``orders``, with changes."""
    base = ModelType(
        name="orders",
        source_relation="public.orders",
        key_columns=("id",),
        time_column="placed_at",
        label_time_column="paid_at",
        target_column="paid",
        feature_columns=("amount", "city"),
        task=Task.CLASSIFICATION,
        metric="accuracy",
    )
    return replace(base, **changes)


def day(number: int, hour: int = 12) -> datetime:
    """A day of January 2026, at noon UTC."""
    return datetime(2026, 1, number, hour, tzinfo=UTC)
