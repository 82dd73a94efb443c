"""How often rows have judged before, and how strict that makes the next judgement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import takewhile
from math import pi

import numpy as np
import pandas as pd

from core.domain import HoldoutUse, ModelType
from core.engines.comparison import ALPHA
from core.engines.time_split import row_times

# A holdout counts as used before when an earlier one covers more than this share of its rows.
SAME_HOLDOUT = 0.5


def spending_level(use: int) -> float:
    """The one-sided level of the ``use``-th judgement by the same rows: 0.05·6/(π²k²).

    The levels of all uses add up to 0.05, since Σ 1/k² = π²/6 (Euler). So however often the same
    rows judge, a champion is replaced by a model that is no better with a probability of at most
    5 %: Bonferroni's inequality with unequal shares, or alpha spending (Foster and Stine 2008,
    "Alpha-investing: a procedure for sequential control of expected false discoveries", Journal of
    the Royal Statistical Society B 70).

    Parameters
    ----------
    use : int
        1 for rows that have not judged before.

    Returns
    -------
    float

    Examples
    --------
    >>> [round(spending_level(k), 4) for k in (1, 2, 3)]
    [0.0304, 0.0076, 0.0034]
    """
    return ALPHA * 6 / (pi**2 * use**2)


def span_of(rows: pd.DataFrame, model_type: ModelType) -> HoldoutUse:
    """From when to when the labels of n ≥ 1 rows became known.

    Parameters
    ----------
    rows : DataFrame of n ≥ 1 rows
        With the model type's time columns.
    model_type : ModelType

    Returns
    -------
    HoldoutUse
        Its ``start`` and ``end`` are the times of the first and the last row, in UTC.

    Raises
    ------
    DataError
        As :func:`core.engines.time_split.row_times`.

    Examples
    --------
    >>> from core.domain import Task
    >>> kind = ModelType(name="a", source_relation="a", key_columns=("id",), time_column="at",
    ...     target_column="y", feature_columns=("x",), task=Task.REGRESSION, metric="mae")
    >>> days = pd.DataFrame({"at": pd.date_range("2026-01-01", periods=3, tz="UTC")})
    >>> span_of(days, kind).end.isoformat()
    '2026-01-03T00:00:00+00:00'
    """
    times = row_times(rows, model_type)
    return HoldoutUse(start=times.min().to_pydatetime(), end=times.max().to_pydatetime())


def count_uses(
    rows: pd.DataFrame,
    model_type: ModelType,
    earlier_holdouts: Sequence[HoldoutUse],
    *,
    artifact_hash: str | None = None,
) -> int:
    """The how-manieth time that these rows judge a challenger of this champion.

    Parameters
    ----------
    rows : DataFrame of n rows
        Those that are to judge.
    model_type : ModelType
    earlier_holdouts : sequence of HoldoutUse
        Of earlier validations against the very deployment that is to be replaced, in their order.
        A new champion begins with none: its rows are newer than what it learnt from, and what
        earlier challengers got from them does not help against it.
    artifact_hash : str or None
        Of the challenger. Where the very same rows have judged it before, this is that use again:
        the same model gets the same answer, which is no further chance to win by luck.

    Returns
    -------
    int
        1 when no earlier holdout covers more than half of the rows.

    Raises
    ------
    DataError
        As :func:`core.engines.time_split.row_times`.

    Examples
    --------
    >>> from core.domain import Task
    >>> kind = ModelType(name="a", source_relation="a", key_columns=("id",), time_column="at",
    ...     target_column="y", feature_columns=("x",), task=Task.REGRESSION, metric="mae")
    >>> days = pd.DataFrame({"at": pd.date_range("2026-01-01", periods=9, tz="UTC")})
    >>> count_uses(days, kind, [span_of(days[:5], kind), span_of(days[:4], kind)])
    2
    """
    times = row_times(rows, model_type)
    own = replace(span_of(rows, model_type), rows=len(rows), artifact_hash=artifact_hash)
    others = takewhile(lambda use: artifact_hash is None or use != own, earlier_holdouts)
    shares = (float(np.mean((times >= use.start) & (times <= use.end))) for use in others)
    return 1 + sum(share > SAME_HOLDOUT for share in shares)
