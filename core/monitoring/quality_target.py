"""Can the target be learnt: is it there, does it vary, and are there rows of each class?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from core.domain import ModelType, QualityFinding, Task
from core.monitoring.quality_finding import found

# Of fewer rows of a class a fifth, which is held out, is too few to see whether it was learnt.
LEAST_CLASS_ROWS = 20
# So many classes are counted; a target with more is hardly one of classes.
MOST_CLASSES = 100


def class_rows(frame: pd.DataFrame, model_type: ModelType) -> dict[str, int]:
    """How many rows there are of each class.

    Parameters
    ----------
    frame : DataFrame of n rows
        Rows without a target are left out.
    model_type : ModelType

    Returns
    -------
    dict of str to int
        The most frequent class first, at most 100 of them; empty for a quantity.

    Examples
    --------
    >>> model_type = ModelType(
    ...     name="t", source_relation="public.t", key_columns=("id",), time_column="at",
    ...     target_column="y", feature_columns=("a",), task=Task.CLASSIFICATION, metric="f1",
    ... )
    >>> class_rows(pd.DataFrame({"y": [True, False, True, None]}), model_type)
    {'True': 2, 'False': 1}
    """
    name = model_type.target_column
    if model_type.task is not Task.CLASSIFICATION or name not in frame.columns:
        return {}
    counts = frame[name].value_counts()
    return {str(label): int(rows) for label, rows in counts.head(MOST_CLASSES).items()}


def target_findings(frame: pd.DataFrame, model_type: ModelType) -> Iterator[QualityFinding]:
    r"""What is to be known about the target.

    Parameters
    ----------
    frame : DataFrame of n rows
    model_type : ModelType

    Yields
    ------
    QualityFinding
        ``missing_column``, ``missing_target``, ``one_class``, ``target_is_no_number`` and
        ``constant_target``, which block; ``rare_class``, which does not.

    Examples
    --------
    >>> model_type = ModelType(
    ...     name="t", source_relation="public.t", key_columns=("id",), time_column="at",
    ...     target_column="y", feature_columns=("a",), task=Task.CLASSIFICATION, metric="f1",
    ... )
    >>> rows = pd.DataFrame({"y": ["no"] * 90 + ["yes"] * 7})
    >>> [f.detail for f in target_findings(rows, model_type)]
    ['The target "y" has the class \'yes\' in only 7 of 97 rows.']
    """
    name = model_type.target_column
    if name not in frame.columns:
        detail = f'The target column "{name}" is missing.'
        yield found("missing_column", name, detail, blocking=True)
        return
    target = frame[name]
    if missing := int(target.isna().sum()):
        detail = f'The target "{name}" is missing in {missing:,} of {len(target):,} rows.'
        yield found("missing_target", name, detail, blocking=True, rows=missing, of=len(target))
    present = target.dropna()
    if model_type.task is Task.CLASSIFICATION:
        yield from _class_findings(name, present)
    else:
        yield from _number_findings(name, present)


def _class_findings(name: str, present: pd.Series) -> Iterator[QualityFinding]:
    counts = present.value_counts()
    counts = counts[counts > 0]  # a categorical counts what never occurs too
    if len(counts) == 1:
        detail = f'The target "{name}" has only the class {counts.index[0]!r}.'
        yield found("one_class", name, detail, blocking=True, value=str(counts.index[0]))
    elif len(counts) and counts.iloc[-1] < LEAST_CLASS_ROWS:
        rarest, rows = counts.index[-1], int(counts.iloc[-1])
        detail = (
            f'The target "{name}" has the class {rarest!r} in only {rows:,} of '
            f"{len(present):,} rows."
        )
        yield found(
            "rare_class",
            name,
            detail,
            value=str(rarest),
            rows=rows,
            of=len(present),
            rare_classes=int((counts < LEAST_CLASS_ROWS).sum()),
            needed=LEAST_CLASS_ROWS,
        )


def _number_findings(name: str, target: pd.Series) -> Iterator[QualityFinding]:
    numbers = pd.to_numeric(target, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    if wrong := int((~np.isfinite(numbers)).sum()):
        detail = f'The target "{name}" is no finite number in {wrong:,} rows.'
        yield found("target_is_no_number", name, detail, blocking=True, rows=wrong)
    elif len(numbers) and np.ptp(numbers) == 0:
        detail = f'The target "{name}" is {numbers[0]:g} in every row.'
        yield found("constant_target", name, detail, blocking=True, value=float(numbers[0]))
