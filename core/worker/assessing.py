"""Assessing labelled rows beside those that still wait for their label."""

from __future__ import annotations

from datetime import datetime

import pandas as pd

from core.datasets import read_rows
from core.domain import DataQuality, ModelType
from core.monitoring.check_rows import coverage_columns
from core.monitoring.data_quality import assess
from core.monitoring.known_after_label import waiting_span
from core.worker.champions import LoadedChampion
from core.worker.checks import profile_of
from core.worker.resources import Resources


def assess_rows(
    resources: Resources,
    model_type: ModelType,
    rows: pd.DataFrame,
    *,
    served: LoadedChampion | None,
    as_of: datetime,
) -> DataQuality:
    """How fit labelled rows are to learn from, as of a time.

    Parameters
    ----------
    resources : Resources
    model_type : ModelType
    rows : DataFrame of n labelled rows
    served : LoadedChampion or None
        The champion, whose profile says what the rows were like before.
    as_of : datetime
    """
    recent, span = None, waiting_span(rows, model_type, as_of=as_of)
    if span is not None:
        recent = read_rows(
            resources.database_url,
            model_type,
            visible_at=as_of,
            start=span.start,
            end=span.end,
            labelled=False,
            columns=(*coverage_columns(model_type), *model_type.feature_columns),
        )
    return assess(
        rows,
        model_type,
        profile=profile_of(served)[0] if served else None,
        recent=recent,
        as_of=as_of,
        seed=model_type.random_seed,
    )
