"""Are there enough rows, each once, with times, and fresh ones among them?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.domain import ModelType, QualityFinding
from core.engines.columns import as_times
from core.monitoring.quality_finding import found

# With fewer different times nobody knows what is usual.
LEAST_TIMES = 20
# The newest label is younger than this for 95 % of the time …
USUAL_SHARE = 0.95
# … and stale when it is three times as old: were labels known at random, e⁻⁹ of the time.
STALE_FACTOR = 3.0


@dataclass(frozen=True, kw_only=True)
class Freshness:
    """How old the newest label is, and how old it usually is at most.

    Attributes
    ----------
    newest : datetime
        When it became known, UTC.
    age_seconds : float
    usual_seconds : float
        What the age does not exceed for 95 % of the time.
    """

    newest: datetime
    age_seconds: float
    usual_seconds: float

    @property
    def is_stale(self) -> bool:
        """Whether the newest label is far older than it usually is."""
        return self.age_seconds > STALE_FACTOR * self.usual_seconds


def row_findings(
    frame: pd.DataFrame, model_type: ModelType, *, duplicates: int
) -> Iterator[QualityFinding]:
    """What is to be known about the rows as such.

    Parameters
    ----------
    frame : DataFrame of n labelled rows
    model_type : ModelType
    duplicates : int
        As :func:`count_duplicates` gives it.

    Yields
    ------
    QualityFinding
        ``too_few_rows``, ``missing_column`` (of the time) and ``time_is_no_time``, which block;
        ``duplicate_rows``, which does not.

    Examples
    --------
    >>> from core.engines.example_rows import example_rows, example_type
    >>> [one.name for one in row_findings(example_rows(50), example_type(), duplicates=0)]
    ['too_few_rows']
    """
    if len(frame) < model_type.min_training_samples:
        needed = model_type.min_training_samples
        detail = f"{len(frame):,} labelled rows; {needed:,} are needed."
        yield found("too_few_rows", None, detail, blocking=True, rows=len(frame), needed=needed)
    if duplicates:
        detail = f"{duplicates:,} rows repeat the key of another."
        yield found("duplicate_rows", None, detail, rows=duplicates)
    name = model_type.time_column
    if name not in frame.columns:
        detail = f'The time column "{name}" is missing.'
        yield found("missing_column", name, detail, blocking=True)
        return
    values = frame[name]
    numeric = pd.api.types.is_numeric_dtype(values.dtype)
    wrong = len(values) if numeric else int(as_times(values).isna().sum())
    if wrong:
        detail = f'The time column "{name}" holds no time in {wrong:,} of {len(values):,} rows.'
        yield found("time_is_no_time", name, detail, blocking=True, rows=wrong, of=len(values))


def count_duplicates(frame: pd.DataFrame, model_type: ModelType) -> int:
    """How many rows repeat another: the key, or all values where a column of the key is missing.

    Parameters
    ----------
    frame : DataFrame of n rows
    model_type : ModelType

    Returns
    -------
    int
        The first of the rows that are alike does not count.

    Examples
    --------
    >>> model_type = ModelType(
    ...     name="t", source_relation="public.t", key_columns=("id",), time_column="at",
    ...     target_column="y", feature_columns=("a",), task="regression", metric="mae",
    ... )
    >>> count_duplicates(pd.DataFrame({"id": [1, 2, 1]}), model_type)
    1
    """
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


def measure_freshness(
    frame: pd.DataFrame, model_type: ModelType, *, as_of: datetime
) -> Freshness | None:
    """How old the newest label is, against what is usual in these rows.

    At any moment the newest label has an age. ``usual_seconds`` is what that age did not exceed
    for 95 % of the time that the rows span: so many rows in one import count as one, and nights,
    weekends and weekly deliveries are usual where they occur.

    Parameters
    ----------
    frame : DataFrame of n labelled rows
    model_type : ModelType
    as_of : datetime
        Now; labels that became known later are not there yet.

    Returns
    -------
    Freshness or None
        None with fewer than 20 different times.

    Examples
    --------
    >>> model_type = ModelType(
    ...     name="t", source_relation="public.t", key_columns=("id",), time_column="at",
    ...     target_column="y", feature_columns=("a",), task="regression", metric="mae",
    ... )
    >>> rows = pd.DataFrame({"at": pd.date_range("2026-01-01", periods=100, freq="D", tz="UTC")})
    >>> now = datetime.fromisoformat("2026-04-20T00:00Z")
    >>> found = measure_freshness(rows, model_type, as_of=now)
    >>> found.age_seconds / 86_400, round(found.usual_seconds / 86_400, 2), found.is_stale
    (10.0, 0.95, True)
    """
    known = known_times(frame, model_type)
    if known is None:
        return None
    known = known[known <= pd.Timestamp(as_of)].dt.as_unit("us")
    moments = np.unique(known.to_numpy(dtype="datetime64[us]").astype(np.int64)) / 1e6
    if len(moments) < LEAST_TIMES:
        return None
    newest = known.max().to_pydatetime()
    return Freshness(
        newest=newest,
        age_seconds=(as_of - newest) / timedelta(seconds=1),
        usual_seconds=_usual_age(np.diff(moments)),
    )


def known_times(frame: pd.DataFrame, model_type: ModelType) -> pd.Series | None:
    """When each label became known; None where the columns for it are not there.

    Parameters
    ----------
    frame : DataFrame of n rows
    model_type : ModelType

    Returns
    -------
    Series of m ≤ n timestamps, UTC, or None
        The label's own time, where the model type has a column of it, else the row's time plus the
        label delay; without the rows that have none.

    Examples
    --------
    >>> from core.engines.example_rows import example_rows, example_type
    >>> known_times(example_rows(2), example_type()).isna().tolist()
    [False, False]
    """
    name = model_type.label_time_column or model_type.time_column
    if name not in frame.columns or pd.api.types.is_numeric_dtype(frame[name].dtype):
        return None
    delay = timedelta(0) if model_type.label_time_column else model_type.label_delay
    return as_times(frame[name]).dropna() + delay


def _usual_age(gaps: NDArray[np.float64]) -> float:
    """The age that is exceeded for 5 % of the time; a gap g exceeds an age a for max(g − a, 0)."""
    ordered = np.sort(gaps)
    later = np.cumsum(ordered[::-1])[::-1] - ordered  # the sum of the longer gaps
    exceeded = later - np.arange(len(ordered) - 1, -1, -1) * ordered
    ages = np.append(0.0, ordered)
    times = np.append(ordered.sum(), exceeded)
    return float(np.interp((1 - USUAL_SHARE) * times[0], times[::-1], ages[::-1]))


def freshness_findings(freshness: Freshness | None) -> Iterator[QualityFinding]:
    """Say so where no label has become known for far longer than is usual.

    Parameters
    ----------
    freshness : Freshness or None
        As :func:`measure_freshness` gives it.

    Yields
    ------
    QualityFinding
        ``stale_rows``: the newest label is more than three times as old as for 95 % of the time.

    Examples
    --------
    >>> newest = datetime.fromisoformat("2026-04-10T00:00Z")
    >>> old = Freshness(newest=newest, age_seconds=864_000, usual_seconds=82_080)
    >>> [f.detail for f in freshness_findings(old)]
    ['The newest label is 10 days old; usually it is no older than 23 hours.']
    """
    if freshness is not None and freshness.is_stale:
        detail = (
            f"The newest label is {_duration(freshness.age_seconds)} old; usually it is no older "
            f"than {_duration(freshness.usual_seconds)}."
        )
        yield found(
            "stale_rows",
            None,
            detail,
            newest=freshness.newest.isoformat(),
            age_seconds=freshness.age_seconds,
            usual_seconds=freshness.usual_seconds,
        )


def _duration(seconds: float) -> str:
    for name, size in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {name}"
    return f"{seconds:.0f} seconds"
