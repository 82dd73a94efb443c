"""The gates of a validation, one function each, and what a failed one means."""

from __future__ import annotations

from core.engines.gates.absolute import (
    ReloadCheck,
    artifact_reproduces,
    beats_baseline,
    data_quality,
    enough_rows,
)
from core.engines.gates.budgets import latency, size
from core.engines.gates.calibration import calibration, skipped_calibration
from core.engines.gates.champion import (
    better_than_champion,
    champion_itself,
    first_model,
    not_comparable,
    too_few,
)
from core.engines.gates.judged import LEAST_COMMON_ROWS, Judged, in_size
from core.engines.gates.rules import (
    NON_INFERIORITY,
    deployment_rule,
    is_not_worse,
    is_surely_better,
)
from core.engines.gates.slices import skipped_slices, slices

__all__ = [
    "LEAST_COMMON_ROWS",
    "NON_INFERIORITY",
    "Judged",
    "ReloadCheck",
    "artifact_reproduces",
    "beats_baseline",
    "better_than_champion",
    "calibration",
    "champion_itself",
    "data_quality",
    "deployment_rule",
    "enough_rows",
    "first_model",
    "in_size",
    "is_not_worse",
    "is_surely_better",
    "latency",
    "not_comparable",
    "size",
    "skipped_calibration",
    "skipped_slices",
    "slices",
    "too_few",
]
