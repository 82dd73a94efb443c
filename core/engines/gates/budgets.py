"""What a model may cost to serve: the time of one prediction, and its size."""

from __future__ import annotations

from core.domain import ModelType, ValidationVerdict
from core.engines.gates.judged import Judged, judged

BYTES_OF_A_MEGABYTE = 1_000_000


def latency(milliseconds: float, model_type: ModelType) -> Judged:
    """Predicting one row takes no longer than the budget.

    Parameters
    ----------
    milliseconds : float
        95th percentile over rows that were predicted one by one.
    model_type : ModelType
        Without a budget the figure is only recorded.

    Returns
    -------
    Judged
        Rejected above ``latency_budget_ms``; its value is in milliseconds.

    Examples
    --------
    >>> from core.domain import Task
    >>> kind = ModelType(name="a", source_relation="a", key_columns=("id",), time_column="at",
    ...     target_column="y", feature_columns=("x",), task=Task.REGRESSION, metric="mae",
    ...     latency_budget_ms=5.0)
    >>> latency(12.3, kind).gate.detail
    'One row is predicted in 12.3 ms or less in 95 of 100 cases; 5 ms are allowed.'
    """
    what = f"One row is predicted in {milliseconds:.1f} ms or less in 95 of 100 cases"
    return _within("latency", milliseconds, model_type.latency_budget_ms, what, "ms")


def size(stored_bytes: int, model_type: ModelType) -> Judged:
    """The stored artifact is no larger than the budget.

    Parameters
    ----------
    stored_bytes : int
        Of the artifact, in bytes.
    model_type : ModelType
        Without a budget the figure is only recorded.

    Returns
    -------
    Judged
        Rejected above ``size_budget_mb``; its value is in MB (1,000,000 bytes).

    Examples
    --------
    >>> from core.domain import Task
    >>> kind = ModelType(name="a", source_relation="a", key_columns=("id",), time_column="at",
    ...     target_column="y", feature_columns=("x",), task=Task.REGRESSION, metric="mae")
    >>> size(2_500_000, kind).gate.detail
    'The stored model has 2.50 MB; there is no budget for it.'
    """
    megabytes = stored_bytes / BYTES_OF_A_MEGABYTE
    what = f"The stored model has {megabytes:.2f} MB"
    return _within("size", megabytes, model_type.size_budget_mb, what, "MB")


def _within(name: str, value: float, budget: float | None, what: str, unit: str) -> Judged:
    within = budget is None or value <= budget
    allowed = (
        f"{budget:g} {unit} are allowed" if budget is not None else "there is no budget for it"
    )
    return judged(
        name,
        ValidationVerdict.APPROVED if within else ValidationVerdict.REJECTED,
        f"{what}; {allowed}.",
        value=value,
        threshold=budget,
        figures={"value": value, "budget": budget, "unit": unit},
    )
