"""Rows and model types for the engines' tests."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd

from core.domain import DataQuality, ModelType, Task

QUALITY = DataQuality(score=1.0, rows=1000, missing_share=0.0, duplicate_rows=0, findings=())


def model_type(**changes: Any) -> ModelType:
    settings: dict[str, Any] = {
        "name": "churn",
        "source_relation": "public.customers",
        "key_columns": ("id",),
        "time_column": "at",
        "target_column": "y",
        "feature_columns": ("a", "b"),
        "task": Task.CLASSIFICATION,
        "metric": "accuracy",
        "engine": "linear",
    }
    return ModelType(**(settings | changes))


def regression_type(**changes: Any) -> ModelType:
    return model_type(**({"task": Task.REGRESSION, "metric": "mae"} | changes))


def rows(count: int, *, seed: int = 0, noise: float = 0.5, classes: int = 2) -> pd.DataFrame:
    """Two features, a class (and a number) that follows from them, one row per hour."""
    random = np.random.default_rng(seed)
    a, b = random.normal(size=(2, count))
    number = a - b + noise * random.normal(size=count)
    bounds = np.quantile(np.append(number, 0.0), np.arange(1, classes) / classes)
    return pd.DataFrame(
        {
            "id": np.arange(count),
            "at": pd.date_range("2026-01-01", periods=count, freq="h", tz="UTC"),
            "a": a,
            "b": b,
            "number": number,
            "y": np.searchsorted(bounds, number),
        }
    )


def all_kinds(count: int, *, seed: int = 0) -> pd.DataFrame:
    """Every kind of column that a table may bring, with holes."""
    random = np.random.default_rng(seed)
    frame = rows(count, seed=seed)
    hole = random.random(count) < 0.1
    frame["count"] = pd.array(random.integers(0, 9, count), dtype="Int64")
    frame.loc[hole, "count"] = pd.NA
    frame["flag"] = pd.Series(random.random(count) < 0.5).astype("boolean").mask(hole)
    frame["city"] = pd.Series(random.choice(["Ulm", "Bonn", "Kiel"], count)).mask(hole)
    frame["plan"] = pd.Categorical(random.choice(["free", "paid"], count))
    frame["customer"] = [f"customer-{i}" for i in range(count)]
    frame["text"] = [f"note {i} about {'words ' * (i % 5)}" for i in range(count)]
    frame["since"] = pd.Series(frame["at"] - timedelta(days=30)).mask(hole)
    frame["nothing"] = None
    frame["a"] = frame["a"].mask(hole)
    return frame


ALL_KINDS = ("a", "b", "count", "flag", "city", "plan", "customer", "text", "since", "nothing")


def end_of(frame: pd.DataFrame) -> Any:
    return frame["at"].max().to_pydatetime() + timedelta(hours=1)
