"""Are the feature columns there, filled, and do they vary?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from core.domain import ModelType, QualityFinding
from core.monitoring.quality_finding import found

# More is missing than is there.
MOSTLY_MISSING = 0.5


def missing_shares(frame: pd.DataFrame, model_type: ModelType) -> dict[str, float]:
    """The share of rows without a value, of each feature that the frame has.

    Parameters
    ----------
    frame : DataFrame of n rows
    model_type : ModelType

    Returns
    -------
    dict of str to float
        In [0, 1], by feature, in the model type's order; empty where the frame has no rows.

    Examples
    --------
    >>> model_type = ModelType(
    ...     name="t", source_relation="public.t", key_columns=("id",), time_column="at",
    ...     target_column="y", feature_columns=("a", "b"), task="regression", metric="mae",
    ... )
    >>> missing_shares(pd.DataFrame({"a": [1.0, None]}), model_type)
    {'a': 0.5}
    """
    if not len(frame):
        return {}
    features = [name for name in model_type.feature_columns if name in frame.columns]
    return {name: float(frame[name].isna().mean()) for name in features}


def column_findings(
    frame: pd.DataFrame, model_type: ModelType, missing: Mapping[str, float]
) -> Iterator[QualityFinding]:
    """What is to be known about each feature by itself.

    Parameters
    ----------
    frame : DataFrame of n rows
    model_type : ModelType
    missing : mapping of str to float
        As :func:`missing_shares` gives it.

    Yields
    ------
    QualityFinding
        ``missing_column`` (blocking), ``all_missing_column``, ``missing_values`` (in more than
        half of the rows), ``constant_column``, ``infinite_values``.

    Examples
    --------
    >>> model_type = ModelType(
    ...     name="t", source_relation="public.t", key_columns=("id",), time_column="at",
    ...     target_column="y", feature_columns=("a", "b"), task="regression", metric="mae",
    ... )
    >>> rows = pd.DataFrame({"a": [7.0, 7.0]})
    >>> [(f.name, f.column) for f in column_findings(rows, model_type, {"a": 0.0})]
    [('constant_column', 'a'), ('missing_column', 'b')]
    """
    for name in model_type.feature_columns:
        if name not in frame.columns:
            detail = f'The feature column "{name}" is missing.'
            yield found("missing_column", name, detail, blocking=True)
        elif len(frame):
            yield from _value_findings(name, frame[name], missing[name])


def _value_findings(name: str, values: pd.Series, missing: float) -> Iterator[QualityFinding]:
    if missing == 1:
        yield found("all_missing_column", name, f'"{name}" has no value in any row.')
    elif missing > MOSTLY_MISSING:
        # Rounded down: what is not missing everywhere is not called 100 %.
        detail = f'"{name}" has no value in {int(100 * missing)} % of the rows.'
        yield found("missing_values", name, detail, share=missing)
    elif missing == 0 and _is_constant(values):
        yield found("constant_column", name, f'"{name}" has the same value in every row.')
    if infinite := _infinite_values(values):
        detail = f'"{name}" is infinite in {infinite:,} rows, which count as missing.'
        yield found("infinite_values", name, detail, rows=infinite)


def _is_constant(values: pd.Series) -> bool:
    first = values.iloc[0]
    # Most columns differ early: the whole is looked at only when the beginning is constant.
    return all(bool(_equal(part, first)) for part in (values.iloc[:100], values))


def _equal(values: pd.Series, first: object) -> bool:
    if isinstance(first, list | dict | np.ndarray):
        return values.map(str).nunique() == 1
    return bool((values == first).all())


def _infinite_values(values: pd.Series) -> int:
    if not pd.api.types.is_float_dtype(values.dtype):
        return 0
    return int(np.isinf(values.to_numpy(dtype=np.float64, na_value=np.nan)).sum())
