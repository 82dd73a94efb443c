"""Is a feature filled in only together with the label?

Then it tells much about the target in every row that can be learnt from, and nothing when the model
predicts. Labelled rows alone do not show it: it takes rows that still wait for their label. Such
rows are newer, and a column that was given up lately is missing in them too; so each is compared
with a labelled row of about its own time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import fisher_exact

from core.domain import ModelType, QualityFinding
from core.engines.columns import as_times
from core.engines.time_split import utc
from core.monitoring.check_rows import Span, coverage_columns
from core.monitoring.quality_finding import found

# As many are read, more or less, and as many labelled ones looked at beside them.
MOST_ROWS = 5_000
# The closest in time: a column that was given up farther away is missing on both sides or on none.
MOST_PAIRS = 100
# In one assessment of a thousand by chance, whatever the number of columns.
ALPHA = 0.001
MISSING_MORE, MISSING_MORE_BLOCKS = 0.50, 0.95
LEAST_PAIRS_BLOCK = 50


def waiting_span(frame: pd.DataFrame, model_type: ModelType, *, as_of: datetime) -> Span | None:
    """When rows happened that wait for their label, as far as one needs them.

    It begins where half of the labels come in, or with the newest row that has one: most rows
    without a label that are younger still wait for it, while many older ones never get any. It
    ends when about 5,000 rows have happened, were they as frequent as labelled ones.

    Parameters
    ----------
    frame : DataFrame of n labelled rows
    model_type : ModelType
    as_of : datetime
        Now, with a time zone.

    Returns
    -------
    Span or None
        None where the frame does not say, or where no row can be waiting.

    Examples
    --------
    >>> from core.engines.example_rows import example_rows, example_type
    >>> rows, kind = example_rows(48), example_type(label_delay=timedelta(days=3))
    >>> span = waiting_span(rows, kind, as_of=datetime.fromisoformat("2026-01-05T00:00Z"))
    >>> f"{span.start:%d %H:%M}, {span.end:%d %H:%M}"
    '02 00:00, 05 00:00'
    """
    if model_type.time_column not in frame.columns:
        return None
    times = as_times(frame[model_type.time_column])
    times = times[times <= utc(as_of)]
    if len(times) < 2 or times.min() == times.max():
        return None
    start = min(utc(as_of) - _median_delay(frame, model_type), times.max())
    pace = (times.max() - times.min()) / (len(times) - 1)
    end = min(start + MOST_ROWS * pace, utc(as_of))
    return Span(start=start.to_pydatetime(), end=end.to_pydatetime()) if start < end else None


def _median_delay(frame: pd.DataFrame, model_type: ModelType) -> timedelta:
    name = model_type.label_time_column
    if name is None or name not in frame.columns:
        return model_type.label_delay
    delays = as_times(frame[name]) - as_times(frame[model_type.time_column])
    return max(timedelta(seconds=float(delays.dt.total_seconds().fillna(0).median())), timedelta(0))


def after_label_findings(
    frame: pd.DataFrame, recent: pd.DataFrame, model_type: ModelType
) -> Iterator[QualityFinding]:
    """Features that rows without a label lack, and labelled ones of the same time have.

    Parameters
    ----------
    frame : DataFrame of n labelled rows
    recent : DataFrame of m rows
        All of :func:`waiting_span`, whatever their target.
    model_type : ModelType

    Yields
    ------
    QualityFinding
        ``known_after_label``: missing among waiting rows in at least 50 points more than among as
        many labelled ones (Fisher's exact test, Bonferroni over the features). It blocks from 95
        points on, over at least 50 pairs.

    Examples
    --------
    >>> from core.engines.example_rows import example_rows, example_type
    >>> rows = example_rows(200)
    >>> waits = rows.index >= 140
    >>> rows = rows.assign(y=rows["y"].mask(waits), a=rows["a"].mask(waits))
    >>> [one.detail for one in after_label_findings(rows[:140], rows[140:], example_type())]
    ['"a" is empty in 60 of 60 rows that wait for "y", and in 0 of 60 labelled rows of about the \
same time: it is filled in together with the target.']
    """
    needed = coverage_columns(model_type)
    if not set(needed) <= set(frame.columns) & set(recent.columns) or not len(recent):
        return
    features = [
        name
        for name in model_type.feature_columns
        if name in frame.columns and name in recent.columns and name not in needed
    ]
    rows = _about_the_same_time(frame, recent, model_type, [*needed, *features])
    waiting, labelled = _pairs(rows, model_type)
    pairs = len(waiting)
    for name in features:
        missing = rows[name].isna().to_numpy()
        without, beside = int(missing[waiting].sum()), int(missing[labelled].sum())
        if without - beside < MISSING_MORE * max(pairs, 1):
            continue
        table = [[without, pairs - without], [beside, pairs - beside]]
        chance = float(fisher_exact(table, alternative="greater").pvalue)
        if chance * len(features) > ALPHA:
            continue
        detail = (
            f'"{name}" is empty in {without:,} of {pairs:,} rows that wait for '
            f'"{model_type.target_column}", and in {beside:,} of {pairs:,} labelled rows of about '
            "the same time: it is filled in together with the target."
        )
        blocking = pairs >= LEAST_PAIRS_BLOCK and without - beside >= MISSING_MORE_BLOCKS * pairs
        yield found(
            "known_after_label",
            name,
            detail,
            blocking=blocking,
            pairs=pairs,
            waiting_empty=without,
            labelled_empty=beside,
            p_value=chance,
        )


def _about_the_same_time(
    frame: pd.DataFrame, recent: pd.DataFrame, model_type: ModelType, columns: Sequence[str]
) -> pd.DataFrame:
    """The recent rows and the labelled ones just before them, by time."""
    first = as_times(recent[model_type.time_column]).min()
    times = as_times(frame[model_type.time_column])
    before = np.flatnonzero((times < first).to_numpy(dtype=bool))
    newest = times.iloc[before].to_numpy().argsort(kind="stable")[-MOST_ROWS:]
    rows = [frame[list(columns)].iloc[before[newest]], recent[list(columns)]]
    joined = pd.concat([part.astype(object) for part in rows], ignore_index=True)
    happened = as_times(joined[model_type.time_column])
    joined[model_type.time_column] = happened
    return joined[happened.notna()].sort_values(model_type.time_column, kind="stable")


def _pairs(
    rows: pd.DataFrame, model_type: ModelType
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Positions of waiting rows, and of the labelled row that each is compared with.

    As brackets are matched: a row goes with the last row of the other kind that is still free.
    """
    waits = rows[model_type.target_column].isna()
    if model_type.label_time_column is not None:
        waits |= rows[model_type.label_time_column].isna()
    free: list[int] = []
    matched: list[tuple[int, int]] = []
    kinds = waits.tolist()
    for position, kind in enumerate(kinds):
        if free and kinds[free[-1]] != kind:
            matched.append((free.pop(), position))
        else:
            free.append(position)
    pairs = np.array(matched, dtype=np.int64).reshape(-1, 2)
    earlier, later = pairs[:, 0], pairs[:, 1]
    times = rows[model_type.time_column].to_numpy()
    closest = np.argsort(times[later] - times[earlier], kind="stable")[:MOST_PAIRS]
    earlier, later = earlier[closest], later[closest]
    earlier_waits = waits.to_numpy(dtype=bool)[earlier]
    waiting = np.where(earlier_waits, earlier, later)
    return waiting, np.where(earlier_waits, later, earlier)
