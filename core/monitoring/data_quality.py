"""Is this data fit to learn from? Findings by name; a blocking one stops the training."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from core.domain import DataQuality, ModelType, QualityFinding, Task
from core.engines.columns import as_times


def assess(frame: pd.DataFrame, model_type: ModelType) -> DataQuality:
    """Assess labelled rows of a model type.

    The score is the share of feature cells that hold a value, times the share of rows that are no
    duplicates, times the share of features that vary; 0 with a blocking finding.

    Parameters
    ----------
    frame : DataFrame of n rows
    model_type : ModelType

    Returns
    -------
    DataQuality
        With ``missing_share`` over all feature cells and ``duplicate_rows`` (rows whose key, or
        where no key is there all of whose values, came before).
    """
    features = [name for name in model_type.feature_columns if name in frame.columns]
    findings = [
        *_column_findings(frame, model_type),
        *_row_findings(frame, model_type),
        *_target_findings(frame, model_type),
    ]
    duplicates = _duplicates(frame, model_type)
    if duplicates:
        findings.append(
            _finding("duplicate_rows", None, f"{duplicates:,} rows repeat the key of another.")
        )
    missing = float(frame[features].isna().to_numpy().mean()) if features and len(frame) else 0.0
    flat = {f.column for f in findings if f.name in {"constant_column", "all_missing_column"}}
    score = (1 - missing) * (1 - duplicates / max(len(frame), 1))
    score *= 1 - len(flat) / max(len(features), 1)
    return DataQuality(
        score=0.0 if any(f.blocking for f in findings) else score,
        rows=len(frame),
        missing_share=missing,
        duplicate_rows=duplicates,
        findings=tuple(findings),
    )


def _finding(
    name: str, column: str | None, detail: str, *, blocking: bool = False
) -> QualityFinding:
    return QualityFinding(name=name, column=column, blocking=blocking, detail=detail)


def _column_findings(frame: pd.DataFrame, model_type: ModelType) -> Iterator[QualityFinding]:
    for name in model_type.feature_columns:
        if name not in frame.columns:
            detail = f'The feature column "{name}" is missing.'
            yield _finding("missing_column", name, detail, blocking=True)
            continue
        values = frame[name]
        if not len(values):
            continue
        if values.isna().all():
            yield _finding("all_missing_column", name, f'"{name}" has no value in any row.')
        elif values.notna().all() and _is_constant(values):
            yield _finding("constant_column", name, f'"{name}" has the same value in every row.')
        if infinite := _infinite_values(values):
            detail = f'"{name}" is infinite in {infinite:,} rows, which count as missing.'
            yield _finding("infinite_values", name, detail)


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


def _row_findings(frame: pd.DataFrame, model_type: ModelType) -> Iterator[QualityFinding]:
    if len(frame) < model_type.min_training_samples:
        detail = f"{len(frame):,} labelled rows; {model_type.min_training_samples:,} are needed."
        yield _finding("too_few_rows", None, detail, blocking=True)
    name = model_type.time_column
    if name not in frame.columns:
        detail = f'The time column "{name}" is missing.'
        yield _finding("missing_column", name, detail, blocking=True)
        return
    values = frame[name]
    numeric = pd.api.types.is_numeric_dtype(values.dtype)
    wrong = len(values) if numeric else int(as_times(values).isna().sum())
    if wrong:
        detail = f'The time column "{name}" holds no time in {wrong:,} of {len(values):,} rows.'
        yield _finding("time_is_no_time", name, detail, blocking=True)


def _target_findings(frame: pd.DataFrame, model_type: ModelType) -> Iterator[QualityFinding]:
    name = model_type.target_column
    if name not in frame.columns:
        detail = f'The target column "{name}" is missing.'
        yield _finding("missing_column", name, detail, blocking=True)
        return
    target = frame[name]
    if missing := int(target.isna().sum()):
        detail = f'The target "{name}" is missing in {missing:,} of {len(target):,} rows.'
        yield _finding("missing_target", name, detail, blocking=True)
    present = target.dropna()
    if model_type.task is Task.CLASSIFICATION and len(present) and present.nunique() == 1:
        detail = f'The target "{name}" has only the class {present.iloc[0]!r}.'
        yield _finding("one_class", name, detail, blocking=True)
    if model_type.task is Task.REGRESSION:
        yield from _number_findings(name, present)


def _number_findings(name: str, target: pd.Series) -> Iterator[QualityFinding]:
    numbers = pd.to_numeric(target, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    if wrong := int((~np.isfinite(numbers)).sum()):
        detail = f'The target "{name}" is no finite number in {wrong:,} rows.'
        yield _finding("target_is_no_number", name, detail, blocking=True)
    elif len(numbers) and np.ptp(numbers) == 0:
        detail = f'The target "{name}" is {numbers[0]:g} in every row.'
        yield _finding("constant_target", name, detail, blocking=True)


def _duplicates(frame: pd.DataFrame, model_type: ModelType) -> int:
    keys = [name for name in model_type.key_columns if name in frame.columns]
    if keys and len(keys) == len(model_type.key_columns):
        return int(frame.duplicated(subset=keys).sum())
    # Lists and other values that cannot be hashed are compared as text.
    hashable = frame.map(str) if _has_unhashable(frame) else frame
    return int(hashable.duplicated().sum())


def _has_unhashable(frame: pd.DataFrame) -> bool:
    objects = frame.select_dtypes(include="object")
    return any(
        isinstance(value, list | dict | set | np.ndarray)
        for column in objects
        for value in objects[column].dropna().head(100)
    )
