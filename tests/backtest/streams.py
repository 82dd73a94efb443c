"""Small streams of rows, and the model type of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd

from core.domain import ModelType, Task

BEGIN = datetime(2026, 1, 5, tzinfo=UTC)
WEEK = timedelta(weeks=1)
ROWS_A_WEEK = 336


def make_stream(weeks: int = 16, *, change_week: int | None = 10, seed: int = 5) -> pd.DataFrame:
    """Rows each half hour; from the week of the change on another column decides the target."""
    rng = np.random.default_rng(seed)
    rows = weeks * ROWS_A_WEEK
    first, second = rng.normal(size=(2, rows))
    changed = np.arange(rows) >= (rows if change_week is None else change_week * ROWS_A_WEEK)
    score = np.where(changed, second, first) + rng.normal(scale=0.5, size=rows)
    return pd.DataFrame(
        {
            "id": np.arange(1, rows + 1),
            "at": pd.date_range(BEGIN, periods=rows, freq="30min", unit="us"),
            "first": first,
            "second": second,
            "answer": np.where(score > 0, "yes", "no"),
        }
    )


def make_model_type(**changes: Any) -> ModelType:
    fields: dict[str, Any] = {
        "name": "stream",
        "source_relation": "public.stream",
        "key_columns": ("id",),
        "time_column": "at",
        "target_column": "answer",
        "feature_columns": ("first", "second"),
        "task": Task.CLASSIFICATION,
        "metric": "accuracy",
        "engine": "linear",
        "training_window": 6 * WEEK,
        "cool_down": timedelta(0),
        "monthly_retraining_budget": None,
    }
    return ModelType(**fields | changes)
