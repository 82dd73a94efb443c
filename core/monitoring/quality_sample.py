"""The rows that the slower looks at data quality are made on: few, and of every class."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.domain import ModelType, Task
from core.engines.columns import as_times

SAMPLE_ROWS = 5_000
# Quarters of a quantity stand in where classes are needed.
QUARTERS = 4

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Outcomes:
    """The target of each row, coded, for the rows that have one.

    Parameters
    ----------
    positions : ndarray of shape (n,)
        Which rows of the frame, by time.
    classes : ndarray of shape (n,)
        Codes 0 … k − 1 of their classes; of a quantity of its quarters, where equal numbers stay
        together.
    count : int
        k.
    ranks : ndarray of shape (n,) or None
        Ranks of a quantity in (0, 1], ties sharing their mean; None for classes.
    """

    positions: Integers
    classes: Integers
    count: int
    ranks: Floats | None


def outcomes_of(frame: pd.DataFrame, model_type: ModelType) -> Outcomes | None:
    """Code the target of a frame's rows.

    Parameters
    ----------
    frame : DataFrame of n rows
        Rows without a target are left out.
    model_type : ModelType

    Returns
    -------
    Outcomes or None
        None where nothing can be told apart: fewer than two outcomes, or no target at all.

    Examples
    --------
    >>> model_type = ModelType(
    ...     name="t", source_relation="public.t", key_columns=("id",), time_column="at",
    ...     target_column="y", feature_columns=("a",), task=Task.CLASSIFICATION, metric="accuracy",
    ... )
    >>> rows = pd.DataFrame({"at": pd.date_range("2026-01-01", periods=3), "y": ["b", "a", None]})
    >>> found = outcomes_of(rows, model_type)
    >>> found.classes.tolist(), found.count
    ([0, 1], 2)
    """
    if model_type.target_column not in frame.columns:
        return None
    target = frame[model_type.target_column]
    if model_type.task is Task.REGRESSION:
        numbers = pd.to_numeric(target, errors="coerce").astype("Float64")
        target = pd.Series(numbers.to_numpy(dtype=np.float64, na_value=np.nan))
        target = target.where(np.isfinite(target))
    ranks: Floats | None = None
    positions = np.flatnonzero(target.notna().to_numpy())
    positions = positions[_by_time(frame, model_type)[positions].argsort(kind="stable")]
    values = target.iloc[positions]
    if model_type.task is Task.REGRESSION:
        ranks = np.asarray(values.rank(pct=True), dtype=np.float64)
        classes = np.minimum((ranks * QUARTERS).astype(np.int64), QUARTERS - 1)
        classes = np.unique(classes, return_inverse=True)[1].astype(np.int64)
    else:
        classes = pd.factorize(values)[0].astype(np.int64)
    count = int(classes.max()) + 1 if len(classes) else 0
    if count < 2:
        return None
    return Outcomes(positions=positions, classes=classes, count=count, ranks=ranks)


def _by_time(frame: pd.DataFrame, model_type: ModelType) -> Integers:
    """What to sort rows by; as they come where they have no times."""
    name = model_type.time_column
    if name not in frame.columns or pd.api.types.is_numeric_dtype(frame[name].dtype):
        return np.arange(len(frame))
    times = as_times(frame[name]).dt.as_unit("us").to_numpy(dtype="datetime64[us]")
    return np.asarray(times.astype(np.int64))


def sample_rows(outcomes: Outcomes, *, seed: int) -> Integers:
    """Draw at most 5,000 rows, of classes as evenly as there are rows of them.

    Parameters
    ----------
    outcomes : Outcomes of n rows
    seed : int

    Returns
    -------
    ndarray of shape (m,)
        Indices into the arrays of ``outcomes``, in a random order.

    Examples
    --------
    >>> found = Outcomes(
    ...     positions=np.arange(9_000), classes=np.repeat([0, 1], [8_900, 100]), count=2, ranks=None
    ... )
    >>> drawn = sample_rows(found, seed=0)
    >>> np.bincount(found.classes[drawn]).tolist()
    [2500, 100]
    """
    random = np.random.default_rng(seed)
    drawn = random.permutation(len(outcomes.classes))
    if outcomes.ranks is not None:
        return drawn[:SAMPLE_ROWS]
    most = max(SAMPLE_ROWS // outcomes.count, 1)
    # The how-manieth of its class each drawn row is.
    place = pd.Series(outcomes.classes[drawn]).groupby(outcomes.classes[drawn]).cumcount()
    return np.asarray(drawn[place.to_numpy() < most])
