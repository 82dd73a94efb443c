"""What a model type is made of, as callers write it and as they are shown it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, StringConstraints

from core.domain import ModelType
from core.web import patterns
from core.web.fields import Whole, rules

Json = dict[str, Any]

# PostgreSQL's identifiers have at most 63 bytes.
Column = Annotated[str, StringConstraints(min_length=1, max_length=63, pattern=patterns.TEXT)]
Name = Annotated[str, StringConstraints(pattern=patterns.NAME)]
Relation = Annotated[str, StringConstraints(max_length=127, pattern=patterns.RELATION)]


def _each_once(names: list[str]) -> list[str]:
    if len(set(names)) < len(names):
        raise ValueError("Each name may be given once")
    return names


_EachOnce = AfterValidator(_each_once)
_UNIQUE: Json = {"uniqueItems": True}
Keys = Annotated[
    list[Column], Field(min_length=1, max_length=32, json_schema_extra=_UNIQUE), _EachOnce
]
Features = Annotated[
    list[Column], Field(min_length=1, max_length=1000, json_schema_extra=_UNIQUE), _EachOnce
]
Title = Annotated[str, StringConstraints(max_length=200, pattern=patterns.TEXT)]
Description = Annotated[str, StringConstraints(max_length=10_000, pattern=patterns.TEXT)]
Engine = Annotated[
    str,
    StringConstraints(max_length=200, pattern=patterns.ENGINE),
]
Metric = Annotated[str, StringConstraints(max_length=200, pattern=patterns.METRIC)]
UpdateFrequency = Literal["hourly", "daily", "weekly"]
# Up to five years, and from a minute to a hundred years, as PostgreSQL counts years.
Pause = Annotated[float, Field(ge=0, le=155_520_000)]
Window = Annotated[float, Field(ge=60, le=3_110_400_000)]
RetrainingThreshold = Annotated[float, Field(ge=0.0001, le=1)]
DeploymentThreshold = Annotated[float, Field(ge=0, le=1)]
Samples = Annotated[int, Field(ge=20, le=100_000_000), Whole]
Seed = Annotated[int, Field(ge=-(2**31), le=2**31 - 1), Whole]
Budget = Annotated[int, Field(ge=0, le=1_000_000), Whole]
SearchSeconds = Annotated[int, Field(ge=0, le=86_400), Whole]
LatencyBudget = Annotated[float, Field(gt=0, le=3_600_000)]
SizeBudget = Annotated[float, Field(gt=0, le=1_000_000)]
Slices = Annotated[list[Column], Field(max_length=32, json_schema_extra=_UNIQUE), _EachOnce]
_Gate = Annotated[str, StringConstraints(pattern=patterns.GATE)]
Gates = Annotated[list[_Gate], Field(max_length=100, json_schema_extra=_UNIQUE), _EachOnce]

_METRICS = {
    "classification": ["accuracy", "f1", "roc_auc", "log_loss"],
    "regression": ["r2", "mae", "rmse", "mape"],
}
# One of the user's own says nothing of tasks: only those of the other task are refused.
_METRIC_FITS_TASK: Json = {
    "oneOf": [
        {"properties": {"task": {"const": task}, "metric": {"not": {"enum": metrics}}}}
        for task, metrics in zip(_METRICS, reversed(_METRICS.values()), strict=True)
    ]
}

# There are no classes to weigh in a regression.
_CLASS_WEIGHT_FITS_TASK: Json = {
    "anyOf": [
        {"properties": {"task": {"const": "classification"}}},
        {"properties": {"class_weight": {"const": "none"}}},
    ]
}
FITS_TASK = rules(_METRIC_FITS_TASK, _CLASS_WEIGHT_FITS_TASK)

_DURATIONS = ("label_delay", "training_window", "cool_down", "recency_half_life")


def to_columns(fields: Mapping[str, Any]) -> Json:
    """Fields of a model type as the columns that SQL takes: durations are intervals there."""
    columns = dict(fields)
    for name in _DURATIONS:
        if (seconds_field := f"{name}_seconds") in columns:
            seconds = columns.pop(seconds_field)
            columns[name] = None if seconds is None else f"{seconds:f} seconds"
    return columns


def from_model_type(model_type: ModelType) -> Json:
    """A model type as callers see it: durations in seconds, as they write them."""
    fields = asdict(model_type)
    for name in _DURATIONS:
        duration = fields.pop(name)
        fields[f"{name}_seconds"] = None if duration is None else duration.total_seconds()
    return fields
