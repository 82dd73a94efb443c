"""A small table and its model type, for the examples in docstrings."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd

from core.domain import ModelType, Task

AS_OF = datetime(2026, 3, 1, tzinfo=UTC)


def example_rows(count: int = 300) -> pd.DataFrame:
    """Rows of each hour whose target ``y`` is 1 where ``a`` is positive, and else 0.

    Parameters
    ----------
    count : int
        How many.

    Returns
    -------
    DataFrame of ``count`` rows
        id, at, a, b and y; the same ones each time.

    Examples
    --------
    >>> list(example_rows(2).columns), len(example_rows(40))
    (['id', 'at', 'a', 'b', 'y'], 40)
    """
    a, b = np.random.default_rng(0).normal(size=(2, count))
    times = pd.date_range("2026-01-01", periods=count, freq="h", tz="UTC", unit="us")
    return pd.DataFrame({"id": np.arange(count), "at": times, "a": a, "b": b, "y": (a > 0) * 1})


def example_type(**changes: Any) -> ModelType:
    """The model type of those rows: a linear classifier, but for the changes.

    Parameters
    ----------
    **changes
        Fields of :class:`core.domain.ModelType` with the values that they are to have.

    Returns
    -------
    ModelType

    Examples
    --------
    >>> example_type(metric="f1").metric
    'f1'
    """
    settings: dict[str, Any] = {
        "name": "example",
        "source_relation": "public.example",
        "key_columns": ("id",),
        "time_column": "at",
        "target_column": "y",
        "feature_columns": ("a", "b"),
        "task": Task.CLASSIFICATION,
        "metric": "accuracy",
        "engine": "linear",
    }
    return ModelType(**settings | changes)
