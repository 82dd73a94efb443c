"""Label-free estimates against what labels show, once they are there."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd

from core.engines.estimate_score import (
    TOLERATED_POINTS,
    TOLERATED_SHARE,
    EstimateScore,
    ScoredChunk,
)
from core.engines.fitted_model import FittedModel
from core.engines.metric_variance import ReferenceChunks, row_variance
from core.engines.metrics import get_metric
from core.engines.metrics import score as score_of
from core.engines.reference_sample import ReferenceSample

# An estimate on a sample of this size is off by about 0.003 by the choice of the rows.
MOST_ROWS = 20_000
# A chunk that does not fill up in half of the time for which labels are read is scored as it is.
PATIENCE = timedelta(days=3, hours=12)
LEAST_ROWS = 100


def sample_rows(rows: pd.DataFrame, seed: int) -> pd.DataFrame:
    """At most 20,000 of the rows, in the order in which they came.

    Parameters
    ----------
    rows : DataFrame of n rows
    seed : int
        Of the choice.

    Returns
    -------
    DataFrame of at most 20,000 rows

    Examples
    --------
    >>> len(sample_rows(pd.DataFrame({"a": range(30_000)}), seed=0))
    20000
    """
    if len(rows) <= MOST_ROWS:
        return rows
    chosen = np.random.default_rng(seed).choice(len(rows), MOST_ROWS, replace=False)
    return rows.iloc[np.sort(chosen)]


def score_labelled(
    reference: Mapping[str, Any] | None,
    model: FittedModel,
    labelled: pd.DataFrame,
    label_times: pd.Series,
    *,
    score: EstimateScore,
    until: datetime,
    seed: int,
) -> EstimateScore:
    """Compare the estimate with what the labels show, on the rows that have not been scored.

    Those are the rows whose label became known in (``score.scored_until``, ``until``]. They are
    scored as one chunk when there are as many as an estimate needs, or when the oldest has waited
    for three and a half days and there are at least 100; until then they wait. What is compared is
    the estimate that the features alone give. Rows too different from the reference are passed
    over, as no estimate was given for them.

    Parameters
    ----------
    reference : mapping or None
    model : FittedModel
    labelled : DataFrame of n rows
        With the target. Only rows that the model has not learnt from (for a final fit: later than
        its training window).
    label_times : Series of n UTC times
        When each row's label became known (:func:`core.engines.time_split.row_times`).
    score : EstimateScore
    until : datetime
        The time of the check.
    seed : int

    Returns
    -------
    EstimateScore
        The same one where nothing was scored.

    Raises
    ------
    DataError
        When the target or a feature column is missing in ``labelled``.

    Examples
    --------
    >>> nothing = EstimateScore()
    >>> score_labelled(None, None, pd.DataFrame(), pd.Series(), score=nothing,
    ...     until=datetime(2026, 1, 1), seed=0) is nothing
    True
    """
    if not reference or reference.get("missing") or score.off:
        return score
    times = pd.to_datetime(label_times, utc=True).reset_index(drop=True)
    is_new = times <= pd.Timestamp(until)
    if score.scored_until is not None:
        is_new &= times > pd.Timestamp(score.scored_until)
    if not is_new.any():
        return score
    times = times[is_new].sort_values(kind="stable")
    needed = ReferenceChunks.from_json(reference["chunks"]).least_rows
    waited = pd.Timestamp(until) - times.iloc[0] >= PATIENCE
    if len(times) < (min(LEAST_ROWS, needed) if waited else needed):
        return score
    newest = times.iloc[-1].to_pydatetime()
    chunk = _scored_chunk(reference, model, labelled.iloc[times.index], newest, seed)
    if chunk is None:
        return score.passed_over(newest)
    metric = get_metric(reference["metric"])
    return score.add(chunk, tolerated=TOLERATED_POINTS if metric.in_points else TOLERATED_SHARE)


def _scored_chunk(
    reference: Mapping[str, Any], model: FittedModel, rows: pd.DataFrame, until: datetime, seed: int
) -> ScoredChunk | None:
    metric = get_metric(reference["metric"])
    rows = sample_rows(rows, seed)
    estimated, _ = ReferenceSample.from_json(reference).estimate(metric, model, rows, seed=seed)
    scored = model.scored(rows)
    realised = score_of(metric, scored)
    variance = row_variance(metric, scored, seed=seed) / len(rows)
    if estimated is None or not np.isfinite([realised, variance]).all():
        return None
    return ScoredChunk(
        until=until,
        rows=len(rows),
        estimated=estimated,
        realised=realised,
        variance=variance,
        scale=1.0 if metric.in_points else abs(float(reference["chunks"]["mean"])),
    )
